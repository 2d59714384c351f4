import { within } from '../duration.ts'
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { about, complaints, mustBeMaster } from './checks.ts'
import { connect, nameOf, type Profile, type Topology } from './connect.ts'
import { type Embedded, ensureServer } from './embedded.ts'
import { type Replicas, watchReplicas } from './replicas.ts'
import { keepBy } from './script.ts'
import type { Client, Store } from './store.ts'
import { warnSeldom } from './trouble.ts'

export type Server = { readonly kind: 'redis' | 'valkey'; readonly version: string; readonly embedded: boolean }
export type OpenStoreOptions = {
  /** `redis://...`, `rediss://...`, `unix:///path`; without it and `topology` a server of our own is found or started in `dir`. */
  readonly url?: string | undefined
  /** Sentinel, Cluster, or a URL with more to it. */
  readonly topology?: Topology | undefined
  /** `required`: nothing is kept without a replica. Default: behind Sentinels `required`, else `auto`. */
  readonly replicas?: 'auto' | 'required' | undefined
  readonly dir: string
  readonly log: Log
  readonly signal?: AbortSignal
  /** What to do about a given server without AOF or with an eviction policy. Default: warn. */
  readonly unsafe?: 'warn' | 'throw'
  /** Our own server ends by itself after so long without a client. Default: 10 minutes. */
  readonly idleMs?: number
}

async function ready(client: Client, where: string, signal: AbortSignal): Promise<void> {
  const gone = (error?: Error) =>
    new SluiceError('STORE-UNREACHABLE', `connecting to ${where}`, { text: error?.message ?? 'no answer' })
  if (client.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    let last: Error | undefined
    client.on('error', (error: Error) => {
      last = error
    })
    client.once('ready', resolve)
    signal.addEventListener('abort', () => reject(gone(last)), { once: true })
  })
}

async function complain(client: Client, options: OpenStoreOptions): Promise<void> {
  const found = await complaints(client)
  if (found.length === 0) return
  if (options.unsafe === 'throw') throw new SluiceError('STORE-UNSAFE', 'checking Redis', { text: found.join('; ') })
  options.log.warn({ code: 'STORE-UNSAFE', found }, 'redis may lose what was accepted')
}

type Line = (profile: Profile) => Client

/** A line to a store whose trouble is told seldom. The name tells whose client it is: the embedded server is stopped by its last user. */
const lineTo =
  (at: Topology, user: string, log: Log): Line =>
  (profile) => {
    const client = connect(at, profile, `sluice-store:${user}`)
    const warn = warnSeldom(log, {}, 'redis connection')
    // a node of a Cluster that is gone is told by what it leads to
    return client.on('error', (error: Error) => warn(error))
  }

/** Whatever is written by `kept` scripts on `redis` goes down a line of its own: commands do not wait behind its waits. */
async function keepOn(
  redis: Client,
  line: Line,
  at: Topology,
  options: OpenStoreOptions,
  limit: AbortSignal,
): Promise<Replicas & { readonly client: Client }> {
  const client = line('commands')
  try {
    await ready(client, nameOf(at), limit)
    const required = (options.replicas ?? (at.kind === 'sentinel' ? 'required' : 'auto')) === 'required'
    const replicas = await watchReplicas(client, at, required, options.log)
    const keep = replicas.keeper(client)
    keepBy(redis, () => (replicas.wanted() ? keep : undefined))
    return { ...replicas, client }
  } catch (error) {
    client.disconnect()
    throw error
  }
}

/** Our own server was killed: whoever uses it brings it back (flock lets one of them), and the connections find it again. */
function reviver(
  ensure: (signal: AbortSignal) => Promise<Embedded>,
  log: Log,
): { readonly revive: () => void; readonly end: () => void } {
  let closing = false
  const revive = (): void => {
    if (closing) return
    ensure(within(10_000)).catch((error: unknown) => {
      log.error({ err: String(error) }, 'the embedded store cannot be started again')
      if (!closing) setTimeout(revive, 1_000).unref()
    })
  }
  return {
    revive,
    end: () => {
      closing = true
    },
  }
}

const given = ({ topology, url }: OpenStoreOptions): Topology | undefined =>
  topology ?? (url === undefined ? undefined : { kind: 'url', url })

/**
 * Connects to the configured Redis, Sentinels or Cluster, or to a server of our own in `dir`, which is started when none lives there.
 * Throws STORE-UNREACHABLE | STORE-MISSING | STORE-UNSAFE | STORE-READONLY. Waits at most 10 s.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store & { readonly server: Server }> {
  const { dir, log } = options
  const limit = within(10_000, options.signal)
  const user = `${process.pid}-${randomUUID().slice(0, 8)}`
  const ensure = (signal: AbortSignal): Promise<Embedded> =>
    ensureServer({ dir, log, signal, idleMs: options.idleMs ?? 600_000, user })
  const embedded = given(options) === undefined ? await ensure(limit) : undefined
  const at = given(options) ?? { kind: 'url' as const, url: `unix://${embedded?.socket ?? ''}` }
  const line = lineTo(at, user, log)
  const redis = line('commands')
  const others = new Set<Client>()
  const { revive, end } = reviver(ensure, log)
  if (embedded !== undefined) redis.on('close', revive)
  let replicas: Awaited<ReturnType<typeof keepOn>> | undefined
  const disconnect = (): void => {
    replicas?.close()
    replicas?.client.disconnect()
    redis.disconnect()
  }
  const blocking = (): Client => {
    const one = line('patient')
    const keep = replicas?.keeper(one)
    keepBy(one, () => (replicas?.wanted() === true ? keep : undefined))
    others.add(one)
    one.once('end', () => others.delete(one))
    return one
  }
  const close = async (): Promise<void> => {
    end()
    others.forEach((one) => one.disconnect())
    // a server of our own is one server
    await embedded
      ?.release(redis as Redis)
      .catch((error: unknown) => log.warn({ err: String(error) }, 'stopping redis'))
    disconnect()
  }
  try {
    await ready(redis, nameOf(at), limit)
    await mustBeMaster(redis, nameOf(at))
    await complain(redis, options)
    if (embedded === undefined) replicas = await keepOn(redis, line, at, options, limit)
    const { kind, version } = await about(redis)
    const server: Server = { kind, version, embedded: embedded !== undefined }
    return { redis, blocking, replicated: () => replicas?.wanted() === true, prefix: '{sluice}', close, server }
  } catch (error) {
    end()
    disconnect()
    throw error
  }
}
