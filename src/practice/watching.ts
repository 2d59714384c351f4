import type { ServerResponse } from 'node:http'
import { failureStatus, Failure } from './failure.ts'
import type { JsonObject } from './json.ts'
import { matcher } from './listing.ts'
import { apiVersionOf, type Kind, type Kube } from './object.ts'
import type { Change, Store } from './store.ts'
import type { Matches } from './selectors.ts'

export type Watch = {
  readonly kind: Kind
  readonly namespace: string | undefined
  readonly query: URLSearchParams
  readonly bookmarkMs: number
  readonly show: (object: Kube) => JsonObject
}

const flag = (query: URLSearchParams, name: string): boolean => ['true', '1'].includes(query.get(name) ?? '')

/** A change as a watcher with selectors sees it: what comes into sight is ADDED, what leaves it DELETED. */
function seen(change: Change, matches: Matches): { type: string; object: Kube } | undefined {
  const is = change.type !== 'DELETED' && matches(change.object)
  const was = change.before !== undefined && matches(change.before)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: change.object }
  return was ? { type: 'DELETED', object: change.object } : undefined
}

const bookmark = (kind: Kind, version: number, initial: boolean): JsonObject => ({
  kind: kind.kind,
  apiVersion: apiVersionOf(kind),
  metadata: {
    resourceVersion: String(version),
    ...(initial ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  },
})

const tooOld = (asked: string, oldest: number): Failure =>
  new Failure(410, 'Expired', `too old resource version: ${asked} (${oldest})`)

/** Writes WATCH events to the response until the client leaves, the time is up or history is lost. */
export function serveWatch(store: Store, response: ServerResponse, watch: Watch): void {
  const { kind, query } = watch
  const matches = matcher(kind, watch.namespace, query)
  const asked = query.get('resourceVersion') ?? ''
  const fresh = asked === '' || asked === '0' || flag(query, 'sendInitialEvents')
  const missed = fresh ? [] : store.since(Number(asked))
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
  response.flushHeaders()
  const send = (type: string, object: JsonObject): void => {
    response.write(`${JSON.stringify({ type, object })}\n`)
  }
  if (missed === 'gone') {
    send('ERROR', failureStatus(tooOld(asked, store.version)))
    response.end()
    return
  }
  if (fresh) for (const object of store.list(kind, watch.namespace).filter(matches)) send('ADDED', watch.show(object))
  if (flag(query, 'sendInitialEvents')) send('BOOKMARK', bookmark(kind, store.version, true))
  const pass = (change: Change): void => {
    if (change.kind !== kind) return
    const event = seen(change, matches)
    if (event) send(event.type, watch.show(event.object))
  }
  missed.forEach(pass)
  follow(store, response, watch, pass, () => send('BOOKMARK', bookmark(kind, store.version, false)))
}

function follow(
  store: Store,
  response: ServerResponse,
  { query, bookmarkMs }: Watch,
  pass: (change: Change) => void,
  mark: () => void,
): void {
  const unsubscribe = store.subscribe(pass)
  const bookmarks = flag(query, 'allowWatchBookmarks') ? setInterval(mark, bookmarkMs) : undefined
  const seconds = Number(query.get('timeoutSeconds') ?? 0)
  const end = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined
  response.once('close', () => {
    unsubscribe()
    clearInterval(bookmarks)
    clearTimeout(end)
  })
}
