import { at, type Json, type JsonObject, numberAt, objectAt, textsAt } from './json.ts'
import {
  BUDGETS,
  controllerOf,
  DEPLOYMENTS,
  isEnded,
  isReady,
  isTerminating,
  type Kind,
  type Kube,
  PODS,
  REPLICASETS,
  STATEFULSETS,
} from './object.ts'
import { selected } from './selectors.ts'
import type { Store } from './store.ts'

const DISRUPTED_FOR_MS = 120_000
const SCALED: readonly Kind[] = [DEPLOYMENTS, REPLICASETS, STATEFULSETS]

/** A count or a percentage of `total`, rounded up as the disruption controller does. */
export function scaled(value: Json | undefined, total: number): number {
  if (typeof value === 'number') return value
  const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined
  return percent === undefined ? 0 : Math.ceil((Number(percent) * total) / 100)
}

/** Replicas wanted by the distinct controllers of the pods (getExpectedScale). */
function expectedScale(store: Store, pods: readonly Kube[]): number {
  const owners = new Map(pods.map((pod) => [controllerOf(pod)?.uid ?? '', pod]))
  let total = 0
  for (const pod of owners.values()) {
    const owner = controllerOf(pod)
    const kind = SCALED.find((one) => one.kind === owner?.kind)
    const found = kind && owner ? store.get(kind, pod.metadata.namespace, owner.name) : undefined
    total += numberAt(found?.spec, 'replicas') ?? 0
  }
  return total
}

function expected(store: Store, budget: Kube, pods: readonly Kube[]): { expectedPods: number; desiredHealthy: number } {
  const maxUnavailable = at(budget.spec, 'maxUnavailable')
  if (maxUnavailable !== undefined) {
    const total = expectedScale(store, pods)
    return { expectedPods: total, desiredHealthy: Math.max(0, total - scaled(maxUnavailable, total)) }
  }
  const minAvailable = at(budget.spec, 'minAvailable')
  if (typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable }
  const total = expectedScale(store, pods)
  return { expectedPods: total, desiredHealthy: scaled(minAvailable, total) }
}

/** Evictions that were allowed and whose pods do not terminate yet. */
function stillDisrupted(budget: Kube, pods: readonly Kube[], nowMs: number): JsonObject {
  const entries = Object.entries(textsAt(budget.status, 'disruptedPods')).filter(([name, since]) => {
    const pod = pods.find((one) => one.metadata.name === name)
    return pod && !isTerminating(pod) && Date.parse(since) + DISRUPTED_FOR_MS > nowMs
  })
  return Object.fromEntries(entries)
}

/** The status of a budget as pkg/controller/disruption computes it. */
export function budgetStatus(store: Store, budget: Kube): JsonObject {
  const pods = store
    .list(PODS, budget.metadata.namespace)
    .filter((pod) => !isEnded(pod) && selected(at(budget.spec, 'selector'), pod.metadata.labels ?? {}))
  const disruptedPods = stillDisrupted(budget, pods, store.nowMs())
  const healthy = pods.filter(
    (pod) => !isTerminating(pod) && isReady(pod) && !Object.hasOwn(disruptedPods, pod.metadata.name),
  )
  const { expectedPods, desiredHealthy } = expected(store, budget, pods)
  const spare = expectedPods <= 0 ? 0 : Math.max(0, healthy.length - desiredHealthy)
  return {
    ...objectAt(budget.status),
    observedGeneration: budget.metadata.generation ?? 1,
    expectedPods,
    desiredHealthy,
    currentHealthy: healthy.length,
    disruptionsAllowed: spare,
    disruptedPods,
  }
}

/** The disruption controller: every budget's status from the pods as they are now. */
export function reconcileBudgets(store: Store): void {
  for (const budget of store.list(BUDGETS)) store.update(BUDGETS, { ...budget, status: budgetStatus(store, budget) })
}
