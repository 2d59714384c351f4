import type { Cluster, Pod, Resources } from '../kubernetes/port.ts'
import type { CapacityFact } from './port.ts'

const FINISHED = new Set(['Succeeded', 'Failed'])
const sum = (all: readonly Resources[]): Resources => ({
  cpuMillis: all.reduce((s, r) => s + r.cpuMillis, 0),
  memoryBytes: all.reduce((s, r) => s + r.memoryBytes, 0),
})
const moves = (pod: Pod): boolean =>
  !pod.mirror && pod.controller?.kind !== 'DaemonSet' && pod.deletionAtMs === undefined

/**
 * Whether what has to move fits on the other schedulable Ready nodes: requests against free allocatable, as a sum. A worry, not a proof: affinity,
 * taints and fragmentation are the scheduler's. Control planes count only where they take ordinary pods. Throws what the cluster throws.
 */
export async function readCapacity(
  cluster: Cluster,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<CapacityFact> {
  const [nodes, { items: pods }] = await Promise.all([cluster.nodes({ signal }), cluster.pods({ signal })])
  const left = nodes.filter(
    (n) =>
      !targets.includes(n.name) &&
      n.ready === 'True' &&
      !n.unschedulable &&
      !n.taints.some((t) => t.effect !== 'PreferNoSchedule'),
  )
  const running = pods.filter((p) => p.node !== undefined && !FINISHED.has(p.phase))
  const on = (names: readonly string[]): readonly Pod[] => running.filter((p) => names.includes(p.node ?? ''))
  const needed = sum(
    on(targets)
      .filter(moves)
      .map((p) => p.requests),
  )
  const total = sum(left.map((n) => n.allocatable))
  const used = sum(on(left.map((n) => n.name)).map((p) => p.requests))
  const free = { cpuMillis: total.cpuMillis - used.cpuMillis, memoryBytes: total.memoryBytes - used.memoryBytes }
  return {
    needed,
    free,
    nodesLeft: left.length,
    fits: needed.cpuMillis <= free.cpuMillis && needed.memoryBytes <= free.memoryBytes,
  }
}
