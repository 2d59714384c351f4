import type { ConnectionOptions } from 'node:tls'
import { readSecret } from '../config.ts'
import type { RedisFile } from '../config-schema.ts'
import type { Address, Topology } from '../store/connect.ts'
import type { OpenStoreOptions } from '../store/open.ts'

/** `host:port` or `[v6]:port`, as the schema has checked it. */
function addressOf(text: string, port: number): Address {
  const [, host = text, given] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(text) ?? []
  return { host, port: given === undefined ? port : Number(given) }
}

const addresses = (list: readonly string[], port: number): readonly Address[] => list.map((one) => addressOf(one, port))

function tlsOf(tls: RedisFile['tls'], secret: (reference: string) => string): ConnectionOptions | undefined {
  if (tls === undefined || tls === true) return tls === true ? {} : undefined
  return {
    ...(tls.ca === undefined ? {} : { ca: secret(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: secret(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: secret(tls.key) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  }
}

function topologyOf(redis: RedisFile, secret: (reference: string) => string): Topology {
  const { sentinel, cluster, username, password, natMap } = redis
  const tls = tlsOf(redis.tls, secret)
  const access = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: secret(password) }),
    ...(tls === undefined ? {} : { tls }),
    ...(natMap === undefined
      ? {}
      : { natMap: Object.fromEntries(Object.entries(natMap).map(([from, to]) => [from, addressOf(to, 6379)])) }),
  }
  if (cluster !== undefined) return { ...access, kind: 'cluster', nodes: addresses(cluster.nodes, 6379) }
  // the schema lets exactly one of the three through
  if (sentinel === undefined) return { ...access, kind: 'url', url: secret(redis.url ?? '') }
  return {
    ...access,
    kind: 'sentinel',
    master: sentinel.master,
    nodes: addresses(sentinel.nodes, 26379),
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: secret(sentinel.password) }),
  }
}

/** Where the store is: `redis` of the configuration with its secrets read, else REDIS_URL, else nothing: a server of our own. Throws SECRET-MISSING. */
export function storeAt(
  redis: RedisFile | undefined,
  env: NodeJS.ProcessEnv,
): Pick<OpenStoreOptions, 'url' | 'topology' | 'replicas'> {
  const url = env['REDIS_URL']
  if (redis === undefined) return url === undefined || url === '' ? {} : { url }
  return { topology: topologyOf(redis, (reference) => readSecret(reference, env)), replicas: redis.replicas }
}
