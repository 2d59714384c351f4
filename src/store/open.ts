import { within } from '../duration.ts'
import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Embedded, ensureServer } from './embedded.ts'
import type { Store } from './store.ts'

export type Server = { readonly kind: 'redis' | 'valkey'; readonly version: string; readonly embedded: boolean }
export type OpenStoreOptions = {
  /** `redis://...`, `rediss://...`, `unix:///path`; without it a server of our own is found or started in `dir`. */
  readonly url?: string | undefined
  readonly dir: string
  readonly log: Log
  readonly signal?: AbortSignal
  /** What to do about a given server without AOF or with an eviction policy. Default: warn. */
  readonly unsafe?: 'warn' | 'throw'
  /** Our own server ends by itself after so long without a client. Default: 10 minutes. */
  readonly idleMs?: number
}

/** Errors of a lost connection come many times a second: one line per 5 s and connection is enough. */
function logErrors(redis: Redis, log: Log): Redis {
  let lastMs = 0
  redis.on('error', (error: Error) => {
    if (Date.now() - lastMs < 5_000) return
    lastMs = Date.now()
    log.warn({ err: error.message }, 'redis connection')
  })
  return redis
}

const retryStrategy = (times: number): number => Math.min(50 * times, 500)

/** Fails within a second when the server is gone, instead of keeping commands for later. */
const COMMANDS = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 5_000,
  retryStrategy,
} satisfies RedisOptions
/** For workers: waits until the server is back. */
const PATIENT = { maxRetriesPerRequest: null, retryStrategy } satisfies RedisOptions

function connect(where: string, user: string, given: typeof COMMANDS | typeof PATIENT): Redis {
  // the name tells whose client it is: the embedded server is stopped by its last user
  const options = { ...given, connectionName: `sluice-store:${user}` }
  return where.startsWith('unix://')
    ? new Redis({ ...options, path: where.slice('unix://'.length) })
    : new Redis(where, options)
}

async function ready(redis: Redis, where: string, signal: AbortSignal): Promise<void> {
  const gone = (error?: Error) =>
    new SluiceError('STORE-UNREACHABLE', `connecting to ${where.replace(/\/\/.*@/, '//')}`, {
      text: error?.message ?? 'no answer',
    })
  if (redis.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    let last: Error | undefined
    redis.on('error', (error: Error) => {
      last = error
    })
    redis.once('ready', resolve)
    signal.addEventListener('abort', () => reject(gone(last)), { once: true })
  })
}

/** `INFO server` as a table. */
async function info(redis: Redis): Promise<ReadonlyMap<string, string>> {
  const text = await redis.info('server')
  return new Map(
    text.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

/** What a server lacks to keep what was accepted; [] when all is well. */
export async function complaints(redis: Redis): Promise<readonly string[]> {
  const value = async (name: string): Promise<string | undefined> => {
    const answer = await redis.config('GET', name).catch(() => undefined)
    if (Array.isArray(answer)) return String(answer[1])
    // RESP3 answers with a map, which ioredis hands out as an object
    return typeof answer === 'object' && answer !== null ? String(Object.values(answer)[0]) : undefined
  }
  const [aof, policy] = [await value('appendonly'), await value('maxmemory-policy')]
  const found: string[] = []
  if (aof === undefined || policy === undefined)
    return ['CONFIG GET is not allowed: appendonly and maxmemory-policy cannot be checked']
  if (aof !== 'yes') found.push(`appendonly is ${aof}, it must be yes`)
  if (policy !== 'noeviction') found.push(`maxmemory-policy is ${policy}, it must be noeviction`)
  return found
}

async function complain(redis: Redis, options: OpenStoreOptions): Promise<void> {
  const found = await complaints(redis)
  if (found.length === 0) return
  if (options.unsafe === 'throw') throw new SluiceError('STORE-UNSAFE', 'checking Redis', { text: found.join('; ') })
  options.log.warn({ code: 'STORE-UNSAFE', found }, 'redis may lose what was accepted')
}

/**
 * Connects to REDIS_URL, or to a server of our own in `dir`, which is started when none lives there.
 * Throws STORE-UNREACHABLE | STORE-MISSING | STORE-UNSAFE. Waits at most 10 s.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store & { readonly server: Server }> {
  const limit = within(10_000, options.signal)
  const user = `${process.pid}-${randomUUID().slice(0, 8)}`
  const ensure = (signal: AbortSignal): Promise<Embedded> =>
    ensureServer({ dir: options.dir, log: options.log, signal, idleMs: options.idleMs ?? 600_000, user })
  const embedded = options.url === undefined ? await ensure(limit) : undefined
  const where = options.url ?? `unix://${embedded?.socket ?? ''}`
  const redis = logErrors(connect(where, user, COMMANDS), options.log)
  const others = new Set<Redis>()
  let closing = false
  // our own server was killed: whoever uses it brings it back (flock lets one of them), and the connections find it again
  const revive = (): void => {
    if (closing || embedded === undefined) return
    ensure(within(10_000)).catch((error: unknown) => {
      options.log.error({ err: String(error) }, 'the embedded store cannot be started again')
      if (!closing) setTimeout(revive, 1_000).unref()
    })
  }
  redis.on('close', revive)
  const close = async (): Promise<void> => {
    closing = true
    others.forEach((one) => one.disconnect())
    await embedded?.release(redis).catch((error: unknown) => options.log.warn({ err: String(error) }, 'stopping redis'))
    redis.disconnect()
  }
  try {
    await ready(redis, where, limit)
    await complain(redis, options)
    const about = await info(redis)
    const valkey = about.get('valkey_version')
    const server: Server = {
      kind: valkey === undefined ? 'redis' : 'valkey',
      version: valkey ?? about.get('redis_version') ?? '?',
      embedded: embedded !== undefined,
    }
    const blocking = (): Redis => {
      const one = logErrors(connect(where, user, PATIENT), options.log)
      others.add(one)
      one.once('end', () => others.delete(one))
      return one
    }
    return { redis, blocking, prefix: '{sluice}', close, server }
  } catch (error) {
    closing = true
    redis.disconnect()
    throw error
  }
}
