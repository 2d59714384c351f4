import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { SimulatedCluster } from './cluster.ts'
import { discovery } from './discovery.ts'
import { badRequest, Failure, failureStatus } from './failure.ts'
import type { Fault, Faults } from './faults.ts'
import { type Json, type JsonObject, parseJson } from './json.ts'
import { Lister, listObject } from './listing.ts'
import type { Kube } from './object.ts'
import { type Route, route } from './route.ts'
import { tableOf, wantsTable } from './tables.ts'
import { answer } from './verbs.ts'
import { serveWatch } from './watching.ts'

const BODY_LIMIT_BYTES = 3 * 1024 * 1024
export type Api = {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Forgets history and pages: watches from before and `continue` tokens are answered 410. */
  readonly compact: () => void
  /** Ends all open watches, as a restarting API server does. */
  readonly cutWatches: () => void
  readonly openWatches: () => number
}

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

function send(
  response: ServerResponse,
  status: number,
  body: JsonObject | string,
  headers: Record<string, string> = {},
): void {
  const isText = typeof body === 'string'
  const text = isText ? body : `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': isText ? 'text/plain' : 'application/json',
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

function sendFailure(response: ServerResponse, failure: Failure): void {
  const seconds = failure.details['retryAfterSeconds']
  send(
    response,
    failure.status,
    failureStatus(failure),
    typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {},
  )
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    // A request without an encoding set yields Buffers.
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > BODY_LIMIT_BYTES) throw new Failure(413, 'RequestEntityTooLarge', 'the request is too large')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function parseBody(text: string, type: string): Promise<Json | undefined> {
  if (text === '') return undefined
  if (type.includes('protobuf') || type.includes('cbor')) {
    throw new Failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`)
  }
  try {
    return parseJson(text)
  } catch {
    if (!type.includes('yaml')) throw badRequest('the body is no JSON')
  }
  const { parse } = await import('yaml')
  return parseJson(JSON.stringify(parse(text)))
}

async function suffer(fault: Fault, response: ServerResponse): Promise<boolean> {
  if (fault.delayMs !== undefined) await delay(fault.delayMs)
  if (fault.cut === true) response.destroy()
  if (fault.cut === true) return true
  if (fault.status === undefined) return false
  const details: JsonObject =
    fault.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: fault.retryAfterSeconds }
  sendFailure(
    response,
    new Failure(fault.status, fault.reason ?? 'InternalError', fault.message ?? 'planted failure', details),
  )
  return true
}

/** The Kubernetes API of one simulated cluster, as a handler for an HTTPS server. */
export function makeApi({ cluster, token, version, faults, onRequest }: ApiOptions): Api {
  const { store } = cluster
  const lister = new Lister(store)
  const watches = new Set<ServerResponse>()

  const readMany = (
    request: IncomingMessage,
    response: ServerResponse,
    { kind, namespace, name }: Route,
    query: URLSearchParams,
  ): void => {
    if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`)
    const asTable = wantsTable(request.headers.accept)
    if (!['true', '1'].includes(query.get('watch') ?? '')) {
      const list = lister.list(kind, namespace, query)
      send(response, 200, asTable ? tableOf(kind, list.items, store.nowMs(), list) : listObject(kind, list))
      return
    }
    watches.add(response)
    response.once('close', () => watches.delete(response))
    const show = (object: Kube): JsonObject => (asTable ? tableOf(kind, [object], store.nowMs()) : { ...object })
    serveWatch(store, response, { kind, namespace, query, bookmarkMs: cluster.timing.bookmarkMs, show })
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'https://practice')
    const about = discovery(pathname.replace(/\/$/, ''), version)
    if (typeof about === 'string') return send(response, 200, about)
    if (!isAllowed(request, token)) throw new Failure(401, 'Unauthorized', 'Unauthorized')
    const fault = faults.take(cluster.name, request.method ?? 'GET', request.url ?? '/')
    if (fault && (await suffer(fault, response))) return undefined
    if (about) return send(response, 200, about)
    const found = route(pathname)
    const method = request.method ?? 'GET'
    const isWatch = ['true', '1'].includes(query.get('watch') ?? '')
    if (method === 'GET' && (found.name === undefined || isWatch)) return readMany(request, response, found, query)
    const contentType = (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? ''
    const body = await parseBody(await readBody(request), contentType)
    const reply = answer(store, { method, route: found, query, contentType, body })
    const asTable = wantsTable(request.headers.accept) && method === 'GET' && reply.object
    return send(response, reply.status, asTable ? tableOf(found.kind, [asTable], store.nowMs()) : reply.body)
  }

  return {
    handle: (request, response) => {
      response.setHeader('date', new Date(store.nowMs()).toUTCString())
      onRequest()
      serve(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else if (error instanceof Failure && error.reason === 'NotServed') send(response, 404, `${error.message}\n`)
        else sendFailure(response, error instanceof Failure ? error : new Failure(500, 'InternalError', String(error)))
      })
    },
    compact: () => {
      store.compact()
      lister.forget()
    },
    cutWatches: () => watches.forEach((response) => response.destroy()),
    openWatches: () => watches.size,
  }
}
