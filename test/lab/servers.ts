import { bringQuick, bringReal } from './kubernetes.ts'
import { bringRedis, bringValkey } from './redis.ts'
import { bringCluster, bringSentinels } from './redis-set.ts'
import { bringRedmine } from './redmine.ts'
import type { Bring } from './server.ts'
import { bringSshd } from './sshd.ts'
import { bringSynapse, bringSynapseLimited } from './synapse.ts'

/** Every real server a test may ask for. */
export const SERVERS = {
  redis: bringRedis,
  valkey: bringValkey,
  'redis-sentinel': bringSentinels,
  'redis-cluster': bringCluster,
  sshd: bringSshd,
  redmine: bringRedmine,
  synapse: bringSynapse,
  'synapse-limits': bringSynapseLimited,
  kube: bringQuick,
  p10: bringReal,
} as const satisfies Record<string, Bring<unknown>>

export type ServerName = keyof typeof SERVERS
export type ServerData<N extends ServerName> = Awaited<ReturnType<(typeof SERVERS)[N]>>['data']
