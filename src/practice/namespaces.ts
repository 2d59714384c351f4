import { deleteObject } from './deletion.ts'
import { listAt, textAt } from './json.ts'
import { isTerminating, KINDS, type Kube, NAMESPACES } from './object.ts'
import type { Store } from './store.ts'

const FINALIZER = 'kubernetes'

/** Empties one namespace; true when nothing is left in it. */
function emptied(store: Store, { metadata: { name } }: Kube): boolean {
  const inside = KINDS.filter((kind) => kind.namespaced).flatMap((kind) =>
    store.list(kind, name).map((object) => ({ kind, object })),
  )
  for (const { kind, object } of inside.filter((one) => !isTerminating(one.object))) {
    if (store.get(kind, name, object.metadata.name))
      deleteObject(store, kind, object, { preconditions: {}, dryRun: false })
  }
  return inside.length === 0
}

/** The namespace controller: a deleted namespace is emptied and goes; other finalizers than its own keep it Terminating. */
export function reconcileNamespaces(store: Store): void {
  for (const space of store.list(NAMESPACES).filter(isTerminating)) {
    if (textAt(space.status, 'phase') !== 'Terminating') {
      store.update(NAMESPACES, { ...space, status: { ...space.status, phase: 'Terminating' } })
      continue
    }
    const finalizers = listAt(space.spec, 'finalizers')
    if (!emptied(store, space) || finalizers.some((one) => one !== FINALIZER)) continue
    store.remove(NAMESPACES, space)
  }
}
