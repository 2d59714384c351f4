import { SluiceError } from '../errors.ts'
import { type Cluster, type Owner, type Pdb, type Pod, selects } from '../systems/kubernetes/port.ts'
import {
  type DaemonSetLookup,
  type DrainOptions,
  daemonSetOf,
  isFinished,
  type Sorted,
  sortPod,
} from './drain-filters.ts'

/** The pods of a node as the filters sort them, and the budgets of the cluster, read once. */
export type Survey = {
  readonly sorted: readonly Sorted[]
  readonly pdbs: readonly Pdb[]
  /** Where a watch of the pods goes on. */
  readonly resourceVersion: string
  /** The API server's clock minus ours, ms. */
  readonly serverAheadMs: number
}

async function lookUp(
  cluster: Cluster,
  namespace: string,
  owner: Owner,
  signal: AbortSignal,
): Promise<DaemonSetLookup> {
  try {
    const found = await cluster.daemonSet(namespace, owner.name, { signal })
    if (found !== undefined) return { found: true }
    return { found: false, missing: true, error: `daemonsets.apps "${owner.name}" not found` }
  } catch (error) {
    // only an answer of the API server makes a pod fatal; no answer at all fails the whole step
    if (!(error instanceof SluiceError) || !['K8S-FORBIDDEN', 'K8S-ERROR', 'K8S-FAULT'].includes(error.code))
      throw error
    return { found: false, missing: false, error: error.message }
  }
}

async function daemonSets(
  cluster: Cluster,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DaemonSetLookup>> {
  const owners = new Map(
    pods.flatMap((pod) => {
      const owner = daemonSetOf(pod)
      return owner === undefined || isFinished(pod) ? [] : [[owner.uid, { namespace: pod.namespace, owner }] as const]
    }),
  )
  const found = await Promise.all(
    [...owners].map(
      async ([uid, { namespace, owner }]) => [uid, await lookUp(cluster, namespace, owner, signal)] as const,
    ),
  )
  return new Map(found)
}

/** Lists the pods of a node once, with their DaemonSets and the budgets. Throws what the port throws. */
export async function surveyNode(
  cluster: Cluster,
  node: string,
  options: DrainOptions,
  clock: { readonly nowMs: () => number; readonly signal: AbortSignal },
): Promise<Survey> {
  const { signal } = clock
  const labelSelector = options.podSelector === undefined ? {} : { labelSelector: options.podSelector }
  const [{ items, resourceVersion }, pdbs, serverAheadMs] = await Promise.all([
    cluster.pods({ node, signal, ...labelSelector }),
    cluster.pdbs({ signal }),
    options.skipWaitForDeleteTimeoutSeconds > 0 ? cluster.serverTimeMs({ signal }).then((ms) => ms - clock.nowMs()) : 0,
  ])
  const lookups = await daemonSets(cluster, items, signal)
  const serverNowMs = clock.nowMs() + serverAheadMs
  const sorted = items.map((pod) => sortPod(pod, options, lookups.get(pod.controller?.uid ?? ''), serverNowMs))
  return { sorted, pdbs, resourceVersion, serverAheadMs }
}

export const pdbName = (pdb: Pdb): string => `${pdb.namespace}/${pdb.name}`

/** The budgets over a pod (same namespace, matching selector). */
export const budgetsOf = (pod: Pod, pdbs: readonly Pdb[]): readonly Pdb[] =>
  pdbs.filter((pdb) => pdb.namespace === pod.namespace && selects(pdb.selector, pod.labels))

/** The eviction API looks at no budget for these (kubernetes pkg/registry/core/pod/storage/eviction.go canIgnorePDB). */
export const ignoresBudgets = (pod: Pod): boolean =>
  pod.phase === 'Pending' || isFinished(pod) || pod.deletionAtMs !== undefined
