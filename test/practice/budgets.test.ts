import { describe, expect, it } from 'vitest'
import { budgetStatus, scaled } from '../../src/practice/budgets.ts'
import type { Json } from '../../src/practice/json.ts'
import { BUDGETS, type Kube, type Meta, PODS, REPLICASETS } from '../../src/practice/object.ts'
import { Store } from '../../src/practice/store.ts'

const meta = (name: string, more: Partial<Meta> = {}): Meta => ({
  name,
  namespace: 'a',
  uid: `uid-${name}`,
  resourceVersion: '',
  creationTimestamp: '',
  ...more,
})

/** A replica set of `replicas`, with pods of these states under a budget; what the budget says then. */
function statusOf(
  spec: { [key: string]: Json },
  replicas: number,
  pods: readonly ('ready' | 'unready' | 'leaving' | 'failed')[],
) {
  const store = new Store()
  const set = store.create(REPLICASETS, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: meta('set'),
    spec: { replicas },
  })
  pods.forEach((state, i) => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', uid: set.metadata.uid, controller: true }
    const leaving = state === 'leaving' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}
    const metadata = meta(`pod-${i}`, { labels: { app: 'x' }, ownerReferences: [owner], ...leaving })
    const ready = state === 'ready' || state === 'leaving' ? 'True' : 'False'
    const status = { phase: state === 'failed' ? 'Failed' : 'Running', conditions: [{ type: 'Ready', status: ready }] }
    store.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status })
  })
  const budget: Kube = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: meta('budget'),
    spec: { ...spec, selector: { matchLabels: { app: 'x' } } },
  }
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = budgetStatus(
    store,
    store.create(BUDGETS, budget),
  )
  return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed]
}

describe('a budget: expected, desired, healthy, allowed', () => {
  it.each([
    ['minAvailable counts the pods there are', { minAvailable: 2 }, 3, ['ready', 'ready', 'ready'], [3, 2, 3, 1]],
    ['an unready pod is no spare one', { minAvailable: 2 }, 3, ['ready', 'ready', 'unready'], [3, 2, 2, 0]],
    ['a leaving pod is no healthy one', { minAvailable: 2 }, 3, ['ready', 'ready', 'leaving'], [3, 2, 2, 0]],
    ['a failed pod does not count at all', { minAvailable: 1 }, 1, ['ready', 'failed'], [1, 1, 1, 0]],
    ['maxUnavailable counts the wanted replicas', { maxUnavailable: 1 }, 3, ['ready', 'ready'], [3, 2, 2, 0]],
    ['percentages round up', { minAvailable: '34%' }, 3, ['ready', 'ready', 'ready'], [3, 2, 3, 1]],
    ['maxUnavailable in percent, too', { maxUnavailable: '34%' }, 3, ['ready', 'ready', 'ready'], [3, 1, 3, 2]],
    ['nothing selected, nothing allowed', { maxUnavailable: 1 }, 0, [], [0, 0, 0, 0]],
  ] as const)('%s', (_what, spec, replicas, pods, wanted) => {
    expect(statusOf(spec, replicas, pods)).toEqual(wanted)
  })

  it('reads a count as it is and nonsense as none', () => {
    expect([scaled(3, 10), scaled('25%', 10), scaled('many', 10), scaled(undefined, 10)]).toEqual([3, 3, 0, 0])
  })
})
