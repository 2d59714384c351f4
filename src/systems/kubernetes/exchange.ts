import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { SluiceError } from '../../errors.ts'
import { redact } from '../../redact.ts'
import type { Material } from './credentials.ts'
import { lineSplitter } from './lines.ts'
import type { Reply } from './status.ts'
import { type Limit, limit } from './waiting.ts'

export type Wire = {
  readonly doing: string
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
  readonly dispatcher: Dispatcher
  readonly timeoutMs: number
}

const codeOf = (error: unknown): string => {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : ''
}
const TLS = /^(?:CERT_|ERR_TLS_CERT|ERR_SSL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY|DECRYPT)|ERR_OSSL)/
/** A kept connection that the server had closed meanwhile, or one that broke under way: only a read may go again without a look. */
const STALE = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

function explain(error: unknown, wire: Wire, time: Limit): unknown {
  if (wire.signal?.aborted) return wire.signal.reason
  const code = codeOf(error)
  if (time.timedOut() || code === 'UND_ERR_CONNECT_TIMEOUT')
    return new SluiceError('K8S-TIMEOUT', wire.doing, { text: `no answer in ${wire.timeoutMs} ms` })
  const text = redact(error instanceof Error ? error.message || code : String(error))
  return new SluiceError(TLS.test(code) ? 'K8S-CREDENTIALS' : 'K8S-UNREACHABLE', wire.doing, { text, cause: error })
}

const headersOf = (headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, Array.isArray(v) ? v.join(', ') : v]))

/**
 * One request and its whole reply, within timeoutMs. Reads go a second time when a kept connection broke; of a change nobody knows whether
 * it was carried out: an eviction sent twice is two evictions, even of one uid. Throws K8S-UNREACHABLE | K8S-TIMEOUT | K8S-CREDENTIALS (TLS), or the signal's reason.
 */
export async function exchange(wire: Wire, again = wire.method === 'GET'): Promise<Reply> {
  const time = limit(wire.timeoutMs, wire.signal)
  try {
    const { method, headers, body, dispatcher } = wire
    const reply = await request(wire.url, {
      method,
      headers,
      dispatcher,
      signal: time.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(body === undefined ? {} : { body }),
    })
    return { status: reply.statusCode, headers: headersOf(reply.headers), text: await reply.body.text() }
  } catch (error) {
    if (again && !time.signal.aborted && STALE.has(codeOf(error))) return await exchange(wire, false)
    throw explain(error, wire, time)
  } finally {
    time.end()
  }
}

/** Reads lines until the server ends the reply; undefined then, or the reply when its status is not 200. Silence for idleMs is an error. */
async function readLines(
  wire: Wire & { readonly idleMs: number; readonly onOpen: (() => void) | undefined },
  onLine: (line: string) => void,
): Promise<Reply | undefined> {
  const time = limit(wire.timeoutMs, wire.signal)
  let idle: Limit | undefined
  try {
    const { headers, dispatcher } = wire
    idle = limit(wire.idleMs, time.signal)
    const reply = await request(wire.url, {
      headers,
      dispatcher,
      signal: idle.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    if (reply.statusCode !== 200)
      return { status: reply.statusCode, headers: headersOf(reply.headers), text: await reply.body.text() }
    time.end()
    wire.onOpen?.()
    const onAbort = (): void => void reply.body.destroy()
    wire.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const split = lineSplitter(onLine)
      for await (const chunk of reply.body) {
        idle.touch()
        split(chunk)
      }
    } finally {
      wire.signal?.removeEventListener('abort', onAbort)
    }
    return undefined
  } catch (error) {
    throw explain(error, wire, idle?.timedOut() ? idle : time)
  } finally {
    time.end()
    idle?.end()
  }
}

/**
 * Kept connections, one pool per credentials and server name: client-node makes a new TLS connection for every request
 * (kubernetes-client/javascript#2893). Watches have a pool of their own, so that they never use up the calls' connections.
 */
export function connectionPool(connections: number) {
  const pools = new Map<string, Dispatcher>()
  const make = (kc: KubeConfig, material: Material, watch: boolean): Dispatcher => {
    const connect = { ...material.tls, keepAlive: true, keepAliveInitialDelay: 15_000, timeout: 10_000 }
    const proxy = kc.getCurrentCluster()?.proxyUrl
    const many = watch ? {} : { connections }
    return proxy === undefined || proxy === ''
      ? new Agent({ connect, allowH2: false, keepAliveTimeout: 30_000, ...many })
      : new ProxyAgent({ uri: proxy, requestTls: connect, allowH2: false, ...many })
  }
  return {
    async dispatcher(kc: KubeConfig, material: Material, watch: boolean): Promise<Dispatcher> {
      const key = JSON.stringify([watch, material.tls])
      const known = pools.get(key)
      if (known !== undefined) return known
      const made = make(kc, material, watch)
      pools.set(key, made)
      return made
    },
    readLines,
    async close(): Promise<void> {
      const open = [...pools.values()]
      pools.clear()
      await Promise.all(open.map((pool) => pool.destroy()))
    },
  }
}
