import { bringRedis, bringValkey } from './redis.ts'
import type { Bring } from './server.ts'

/** Every real server a test may ask for. */
export const SERVERS = {
  redis: bringRedis,
  valkey: bringValkey,
} as const satisfies Record<string, Bring<unknown>>

export type ServerName = keyof typeof SERVERS
export type ServerData<N extends ServerName> = Awaited<ReturnType<(typeof SERVERS)[N]>>['data']
