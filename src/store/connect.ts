import type { ConnectionOptions } from 'node:tls'
import {
  type Cluster,
  type ClusterOptions,
  Redis,
  type RedisOptions,
  type SentinelConnectionOptions,
  SentinelConnector,
} from 'ioredis'
import { Settling } from './settling.ts'
import type { Client } from './store.ts'

/** Replies come as ioredis makes them by default. */
type Options = Omit<RedisOptions, 'replyMapping'>

export type Address = { readonly host: string; readonly port: number }
type Access = {
  readonly username?: string
  readonly password?: string
  readonly tls?: ConnectionOptions
  /** `host:port` as Sentinels or the Cluster announce it -> where it is reached from here. */
  readonly natMap?: Readonly<Record<string, Address>>
}
/** Where the store is. */
export type Topology = Access &
  (
    | { readonly kind: 'url'; readonly url: string }
    | {
        readonly kind: 'sentinel'
        /** The name under which the Sentinels watch the master. */
        readonly master: string
        readonly nodes: readonly Address[]
        readonly sentinelUsername?: string
        readonly sentinelPassword?: string
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly Address[] }
  )

/** `commands` fails fast; `patient` waits a minute for the server to be back: for workers and blocking reads. */
export type Profile = 'commands' | 'patient'

const retryStrategy = (times: number): number => Math.min(50 * times, 500)

/** A peer that went away without a word is noticed by the silence after a command; the longest blocking read takes 10 s. */
const PROFILES = {
  commands: { maxRetriesPerRequest: 1, commandTimeout: 5_000, socketTimeout: 8_000 },
  patient: { maxRetriesPerRequest: null, commandTimeout: 60_000, socketTimeout: 20_000 },
} satisfies Record<Profile, RedisOptions>

/** A Sentinel or node that hangs must not hold up the look at the next one. */
const LOOK_MS = 2_000

/** After a failover an old master is a replica: ask again who the master is. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith('READONLY')

const accessOf = ({ username, password, tls }: Topology): Options => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls === undefined ? {} : { tls }),
})

// ioredis asks for mutable objects and changes none of them
const natOf = ({ natMap }: Topology): Pick<ClusterOptions, 'natMap'> =>
  natMap === undefined ? {} : { natMap: { ...natMap } }

function toUrl(url: string, options: Options): Redis {
  const path = url.startsWith('unix://') ? { path: url.slice('unix://'.length) } : undefined
  return path === undefined ? new Redis(url, options) : new Redis({ ...options, ...path })
}

/**
 * ioredis 6.0 listens for `+switch-master` also while it is on its way to the next master, and then gives the connection up for good (status `end`).
 * On the way nobody has to tell: the Sentinels are asked anyway. An option, so that BullMQ's duplicates have it too.
 */
class Seeking extends SentinelConnector {
  constructor(options: unknown) {
    // ioredis hands over its own
    super(options as SentinelConnectionOptions)
  }

  override connect(...args: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    // biome-ignore lint/complexity/useLiteralKeys: it is private there
    this['failoverDetector']?.cleanup()
    return super.connect(...args)
  }
}

function toSentinel(at: Extract<Topology, { kind: 'sentinel' }>, options: Options): Redis {
  return new Redis({
    ...options,
    ...natOf(at),
    sentinels: [...at.nodes],
    name: at.master,
    role: 'master',
    ...(at.sentinelUsername === undefined ? {} : { sentinelUsername: at.sentinelUsername }),
    ...(at.sentinelPassword === undefined ? {} : { sentinelPassword: at.sentinelPassword }),
    ...(at.tls === undefined ? {} : { sentinelTLS: at.tls, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: retryStrategy,
    sentinelReconnectStrategy: retryStrategy,
    sentinelCommandTimeout: LOOK_MS,
    connectTimeout: LOOK_MS,
    // without it a connection to a master that is cut off stays there for as long as TCP hopes
    failoverDetector: true,
    Connector: Seeking,
    reconnectOnError,
  })
}

function toCluster(at: Extract<Topology, { kind: 'cluster' }>, profile: Profile, options: Options): Cluster {
  const { retryStrategy: _, enableOfflineQueue: __, ...redisOptions } = options
  return new Settling([...at.nodes], {
    redisOptions: { ...redisOptions, connectTimeout: LOOK_MS },
    ...natOf(at),
    enableOfflineQueue: profile === 'patient',
    clusterRetryStrategy: retryStrategy,
    // a failover takes the node time-out and an election: those who can wait do
    maxRedirections: profile === 'patient' ? 300 : 16,
    retryDelayOnMoved: 50,
    slotsRefreshTimeout: LOOK_MS,
    slotsRefreshInterval: 5_000,
    // certificates carry names: ioredis would look them up and connect to the address
    ...(at.tls === undefined ? {} : { dnsLookup: (host, done) => done(null, host) }),
  })
}

/** A connection of its own. `name` is what `CLIENT LIST` shows. */
export function connect(at: Topology, profile: Profile, name: string): Client {
  const options: Options = {
    ...PROFILES[profile],
    ...(profile === 'commands' ? { enableOfflineQueue: false } : {}),
    ...accessOf(at),
    retryStrategy,
    connectionName: name,
  }
  if (at.kind === 'url') return toUrl(at.url, options)
  return at.kind === 'sentinel' ? toSentinel(at, options) : toCluster(at, profile, options)
}

/** The same without passwords, for errors and the log. */
export const nameOf = (at: Topology): string => {
  if (at.kind === 'url') return at.url.replace(/\/\/.*@/, '//')
  const nodes = at.nodes.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
  return `${at.kind === 'sentinel' ? `the Sentinels of ${at.master}` : 'the Cluster'} at ${nodes.join(', ')}`
}
