import { type Json, listAt, textAt, textsAt } from './json.ts'
import { controllerOf, isReady, isTerminating, type Kube, nodeOf, NODES, PODS } from './object.ts'
import type { Store } from './store.ts'

const tolerated = (taint: Json, tolerations: readonly Json[]): boolean =>
  tolerations.some((one) => {
    const key = textAt(one, 'key')
    const effect = textAt(one, 'effect')
    if (effect !== undefined && effect !== textAt(taint, 'effect')) return false
    if (key !== undefined && key !== textAt(taint, 'key')) return false
    return textAt(one, 'operator') === 'Exists' || textAt(one, 'value') === textAt(taint, 'value')
  })

/** Whether the tolerations stand every NoSchedule and NoExecute taint of the node. */
export const tolerates = (tolerations: readonly Json[], node: Kube): boolean =>
  listAt(node.spec, 'taints')
    .filter((taint) => textAt(taint, 'effect') !== 'PreferNoSchedule')
    .every((taint) => tolerated(taint, tolerations))

function fits(pod: Kube, node: Kube): boolean {
  if (!isReady(node) || isTerminating(node)) return false
  const tolerations = listAt(pod.spec, 'tolerations')
  const cordoned: Json = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
  if (node.spec?.['unschedulable'] === true && !tolerated(cordoned, tolerations)) return false
  const labels = node.metadata.labels ?? {}
  return (
    Object.entries(textsAt(pod.spec, 'nodeSelector')).every(([key, value]) => labels[key] === value) &&
    tolerates(tolerations, node)
  )
}

/** Binds every pod that has no node to the one with the fewest pods of its owner, then the fewest of all. */
export function reconcileSchedule(store: Store): void {
  const pods = store.list(PODS)
  for (const pod of pods.filter((one) => nodeOf(one) === undefined && !isTerminating(one))) {
    const owner = controllerOf(pod)?.uid
    const load = (node: Kube): number => {
      const there = store.list(PODS).filter((one) => nodeOf(one) === node.metadata.name && !isTerminating(one))
      return 1000 * there.filter((one) => controllerOf(one)?.uid === owner).length + there.length
    }
    const [best] = store
      .list(NODES)
      .filter((node) => fits(pod, node))
      .map((node) => ({ name: node.metadata.name, load: load(node) }))
      .sort((a, b) => a.load - b.load)
    if (best) store.update(PODS, { ...pod, spec: { ...pod.spec, nodeName: best.name } })
  }
}
