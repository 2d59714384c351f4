import type { Owner, Pod } from '../systems/kubernetes/port.ts'

/** What kubectl's drain flags say; times in the unit of the name, -1 = the pod's own grace period. */
export type DrainOptions = {
  readonly deleteEmptydirData: boolean
  readonly force: boolean
  readonly disableEviction: boolean
  readonly ignoreDaemonsets: boolean
  readonly gracePeriodSeconds: number
  /** 0 = off: pods that terminate for longer are not waited for. */
  readonly skipWaitForDeleteTimeoutSeconds: number
  readonly timeoutMs: number
  readonly podSelector?: string
}

/** What a look at the pod's DaemonSet gave; `error` is the server's text. */
export type DaemonSetLookup =
  | { readonly found: true }
  | { readonly found: false; readonly missing: boolean; readonly error: string }

export type FilterName = 'deleted' | 'daemonset' | 'mirror' | 'terminating' | 'local-storage' | 'unmanaged'
export type Sorted = {
  readonly pod: Pod
  /** evict: as usual; wait: terminates already; skip: stays; fatal: nothing may be evicted on this node. */
  readonly does: 'evict' | 'wait' | 'skip' | 'fatal'
  /** Which filter decided; undefined when none had anything to say. */
  readonly by?: FilterName
  /** kubectl's text without the pod's name. */
  readonly message?: string
}

export const TEXT = {
  daemonSetFatal: 'DaemonSet-managed Pods (use --ignore-daemonsets to ignore)',
  daemonSetWarning: 'ignoring DaemonSet-managed Pods',
  localStorageFatal: 'Pods with local storage (use --delete-emptydir-data to override)',
  localStorageWarning: 'deleting Pods with local storage',
  unmanagedFatal: 'Pods that declare no controller (use --force to override)',
  unmanagedWarning: 'deleting Pods that declare no controller',
} as const

export const podName = (pod: Pod): string => `${pod.namespace}/${pod.name}`
export const isFinished = (pod: Pod): boolean => pod.phase === 'Succeeded' || pod.phase === 'Failed'
export const daemonSetOf = (pod: Pod): Owner | undefined =>
  pod.controller?.kind === 'DaemonSet' && pod.controller.apiVersion === 'apps/v1' ? pod.controller : undefined

/** True when the pod's deletionTimestamp (the end of its grace period) is older than the limit (DR-45, DR-46). */
export const isPastSkip = (pod: Pod, seconds: number, serverNowMs: number): boolean =>
  seconds > 0 && pod.deletionAtMs !== undefined && Math.floor((serverNowMs - pod.deletionAtMs) / 1000) > seconds

function byDaemonSet(pod: Pod, options: DrainOptions, lookup: DaemonSetLookup | undefined): Sorted | undefined {
  if (daemonSetOf(pod) === undefined || isFinished(pod)) return undefined
  if (lookup === undefined || lookup.found) {
    return options.ignoreDaemonsets
      ? { pod, does: 'skip', by: 'daemonset', message: TEXT.daemonSetWarning }
      : { pod, does: 'fatal', by: 'daemonset', message: TEXT.daemonSetFatal }
  }
  return lookup.missing && options.force ? undefined : { pod, does: 'fatal', by: 'daemonset', message: lookup.error }
}

/**
 * kubectl's chain of filters for one pod: skipDeleted, daemonSet, mirror, localStorage, unreplicated; the last one's word counts
 * (kubernetes/kubectl pkg/drain/filters.go). Ours: a pod that terminates already is only waited for, since we delete nothing of it.
 */
export function sortPod(
  pod: Pod,
  options: DrainOptions,
  lookup: DaemonSetLookup | undefined,
  serverNowMs: number,
): Sorted {
  if (isPastSkip(pod, options.skipWaitForDeleteTimeoutSeconds, serverNowMs)) return { pod, does: 'skip', by: 'deleted' }
  const daemonSet = byDaemonSet(pod, options, lookup)
  if (daemonSet !== undefined) return daemonSet
  if (pod.mirror) return { pod, does: 'skip', by: 'mirror' }
  if (pod.deletionAtMs !== undefined) return { pod, does: 'wait', by: 'terminating' }
  if (isFinished(pod)) return { pod, does: 'evict' }
  if (pod.emptyDirs.length > 0 && !options.deleteEmptydirData) {
    return { pod, does: 'fatal', by: 'local-storage', message: TEXT.localStorageFatal }
  }
  if (pod.controller !== undefined) return { pod, does: 'evict' }
  return options.force
    ? { pod, does: 'evict', by: 'unmanaged', message: TEXT.unmanagedWarning }
    : { pod, does: 'fatal', by: 'unmanaged', message: TEXT.unmanagedFatal }
}

const listed = (sorted: readonly Sorted[]): readonly (readonly [string, string])[] =>
  [
    ...Map.groupBy(
      sorted.filter(({ message }) => message !== undefined),
      ({ message }) => message ?? '',
    ),
  ].map(([message, of]) => [message, of.map(({ pod }) => podName(pod)).join(', ')] as const)

/** kubectl's errors, one per message: `cannot delete <message>: ns/a, ns/b`. */
export const fatalTexts = (sorted: readonly Sorted[]): readonly string[] =>
  listed(sorted.filter(({ does }) => does === 'fatal')).map(([message, names]) => `cannot delete ${message}: ${names}`)

/** kubectl's warnings: `<message>: ns/a, ns/b`. */
export const warningTexts = (sorted: readonly Sorted[]): readonly string[] =>
  listed(sorted.filter(({ does }) => does !== 'fatal')).map(([message, names]) => `${message}: ${names}`)
