import { z } from 'zod'
import type { Cluster, Pdb, Pod } from '../kubernetes/port.ts'
import type { StorageFact } from './port.ts'

const cephCluster = z.object({ status: z.object({ ceph: z.object({ health: z.string() }).optional() }).optional() })

/** Rook's blocking budgets carry kind and name of the failure domain (clusterdisruption in rook/rook). */
const BLOCKING = /^rook-ceph-osd-(host|rack|row|room|chassis|zone|region|datacenter)-(.+)$/

const domainOf = (osd: Pod, kind: string): string => osd.labels[`topology-location-${kind}`] ?? osd.node ?? ''

/**
 * The storage cluster from the CephCluster's status and Rook's budgets, without a command inside Ceph. While a failure domain drains, Rook blocks all
 * *other* ones: the domain without a blocking budget is the one that drains. Throws what the cluster throws, and when a CephCluster has no status.
 */
export async function readStorage(
  cluster: Cluster,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<StorageFact> {
  const clusters = await cluster.custom('ceph.rook.io', 'v1', 'cephclusters', { signal })
  if (clusters.length === 0)
    return { touches: false, health: 'no Ceph here', healthy: true, targetDomains: [], draining: [] }
  const [{ items: osds }, { items: mons }, pdbs] = await Promise.all([
    cluster.pods({ labelSelector: 'app=rook-ceph-osd', signal }),
    cluster.pods({ labelSelector: 'app=rook-ceph-mon', signal }),
    cluster.pdbs({ signal }),
  ])
  const on = (pods: readonly Pod[]): readonly Pod[] =>
    pods.filter((p) => p.node !== undefined && targets.includes(p.node))
  const here = on(osds)
  const health = worst(clusters)
  return {
    touches: here.length + on(mons).length > 0,
    health,
    healthy: health === 'HEALTH_OK',
    targetDomains: [...new Set(here.map((osd) => domainOf(osd, 'host')))],
    draining: drainingDomains(osds, pdbs),
  }
}

function worst(clusters: readonly unknown[]): string {
  const all = clusters.map((c) => cephCluster.parse(c).status?.ceph?.health)
  if (all.includes(undefined))
    throw new Error('a CephCluster has no health in its status: the Rook operator has not reported yet')
  return all.find((h) => h !== 'HEALTH_OK') ?? 'HEALTH_OK'
}

function drainingDomains(osds: readonly Pod[], pdbs: readonly Pdb[]): readonly string[] {
  const blocking = pdbs.flatMap((p) => (p.maxUnavailable === '0' ? [BLOCKING.exec(p.name) ?? []] : []))
  const kind = blocking.find((match) => match.length > 0)?.[1]
  if (kind === undefined) return []
  const blocked = new Set(blocking.map((match) => match[2]))
  return [...new Set(osds.map((osd) => domainOf(osd, kind)))].filter((domain) => !blocked.has(domain))
}
