import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export type Script = (redis: Redis, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>

/** A Lua script, sent in full the first time, and by its SHA-1 from then on: so it stands in the order of the commands around it. */
export function script(source: string): Script {
  const sha = createHash('sha1').update(source).digest('hex')
  const told = new WeakSet<Redis>()
  return async (redis, keys, args) => {
    if (!told.has(redis)) {
      told.add(redis)
      return redis.eval(source, keys.length, ...keys, ...args)
    }
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return redis.eval(source, keys.length, ...keys, ...args)
    }
  }
}
