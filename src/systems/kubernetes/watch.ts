import { asSluiceError, SluiceError } from '../../errors.ts'
import { backoffMs, sleep } from '../../retry.ts'
import { listAll, listPath, mapPdb, mapPod, pdbsBase, podsBase } from './pods.ts'
import type { Cluster, Query } from './port.ts'
import type { Session } from './session.ts'
import { errorOf, statusOf, textOf } from './status.ts'

type Event<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
type Kind<T> = {
  readonly what: string
  readonly base: (namespace: string | undefined) => string
  readonly map: (item: unknown) => T
}

type Watching<T> = {
  readonly kind: Kind<T>
  readonly query: Query
  readonly signal: AbortSignal
  readonly onEvent: (event: Event<T>) => void
  /** What the caller was told exists, by uid. */
  readonly known: Map<string, T>
  readonly onTrouble: (error: SluiceError | undefined) => void
  /** '' = list first. */
  resourceVersion: string
  /** Failures since it last saw something. */
  failures: number
  isTold: boolean
}

// The server ends a watch after this long, so that a connection that died without a word is noticed soon; a new watch costs one request.
const WATCH_SECONDS = 15
const IDLE_MS = (WATCH_SECONDS + 5) * 1000
const PACE = { firstMs: 100, longestMs: 5_000 }
/** A server that ends watches sooner than this has trouble, even if it says nothing. */
const SHORTEST_WATCH_MS = 1_000

const isRefusal = (error: unknown): boolean =>
  error instanceof SluiceError && (error.code === 'K8S-CREDENTIALS' || error.code === 'K8S-FORBIDDEN')

function tell<T extends { readonly uid: string }>(watching: Watching<T>, type: Event<T>['type'], object: T): void {
  if (type === 'DELETED') watching.known.delete(object.uid)
  else watching.known.set(object.uid, object)
  watching.onEvent({ type, object })
}

/** The server speaks: what was wrong is over. */
function onSight<T>(watching: Watching<T>): void {
  if (watching.isTold) watching.onTrouble(undefined)
  watching.isTold = false
  watching.failures = 0
}

/** Lists, reports what changed against what was known, and what vanished as DELETED. */
async function relist<T extends { readonly uid: string; readonly resourceVersion?: string }>(
  session: Session,
  watching: Watching<T>,
): Promise<void> {
  const { kind, query, known, signal } = watching
  const list = await listAll(
    session,
    `listing ${kind.what}`,
    kind.base(query.namespace),
    { ...query, signal },
    kind.map,
  )
  const present = new Set(list.items.map((item) => item.uid))
  for (const gone of [...known.values()].filter((item) => !present.has(item.uid))) tell(watching, 'DELETED', gone)
  for (const item of list.items) {
    const before = known.get(item.uid)
    if (before === undefined) tell(watching, 'ADDED', item)
    else if (item.resourceVersion === undefined || before.resourceVersion !== item.resourceVersion)
      tell(watching, 'MODIFIED', item)
  }
  watching.resourceVersion = list.resourceVersion
}

/** One line of a watch. Throws when the resource version is too old (410): the next round lists again. */
function onLine<T extends { readonly uid: string }>(watching: Watching<T>, line: string): void {
  // A watch event of the API server; its object is mapped field by field.
  const event = JSON.parse(line) as {
    type?: string
    object?: { code?: number; metadata?: { resourceVersion?: string } }
  }
  if (event.type === 'ERROR') {
    if (event.object?.code === 410) watching.resourceVersion = ''
    const text = textOf(statusOf(JSON.stringify(event.object ?? {})))
    throw new SluiceError('K8S-ERROR', `watching ${watching.kind.what}`, { text })
  }
  const version = event.object?.metadata?.resourceVersion
  if (event.type === 'ADDED' || event.type === 'MODIFIED' || event.type === 'DELETED')
    tell(watching, event.type, watching.kind.map(event.object))
  // Only after the event was handed on: a reconnect must not skip it. BOOKMARK and kinds to come only move the version.
  if (version !== undefined) watching.resourceVersion = version
}

/** One watch request until the server ends it. */
async function watchOnce<T extends { readonly uid: string }>(session: Session, watching: Watching<T>): Promise<void> {
  const { kind, query, signal } = watching
  const doing = `watching ${kind.what}`
  const path = listPath(kind.base(query.namespace), query, {
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: watching.resourceVersion,
    timeoutSeconds: String(WATCH_SECONDS),
  })
  const ask = { doing, method: 'GET', path, signal, idleMs: IDLE_MS, onOpen: () => onSight(watching) } as const
  const reply = await session.lines(ask, (line) => {
    if (!signal.aborted) onLine(watching, line)
  })
  if (reply?.status === 410) watching.resourceVersion = ''
  else if (reply !== undefined) throw errorOf(reply, doing)
}

async function onFailure<T>(watching: Watching<T>, error: unknown): Promise<void> {
  const { kind, onTrouble, signal } = watching
  watching.failures += 1
  const trouble = error === undefined ? undefined : asSluiceError(error, `watching ${kind.what}`)
  // once is nothing: kept connections break, servers restart; but silence has lasted for long already
  if (trouble !== undefined && (watching.failures > 1 || trouble.code === 'K8S-TIMEOUT')) {
    watching.isTold = true
    onTrouble(trouble)
  }
  await sleep(backoffMs(watching.failures - 1, PACE), signal).catch(() => {})
}

/** client-node's informer stops for good after a broken connection and asks for no bookmarks, so the loop is ours. */
async function follow<T extends { readonly uid: string; readonly resourceVersion?: string }>(
  session: Session,
  watching: Watching<T>,
): Promise<void> {
  const { signal } = watching
  while (!signal.aborted) {
    const beganMs = performance.now()
    try {
      if (watching.resourceVersion === '') await relist(session, watching)
      await watchOnce(session, watching)
      if (performance.now() - beganMs < SHORTEST_WATCH_MS) await onFailure(watching, undefined)
    } catch (error) {
      if (signal.aborted) return
      if (isRefusal(error)) throw error
      await onFailure(watching, error)
    }
  }
}

export function watches(session: () => Promise<Session>): Pick<Cluster, 'watchPods' | 'watchPdbs'> {
  return {
    async watchPods({ signal, resourceVersion, known = [], onTrouble = () => {}, ...query }, onEvent) {
      await follow(await session(), {
        kind: { what: 'pods', base: podsBase, map: mapPod },
        query,
        signal,
        resourceVersion,
        onTrouble,
        failures: 0,
        isTold: false,
        known: new Map(known.map((pod) => [pod.uid, pod])),
        onEvent: ({ type, object }) => onEvent({ type, pod: object }),
      })
    },
    async watchPdbs({ signal, onTrouble = () => {} }, onEvent) {
      await follow(await session(), {
        kind: { what: 'PodDisruptionBudgets', base: pdbsBase, map: mapPdb },
        query: {},
        signal,
        resourceVersion: '',
        onTrouble,
        failures: 0,
        isTold: false,
        known: new Map(),
        onEvent: ({ type, object }) => onEvent({ type, pdb: object }),
      })
    },
  }
}
