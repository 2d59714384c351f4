import type { Cluster, Owner, Pdb, Pod, Workload } from '../systems/kubernetes/port.ts'
import { podName, type Sorted } from './drain-filters.ts'
import { budgetsOf, pdbName, type Survey } from './survey.ts'

/** Pods of one workload under the same budgets: what a plan speaks of, since single pods are replaceable. */
export type PodGroup = {
  /** `Deployment gitea-acme/gitea pdb gitea-acme/gitea`: no node, no pod name but for pods without a controller. */
  readonly key: string
  /** `gitea-acme/gitea`. */
  readonly object: string
  readonly kind: string
  readonly workload?: Workload
  readonly budgets: readonly Pdb[]
  readonly pods: readonly Sorted[]
}

type LookUp = (pod: Pod, owner: Owner) => Promise<Workload | undefined>

/** Looks owners up, each once per plan: `cache` is the plan's. */
export const workloadsOf =
  (cluster: Cluster, cache: Map<string, Promise<unknown>>, signal: AbortSignal): LookUp =>
  (pod, owner) => {
    const key = `workload ${owner.uid}`
    const known = cache.get(key)
    // only this function writes keys that start with `workload `
    if (known !== undefined) return known as Promise<Workload | undefined>
    const asked = cluster.workload(pod.namespace, owner, { signal })
    cache.set(key, asked)
    return asked
  }

const budgetKey = (budgets: readonly Pdb[]): string =>
  budgets
    .map((pdb) => ` pdb ${pdbName(pdb)}`)
    .toSorted()
    .join('')

/** What a controller's pods are known by without asking for its owner: uid and budgets. */
export const controllerKey = (pod: Pod, pdbs: readonly Pdb[]): string =>
  `${pod.controller?.uid ?? podName(pod)}${budgetKey(budgetsOf(pod, pdbs))}`

async function ownerOf(
  pod: Pod,
  lookUp: LookUp,
): Promise<{ readonly kind: string; readonly object: string; readonly workload?: Workload }> {
  if (pod.controller === undefined) return { kind: 'Pod', object: podName(pod) }
  const { kind, name } = pod.controller
  const workload = kind === 'DaemonSet' ? undefined : await lookUp(pod, pod.controller)
  if (workload === undefined) return { kind, object: `${pod.namespace}/${name}` }
  return { kind: workload.kind, object: `${workload.namespace}/${workload.name}`, workload }
}

/** Groups sorted pods by workload and budgets, in the order of their first pod. */
export async function groupPods(
  sorted: readonly Sorted[],
  { pdbs }: Pick<Survey, 'pdbs'>,
  lookUp: LookUp,
): Promise<readonly PodGroup[]> {
  const owned = await Promise.all(
    sorted.map(async (one) => {
      const owner = await ownerOf(one.pod, lookUp)
      const budgets = budgetsOf(one.pod, pdbs)
      return { one, owner, budgets, key: `${owner.kind} ${owner.object}${budgetKey(budgets)}` }
    }),
  )
  return [...Map.groupBy(owned, ({ key }) => key)].flatMap(([key, of]) => {
    const [first] = of
    return first === undefined ? [] : [{ key, ...first.owner, budgets: first.budgets, pods: of.map(({ one }) => one) }]
  })
}
