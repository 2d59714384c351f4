import { type Code, ERRORS } from '../errors.ts'
import type { Cluster, Pdb } from '../systems/kubernetes/port.ts'
import { type DrainOptions, daemonSetOf, isFinished, podName, type Sorted } from './drain-filters.ts'
import type { PodGroup } from './pod-groups.ts'
import type { Finding } from './step.ts'
import { ignoresBudgets, pdbName } from './survey.ts'

const MAX_NAMES = 20
const WITH_REPLICAS: ReadonlySet<string> = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'])

const names = (pods: readonly Sorted[]): string => {
  const shown = pods.slice(0, MAX_NAMES).map(({ pod }) => pod.name)
  return `${shown.join(', ')}${pods.length > MAX_NAMES ? ` and ${pods.length - MAX_NAMES} more` : ''}`
}
/** Volatile: which pods, where the object is not the pod itself. */
const which = (pods: readonly Sorted[]): { readonly detail?: string } =>
  pods.length === 1 ? {} : { detail: names(pods) }
/** One pod is called by its own name, several by their workload's. */
const objectOf = ({ pods: [first, ...others], object }: PodGroup): string =>
  first === undefined || others.length > 0 ? object : podName(first.pod)
/** In summaries: the workload, because its pods' names are random; a StatefulSet's are not. */
const workloadOf = (group: PodGroup): string =>
  group.kind === 'StatefulSet' || group.kind === 'Pod' ? objectOf(group) : group.object
const doing = (group: PodGroup, does: Sorted['does']): readonly Sorted[] =>
  group.pods.filter((one) => one.does === does)

const FATAL: Readonly<Record<string, { readonly code: Code; readonly topic: string }>> = {
  'local-storage': { code: 'DRAIN-LOCAL', topic: 'emptydir' },
  unmanaged: { code: 'DRAIN-UNMANAGED', topic: 'unmanaged' },
  daemonset: { code: 'DRAIN-DAEMONSET', topic: 'daemonset-missing' },
}

function fatalFindings(node: string, group: PodGroup, sentence: string | undefined): readonly Finding[] {
  return [...Map.groupBy(doing(group, 'fatal'), ({ by, message }) => `${by} ${message}`).values()].map((pods) => {
    const { by = 'unmanaged', message = '' } = pods[0] ?? {}
    const { code, topic } = FATAL[by] ?? { code: 'DRAIN-UNMANAGED', topic: 'unmanaged' }
    return {
      key: `${topic} ${node} ${group.key}`,
      object: objectOf(group),
      verdict: 'block',
      code,
      topic,
      reason: `cannot delete ${message}`,
      fix: ERRORS[code].advice,
      ...which(pods),
      count: pods.length,
      ...(sentence === undefined || by === 'daemonset' ? {} : { sentence }),
    } satisfies Finding
  })
}

type Remark = Pick<Finding, 'topic' | 'reason' | 'code'> & { readonly pods: readonly Sorted[] }

/** What people should know of pods that go. */
function remarks(group: PodGroup, going: readonly Sorted[]): readonly Remark[] {
  const evicted = going.filter(({ does }) => does === 'evict')
  const single = WITH_REPLICAS.has(group.kind) && group.workload?.replicas === 1
  const all: readonly Remark[] = [
    { topic: 'single-replica', pods: single ? going : [], reason: 'has one replica: down until it runs elsewhere' },
    {
      topic: 'unmanaged',
      pods: going.filter(({ by }) => by === 'unmanaged'),
      code: 'DRAIN-UNMANAGED',
      reason: 'no controller: will not come back',
    },
    {
      topic: 'emptydir',
      pods: evicted.filter(({ pod }) => pod.emptyDirs.length > 0),
      code: 'DRAIN-LOCAL',
      reason: 'its emptyDir data is deleted',
    },
    {
      topic: 'daemonset-missing',
      pods: evicted.filter(({ pod }) => daemonSetOf(pod) !== undefined && !isFinished(pod)),
      reason: 'its DaemonSet does not exist: will not come back',
    },
  ]
  return all.filter(({ pods }) => pods.length > 0)
}

function goingFindings(node: string, group: PodGroup, going: readonly Sorted[]): readonly Finding[] {
  if (going.length === 0) return []
  const object = workloadOf(group)
  const evict = { topic: 'evict', reason: `evicted (${group.kind})`, pods: going }
  return [evict, ...remarks(group, going)].map(({ pods, ...remark }) => ({
    ...remark,
    key: `${remark.topic} ${node} ${group.key}`,
    object,
    verdict: remark.topic === 'evict' ? 'do' : 'warn',
    count: pods.length,
    ...which(pods),
  }))
}

function multiPdbFinding(
  node: string,
  group: PodGroup,
  going: readonly Sorted[],
  options: DrainOptions,
): readonly Finding[] {
  const caught = going.filter(({ pod }) => !ignoresBudgets(pod))
  if (options.disableEviction || group.budgets.length < 2 || caught.length === 0) return []
  const budgets = group.budgets.map(pdbName).join(', ')
  return [
    {
      key: `multipdb ${node} ${group.key}`,
      object: objectOf(group),
      verdict: 'block',
      code: 'DRAIN-MULTIPDB',
      topic: 'pdb',
      reason: 'is under more than one PodDisruptionBudget, which the eviction API does not support',
      fix: `Remove one of the PDBs ${budgets}.`,
      ...which(caught),
      count: caught.length,
    },
  ]
}

const stayFindings = (node: string, group: PodGroup): readonly Finding[] =>
  doing(group, 'skip').map(({ pod, by }) => {
    const base = { object: podName(pod), verdict: 'skip', count: 1 } as const
    if (by === 'daemonset')
      return {
        ...base,
        object: group.object,
        key: `stays ${node} ${group.key}`,
        topic: 'stays',
        reason: 'DaemonSet pod, stays',
      }
    if (by === 'mirror')
      return {
        ...base,
        key: `mirror ${node} ${podName(pod)}`,
        topic: 'mirror',
        reason: 'static pod of the kubelet, stays',
      }
    return {
      ...base,
      key: `left ${node} ${group.key}`,
      topic: 'terminating',
      reason: 'has been terminating for long, is not waited for',
    }
  })

/**
 * A budget over pods that go. Always `warn`: whether it is at its limit this second is detail, or a plan would seem to have grown
 * whenever an eviction of its own has used the budget up.
 */
export function budgetFindings(node: string, groups: readonly PodGroup[], options: DrainOptions): readonly Finding[] {
  const byBudget = new Map<string, { readonly pdb: Pdb; pods: number }>()
  for (const group of groups) {
    const pods = group.pods.filter(({ does, pod }) => does === 'evict' && !ignoresBudgets(pod)).length
    for (const pdb of pods === 0 ? [] : group.budgets) {
      const entry = byBudget.get(pdbName(pdb)) ?? { pdb, pods: 0 }
      byBudget.set(pdbName(pdb), { pdb, pods: entry.pods + pods })
    }
  }
  return [...byBudget].map(([name, { pdb, pods }]) => {
    const state = pdb.disruptionsAllowed === 0 ? 'is at its limit' : 'lets only some go at a time'
    const reason = options.disableEviction ? 'is ignored: the pods are deleted, not evicted' : state
    const numbers = `needs ${pdb.desiredHealthy} healthy, has ${pdb.currentHealthy}, lets ${pdb.disruptionsAllowed} go now`
    return {
      key: `pdb ${node} ${name}`,
      object: name,
      verdict: 'warn',
      code: 'DRAIN-PDB',
      topic: 'pdb',
      reason,
      detail: `${pods} ${pods === 1 ? 'pod' : 'pods'} here; ${numbers}`,
      count: pods,
    }
  })
}

/** Claims that can be mounted on this node only. */
export async function pinnedFindings(
  cluster: Cluster,
  node: string,
  groups: readonly PodGroup[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const claims = groups.flatMap((group) =>
    group.pods
      .filter(({ does }) => does === 'evict')
      .flatMap(({ pod }) => pod.claims.map((claim) => ({ group, pod, claim }))),
  )
  const pinned = await Promise.all(
    claims.map(({ pod, claim }) => cluster.claimPinnedTo(pod.namespace, claim, { signal })),
  )
  return claims.flatMap(({ group, pod, claim }, i): readonly Finding[] => {
    const nodes = pinned[i]
    if (nodes === undefined || nodes.some((name) => name !== node)) return []
    return [
      {
        key: `local-volume ${node} ${group.key}`,
        object: podName(pod),
        verdict: 'warn',
        topic: 'local-volume',
        reason: `its claim ${claim} is a local volume of ${node}: it cannot start elsewhere`,
        count: 1,
      },
    ]
  })
}

/** Everything a plan says about a node's pods. `sentence` is offered where saying more would let a blocked drain go. */
export function podFindings(
  node: string,
  groups: readonly PodGroup[],
  options: DrainOptions,
  sentence: string | undefined,
): readonly Finding[] {
  return groups.flatMap((group) => {
    const going = [...doing(group, 'evict'), ...doing(group, 'wait')]
    return [
      ...fatalFindings(node, group, sentence),
      ...multiPdbFinding(node, group, going, options),
      ...goingFindings(node, group, going),
      ...stayFindings(node, group),
    ]
  })
}
