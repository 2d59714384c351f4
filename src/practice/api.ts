import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SimulatedCluster } from './cluster.ts'
import { discovery } from './discovery.ts'
import { Failure } from './failure.ts'
import type { Faults } from './faults.ts'
import type { JsonObject } from './json.ts'
import { Lister, listObject } from './listing.ts'
import type { Kube } from './object.ts'
import { type Route, route } from './route.ts'
import { tableOf, wantsTable } from './tables.ts'
import { answer } from './verbs.ts'
import { serveWatch } from './watching.ts'
import { bodyOf, send, sendFailure, suffer } from './wire.ts'

export type ApiOptions = {
  readonly cluster: SimulatedCluster
  readonly token: string
  readonly version: string
  readonly faults: Faults
  /** Called for every request, so that the world knows it is in use. */
  readonly onRequest: () => void
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function isAllowed(request: IncomingMessage, token: string): boolean {
  const [, sent = ''] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
  return timingSafeEqual(digest(sent), digest(token))
}

const isWatch = (query: URLSearchParams): boolean => ['true', '1'].includes(query.get('watch') ?? '')

/** The Kubernetes API of one simulated cluster, for an HTTPS server. */
export class PracticeApi {
  readonly #options: ApiOptions
  readonly #lister: Lister
  readonly #watches = new Set<ServerResponse>()

  constructor(options: ApiOptions) {
    this.#options = options
    this.#lister = new Lister(options.cluster.store)
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('date', new Date(this.#options.cluster.store.nowMs()).toUTCString())
    this.#options.onRequest()
    this.#serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else if (error instanceof Failure && error.reason === 'NotServed') send(response, 404, `${error.message}\n`)
      else sendFailure(response, error instanceof Failure ? error : new Failure(500, 'InternalError', String(error)))
    })
  }

  /** Forgets history and pages: watches from before and `continue` tokens are answered 410. */
  compact(): void {
    this.#options.cluster.store.compact()
    this.#lister.forget()
  }

  /** Ends all open watches, as a restarting API server does. */
  cutWatches(): void {
    for (const response of this.#watches) response.destroy()
  }

  get openWatches(): number {
    return this.#watches.size
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cluster, token, version, faults } = this.#options
    const { method = 'GET', url = '/' } = request
    const { pathname, searchParams: query } = new URL(url, 'https://practice')
    const about = discovery(pathname.replace(/\/$/, ''), version)
    if (typeof about === 'string') return send(response, 200, about)
    if (!isAllowed(request, token)) throw new Failure(401, 'Unauthorized', 'Unauthorized')
    const fault = faults.take(cluster.name, method, url)
    if (fault && (await suffer(fault, response))) return undefined
    if (about) return send(response, 200, about)
    const found = route(pathname)
    const isMany = method === 'GET' && (found.name === undefined || isWatch(query))
    if (isMany) return this.#readMany(request, response, found, query)
    const contentType = (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? ''
    const body = await bodyOf(request, contentType)
    const reply = answer(cluster.store, { method, route: found, query, contentType, body })
    const row = wantsTable(request.headers.accept) && method === 'GET' ? reply.object : undefined
    return send(response, reply.status, row ? tableOf(found.kind, [row], cluster.store.nowMs()) : reply.body)
  }

  #readMany(request: IncomingMessage, response: ServerResponse, found: Route, query: URLSearchParams): void {
    const { store, timing } = this.#options.cluster
    const { kind, namespace, name } = found
    if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`)
    const asTable = wantsTable(request.headers.accept)
    if (!isWatch(query)) {
      const list = this.#lister.list(kind, namespace, query)
      return send(response, 200, asTable ? tableOf(kind, list.items, store.nowMs(), list) : listObject(kind, list))
    }
    this.#watches.add(response)
    response.once('close', () => this.#watches.delete(response))
    const show = (object: Kube): JsonObject => (asTable ? tableOf(kind, [object], store.nowMs()) : { ...object })
    return serveWatch(store, response, { kind, namespace, query, bookmarkMs: timing.bookmarkMs, show })
  }
}
