import { checkDeletion, deleteObject, deleteOptions, isDryRun } from './deletion.ts'
import { badRequest, Failure, forbidden, successStatus } from './failure.ts'
import { at, type Json, type JsonObject, numberAt, objectAt, textAt } from './json.ts'
import { BUDGETS, isReady, isTerminating, type Kube, NAMESPACES, phaseOf, PODS } from './object.ts'
import { selected } from './selectors.ts'
import type { Store } from './store.ts'

const MULTIPLE = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."

function tooMany(cause: string, retryAfterSeconds: number): Failure {
  return new Failure(429, 'TooManyRequests', VIOLATES, {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  })
}

/** canIgnorePDB of upstream's eviction.go: such a pod counts for no budget. */
const ignoresBudgets = (pod: Kube): boolean =>
  ['Pending', 'Succeeded', 'Failed'].includes(phaseOf(pod)) || isTerminating(pod)

/** An unready pod whose eviction cannot make things worse passes without taking from the budget. */
function passesUnready(pod: Kube, budget: Kube): boolean {
  if (isReady(pod)) return false
  if (textAt(budget.spec, 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true
  const desired = numberAt(budget.status, 'desiredHealthy') ?? 0
  return desired > 0 && (numberAt(budget.status, 'currentHealthy') ?? 0) >= desired
}

/** checkAndDecrement of upstream's eviction.go. Throws Failure 429, 403. */
function takeFromBudget(store: Store, budget: Kube, pod: Kube, dryRun: boolean): void {
  const { name } = budget.metadata
  const status = objectAt(budget.status)
  if ((numberAt(status, 'observedGeneration') ?? 0) < (budget.metadata.generation ?? 1)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10)
  }
  const allowed = numberAt(status, 'disruptionsAllowed') ?? 0
  if (allowed < 0) throw forbidden(BUDGETS, name, 'pdb disruptions allowed is negative')
  if (allowed === 0) {
    const needs = numberAt(status, 'desiredHealthy') ?? 0
    const has = numberAt(status, 'currentHealthy') ?? 0
    throw tooMany(`The disruption budget ${name} needs ${needs} healthy pods and has ${has} currently`, 0)
  }
  if (dryRun) return
  const disruptedPods = { ...objectAt(status, 'disruptedPods'), [pod.metadata.name]: store.stamp() }
  store.update(BUDGETS, { ...budget, status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods } })
}

function checkNamespace(store: Store, pod: Kube): void {
  const namespace = pod.metadata.namespace ?? ''
  if (!isTerminating(store.need(NAMESPACES, undefined, namespace))) return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  throw forbidden(PODS, pod.metadata.name, why, [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ])
}

/**
 * POST pods/NAME/eviction, the rules of kubernetes pkg/registry/core/pod/storage/eviction.go.
 * Returns a Status; throws Failure 400, 403, 404, 409, 429, 500.
 */
export function evict(store: Store, namespace: string, name: string, body: Json, query: URLSearchParams): JsonObject {
  if (textAt(body, 'metadata', 'name') !== name) throw badRequest('name in URL does not match name in Eviction object')
  const pod = store.need(PODS, namespace, name)
  checkNamespace(store, pod)
  const inner = objectAt(body, 'deleteOptions')
  const dryRun = isDryRun(inner, query)
  const options = { ...deleteOptions(inner, query), dryRun }
  checkDeletion(PODS, pod, options.preconditions)
  if (!ignoresBudgets(pod)) {
    const budgets = store
      .list(BUDGETS, namespace)
      .filter((budget) => selected(at(budget.spec, 'selector'), pod.metadata.labels ?? {}))
    if (budgets.length > 1) throw new Failure(500, '', MULTIPLE)
    const [budget] = budgets
    if (budget && !passesUnready(pod, budget)) takeFromBudget(store, budget, pod, dryRun)
  }
  deleteObject(store, PODS, pod, options)
  return successStatus(201)
}
