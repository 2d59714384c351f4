import type { Cluster, Node, Pod } from '../kubernetes/port.ts'
import type { QuorumFact } from './port.ts'

/** A kubelet renews its node's Lease every 10 s; older than this it is not there. */
const LEASE_MS = 20_000
/** The API server tells its time in whole seconds: it may be that much later. */
const CLOCK_STEP_MS = 1_000

/**
 * The voters of a stacked etcd as the cluster shows them. A voter is healthy only if its etcd pod and its node are Ready and the node's Lease is
 * younger than 20 s by the API server's clock: a node that lost its power is still "Ready" for 40 s. Throws what the cluster throws.
 */
export async function readQuorum(
  cluster: Cluster,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<QuorumFact> {
  const [nodes, { items: pods }, nowMs] = await Promise.all([
    cluster.nodes({ signal }),
    cluster.pods({ namespace: 'kube-system', labelSelector: 'component=etcd,tier=control-plane', signal }),
    cluster.serverTimeMs({ signal }),
  ])
  const planes = nodes.filter((n) => n.controlPlane || pods.some((p) => p.node === n.name))
  if (planes.length === 0) throw new Error('no node has the control-plane role, so the etcd members cannot be known')
  if (pods.length === 0) throw new Error('no etcd pod is to be seen: an external etcd is not read yet')
  const voters = await Promise.all(
    planes.map((node) =>
      voter(
        cluster,
        node,
        pods.find((p) => p.node === node.name),
        nowMs,
        signal,
      ),
    ),
  )
  return { voters, targets: targets.filter((t) => planes.some((n) => n.name === t)) }
}

async function voter(
  cluster: Cluster,
  node: Node,
  pod: Pod | undefined,
  nowMs: number,
  signal: AbortSignal,
): Promise<QuorumFact['voters'][number]> {
  const why = sickness(node, pod) ?? (await staleLease(cluster, node, nowMs, signal))
  return { node: node.name, healthy: why === undefined, ...(why === undefined ? {} : { why }) }
}

function sickness(node: Node, pod: Pod | undefined): string | undefined {
  if (pod === undefined) return 'it has no etcd pod'
  if (node.ready !== 'True') return 'the node is not Ready'
  return pod.ready ? undefined : 'its etcd pod is not Ready'
}

async function staleLease(
  cluster: Cluster,
  node: Node,
  nowMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const renewedAtMs = (await cluster.lease('kube-node-lease', node.name, { signal }))?.renewedAtMs
  if (renewedAtMs === undefined) return 'the node has no Lease'
  const ageMs = nowMs + CLOCK_STEP_MS - renewedAtMs
  return ageMs < LEASE_MS ? undefined : `its kubelet was last heard ${Math.round(ageMs / 1000)} s ago`
}
