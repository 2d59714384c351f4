import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Redis } from 'ioredis'
import { type Address, makeMember, type Member } from './member.ts'
import { until } from './process.ts'
import { find, versionOf } from './redis.ts'
import type { Brought, Lab } from './server.ts'

const run = promisify(execFile)
const MASTER = 'sluice'
/** For what hangs: on a busy machine an election takes many times its seconds. */
const LIMIT_MS = 60_000

export type SentinelData = { readonly master: string; readonly sentinels: readonly Address[] }
export type ClusterData = { readonly nodes: readonly Address[] }
type Program = 'redis-server' | 'valkey-server'

/** A set of one test's own: one master, two replicas, three Sentinels. Every server can be cut off. */
export type OwnSentinels = SentinelData & {
  readonly servers: readonly Member[]
  /** The master as the Sentinels know it now. */
  readonly masterNow: () => Promise<Member>
  /** Resolves when the master has so many replicas in step (default: all others). */
  readonly whole: (replicas?: number) => Promise<Member>
  readonly stop: () => Promise<void>
}
export type OwnCluster = ClusterData & {
  readonly servers: readonly Member[]
  /** The master of Sluice's slot, by the word of those that answer. */
  readonly masterNow: () => Promise<Member>
  readonly whole: () => Promise<void>
  readonly stop: () => Promise<void>
}

const DURABLE = ['appendonly yes', 'appendfsync everysec', 'save ""', 'maxmemory-policy noeviction']
const stopAll = async (members: readonly Member[]): Promise<void> =>
  void (await Promise.all(members.map((one) => one.stop())))

/** Asks a member; undefined when it does not answer. */
async function asking<T>(member: Member, question: (redis: Redis) => Promise<T>): Promise<T | undefined> {
  const redis = member.ask()
  const limit = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000).unref())
  try {
    return await Promise.race([question(redis), limit])
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}

const sentinelFile = (master: Address): readonly string[] => [
  `sentinel monitor ${MASTER} ${master.host} ${master.port} 2`,
  `sentinel down-after-milliseconds ${MASTER} 1000`,
  `sentinel failover-timeout ${MASTER} 5000`,
  `sentinel parallel-syncs ${MASTER} 2`,
]

/** One master, two replicas, three Sentinels on the loopback; the caller stops them.
 * @throws NotHere when the program is not installed */
export async function startSentinels(
  lab: Lab,
  program: Program = 'redis-server',
  isRelayed = true,
): Promise<OwnSentinels> {
  const path = find(program)
  const member = (more: readonly string[]): Promise<Member> =>
    makeMember(
      lab,
      path,
      ({ announced }) => [
        ...DURABLE,
        `replica-announce-ip ${announced.host}`,
        `replica-announce-port ${announced.port}`,
        ...more,
      ],
      { isRelayed },
    )
  const first = await member([])
  const { host, port } = first.announced
  const servers = [first, ...(await Promise.all([1, 2].map(() => member([`replicaof ${host} ${port}`]))))]
  const watch = (): Promise<Member> =>
    makeMember(lab, path, () => sentinelFile(first.announced), { flags: ['--sentinel'] })
  const sentinels = await Promise.all([watch(), watch(), watch()])
  const masterNow = (): Promise<Member> =>
    until('two Sentinels name one master', LIMIT_MS, async () => {
      const named = await Promise.all(
        sentinels.map((one) => asking(one, (redis) => redis.call('SENTINEL', 'get-master-addr-by-name', MASTER))),
      )
      const ports = named.map((answer) => (Array.isArray(answer) ? Number(answer[1]) : 0))
      const chosen = ports.find((p) => ports.filter((q) => q === p).length > 1)
      return servers.find((one) => one.announced.port === chosen)
    })
  const whole = (replicas = 2): Promise<Member> =>
    until(`a master with ${replicas} replicas`, LIMIT_MS, async () => {
      const master = await masterNow()
      const text = (await asking(master, (redis) => redis.info('replication'))) ?? ''
      const online = text.match(/state=online/g)?.length ?? 0
      const seen = await asking(sentinels[0] ?? first, (redis) => redis.call('SENTINEL', 'ckquorum', MASTER))
      return text.includes('role:master') && online >= replicas && String(seen).startsWith('OK 3') ? master : undefined
    })
  await whole()
  return {
    master: MASTER,
    sentinels: sentinels.map((one) => one.announced),
    servers,
    masterNow,
    whole,
    stop: () => stopAll([...sentinels, ...servers]),
  }
}

async function slotOwner(servers: readonly Member[]): Promise<Member | undefined> {
  for (const server of servers) {
    const slots = await asking(server, async (redis) => {
      const slot = await redis.cluster('KEYSLOT', '{sluice}')
      const ranges = await redis.cluster('SLOTS')
      return ranges.find(([from, to]) => slot >= from && slot <= to)?.[2]
    })
    const port = slots?.[1]
    const owner = servers.find((one) => one.announced.port === port)
    // a master that was killed stays in the table until the others agree
    if (owner !== undefined && (await asking(owner, (redis) => redis.ping())) === 'PONG') return owner
  }
  return undefined
}

/** Three masters with a replica each on the loopback; the caller stops them.
 * @throws NotHere when the program is not installed */
export async function startCluster(lab: Lab, program: Program = 'redis-server'): Promise<OwnCluster> {
  const path = find(program)
  const settings = [...DURABLE, 'cluster-enabled yes', 'cluster-config-file nodes', 'cluster-node-timeout 2000']
  const bus = new Set<number>()
  const busPort = (): number => {
    // the default (port + 10000) may be beyond 65535
    for (;;) {
      const port = 20_000 + Math.floor(Math.random() * 10_000)
      if (!bus.has(port)) return bus.add(port) && port
    }
  }
  const servers = await Promise.all(
    Array.from({ length: 6 }, () => makeMember(lab, path, () => [...settings, `cluster-port ${busPort()}`])),
  )
  const nodes = servers.map((one) => one.announced)
  const addresses = nodes.map(({ host, port }) => `${host}:${port}`)
  const whole = async (): Promise<void> => {
    await until('the Cluster is whole', LIMIT_MS, async () => {
      const views = await Promise.all(
        servers.map((one) =>
          asking(one, async (redis) => [await redis.cluster('INFO'), await redis.info('replication')] as const),
        ),
      )
      const fine = views.every(
        (view) =>
          view !== undefined &&
          view[0].includes('cluster_state:ok') &&
          /role:master[\s\S]*connected_slaves:1|master_link_status:up/.test(view[1]),
      )
      return fine ? true : undefined
    })
  }
  await run(find(program.replace('-server', '-cli')), [
    '--cluster',
    'create',
    ...addresses,
    '--cluster-replicas',
    '1',
    '--cluster-yes',
  ])
  await whole()
  const masterNow = (): Promise<Member> => until('the slot has a master', LIMIT_MS, () => slotOwner(servers))
  return { nodes, servers, masterNow, whole, stop: () => stopAll(servers) }
}

export async function bringSentinels(lab: Lab): Promise<Brought<SentinelData>> {
  const { master, sentinels, stop } = await startSentinels(lab, 'redis-server', false)
  return { data: { master, sentinels }, version: versionOf(find('redis-server')), stop }
}

export async function bringCluster(lab: Lab): Promise<Brought<ClusterData>> {
  const { nodes, stop } = await startCluster(lab)
  return { data: { nodes }, version: versionOf(find('redis-server')), stop }
}
