import { deleteConflict } from './failure.ts'
import { type Json, listAt, numberAt, textAt } from './json.ts'
import { graceOf, isEnded, isTerminating, type Kind, type Kube, NAMESPACES, nodeOf, PODS } from './object.ts'
import { type Preconditions, type Store, timestamp } from './store.ts'

export type DeleteOptions = {
  /** Seconds; undefined is the object's own. */
  readonly graceSeconds?: number
  readonly preconditions: Preconditions
  readonly dryRun: boolean
}

/** metav1.DeleteOptions; the query's dryRun and gracePeriodSeconds count as well. */
export function deleteOptions(body: Json | undefined, query: URLSearchParams): DeleteOptions {
  const asked = numberAt(body, 'gracePeriodSeconds')
  const inQuery = query.get('gracePeriodSeconds')
  const grace = asked ?? (inQuery === null ? undefined : Number(inQuery))
  const uid = textAt(body, 'preconditions', 'uid')
  const resourceVersion = textAt(body, 'preconditions', 'resourceVersion')
  return {
    ...(grace === undefined ? {} : { graceSeconds: grace }),
    preconditions: {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    dryRun: isDryRun(body, query),
  }
}

export const isDryRun = (body: Json | undefined, query: URLSearchParams): boolean =>
  query.getAll('dryRun').includes('All') || textAt(body, 'dryRun', 0) === 'All'

/** Grace of a pod as registry/core/pod/strategy.go CheckGracefulDelete: none where no kubelet runs it. */
function grace(pod: Kube, asked: number | undefined): number {
  if (nodeOf(pod) === undefined || isEnded(pod)) return 0
  return asked ?? graceOf(pod)
}

/** Throws Failure 409 when a precondition of a deletion does not hold. */
export function checkDeletion(kind: Kind, { metadata }: Kube, wanted: Preconditions): void {
  const { name, uid, resourceVersion } = metadata
  if (wanted.uid !== undefined && wanted.uid !== uid) throw deleteConflict(kind, name, 'UID', wanted.uid, uid)
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    throw deleteConflict(kind, name, 'ResourceVersion', wanted.resourceVersion, resourceVersion)
  }
}

/** Finalizers hold an object back; a namespace's stand in its spec, too. */
const isHeld = (kind: Kind, object: Kube): boolean =>
  (object.metadata.finalizers ?? []).length > 0 || (kind === NAMESPACES && listAt(object.spec, 'finalizers').length > 0)

/**
 * Deletes as the API server does: a running pod is marked and its kubelet removes it; finalizers hold an object back.
 * Returns the object as it is then, and whether it is gone. Throws Failure 404, 409.
 */
export function deleteObject(
  store: Store,
  kind: Kind,
  object: Kube,
  options: DeleteOptions,
): { object: Kube; gone: boolean } {
  const now = store.need(kind, object.metadata.namespace, object.metadata.name)
  checkDeletion(kind, now, options.preconditions)
  const seconds = kind === PODS ? grace(now, options.graceSeconds) : 0
  const held = isHeld(kind, now)
  if (options.dryRun) return { object: now, gone: seconds === 0 && !held }
  if (seconds === 0 && !held) return { object: store.remove(kind, now), gone: true }
  const before = now.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY
  if (isTerminating(now) && seconds >= before) return { object: now, gone: false }
  const metadata = {
    ...now.metadata,
    deletionTimestamp: timestamp(store.nowMs() + seconds * 1000),
    deletionGracePeriodSeconds: seconds,
  }
  return { object: store.update(kind, { ...now, metadata }), gone: false }
}

/** What a kubelet does when the containers have ended: the pod goes, unless finalizers hold it. */
export function finishDeletion(store: Store, pod: Kube): void {
  const now = store.get(PODS, pod.metadata.namespace, pod.metadata.name)
  if (!now || now.metadata.uid !== pod.metadata.uid) return
  if ((now.metadata.finalizers ?? []).length === 0) store.remove(PODS, now)
  else store.update(PODS, { ...now, metadata: { ...now.metadata, deletionGracePeriodSeconds: 0 } })
}
