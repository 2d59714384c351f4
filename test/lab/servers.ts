import { bringRedis, bringValkey } from './redis.ts'
import { bringRedmine } from './redmine.ts'
import type { Bring } from './server.ts'
import { bringSshd } from './sshd.ts'

/** Every real server a test may ask for. */
export const SERVERS = {
  redis: bringRedis,
  valkey: bringValkey,
  sshd: bringSshd,
  redmine: bringRedmine,
} as const satisfies Record<string, Bring<unknown>>

export type ServerName = keyof typeof SERVERS
export type ServerData<N extends ServerName> = Awaited<ReturnType<(typeof SERVERS)[N]>>['data']
