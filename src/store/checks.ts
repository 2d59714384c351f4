import { Redis } from 'ioredis'
import { SluiceError } from '../errors.ts'
import type { Client } from './store.ts'

export type About = { readonly kind: 'redis' | 'valkey'; readonly version: string; readonly role: string }

/** GETDEL is the newest command in use; every Valkey has it. */
const OLDEST = [6, 2] as const
const CLOCK_MS = 2_000

const fields = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))

/** What `INFO` says of a server (of any one, in a Cluster). */
export async function about(client: Client): Promise<About> {
  const [server, replication] = [fields(await client.info('server')), fields(await client.info('replication'))]
  const valkey = server.get('valkey_version')
  return {
    kind: valkey === undefined ? 'redis' : 'valkey',
    version: valkey ?? server.get('redis_version') ?? '?',
    role: replication.get('role') ?? '?',
  }
}

async function setting(redis: Redis, name: string): Promise<string | undefined> {
  const answer = await redis.config('GET', name).catch(() => undefined)
  if (Array.isArray(answer)) return String(answer[1])
  // RESP3 answers with a map, which ioredis hands out as an object
  return typeof answer === 'object' && answer !== null ? String(Object.values(answer)[0]) : undefined
}

async function durability(redis: Redis): Promise<readonly string[]> {
  const [aof, policy, fsync] = [
    await setting(redis, 'appendonly'),
    await setting(redis, 'maxmemory-policy'),
    await setting(redis, 'appendfsync'),
  ]
  const found: string[] = []
  if (aof === undefined || policy === undefined)
    return ['CONFIG GET is not allowed: appendonly and maxmemory-policy cannot be checked']
  if (aof !== 'yes') found.push(`appendonly is ${aof}, it must be yes`)
  else if (fsync === 'no') found.push('appendfsync is no, it must be everysec or always')
  if (policy !== 'noeviction') found.push(`maxmemory-policy is ${policy}, it must be noeviction`)
  return found
}

/** How far the server's clock is ahead of ours (ms since 1970), less what the answer may have taken. */
async function clockAheadMs(redis: Redis): Promise<number> {
  const before = Date.now()
  const [seconds, micros] = await redis.time()
  const took = Date.now() - before
  const ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - before - took / 2
  return Math.sign(ahead) * Math.max(0, Math.abs(ahead) - took / 2)
}

async function ofServer(redis: Redis): Promise<readonly string[]> {
  const { kind, version } = await about(redis)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const old = kind === 'redis' && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
  const aheadMs = await clockAheadMs(redis)
  const late = `its clock is ${Math.abs(aheadMs / 1_000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's: let both follow NTP`
  return [
    ...(old ? [`its version is ${version}, it must be ${OLDEST.join('.')} or newer`] : []),
    ...(await durability(redis)),
    ...(Math.abs(aheadMs) > CLOCK_MS ? [late] : []),
  ]
}

/** What a server, or any master of a Cluster, lacks to keep what was accepted; [] when all is well. */
export async function complaints(client: Client): Promise<readonly string[]> {
  if (client instanceof Redis) return ofServer(client)
  const found = await Promise.all(
    client.nodes('master').map(async (node) => {
      const { host, port } = node.options
      return (await ofServer(node)).map((text) => `${host}:${port}: ${text}`)
    }),
  )
  return found.flat()
}

/** Throws STORE-READONLY when the server we were sent to is a replica: it would take nothing. */
export async function mustBeMaster(client: Client, where: string): Promise<void> {
  if (client instanceof Redis && (await about(client)).role === 'slave')
    throw new SluiceError('STORE-READONLY', `connecting to ${where}`)
}
