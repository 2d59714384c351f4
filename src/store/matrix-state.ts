import { SluiceError } from '../errors.ts'
import { keys } from './keys.ts'
import type { Lease } from './lease.ts'
import { script } from './script.ts'
import type { Store } from './store.ts'

const REACTION_S = 30 * 24 * 3600

/** Whoever held the lease before may come late with what it read: what a later holder saved is newer. */
const SAVE = script(`
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[4] ~= '' then redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4]) else redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
return 1`)

/**
 * What the Matrix adapter has to find again after a restart. Reactions are forgotten after 30 days, everything else is kept. With a lease only its newest holder
 * saves: CHAT-ELSEWHERE for any other.
 */
export function matrixState(
  store: Store,
  lease?: Lease,
): {
  readonly load: (key: string) => Promise<string | undefined>
  readonly save: (key: string, value: string) => Promise<void>
} {
  const all = `${store.prefix}:matrix`
  const isReaction = (key: string): boolean => key.startsWith('reaction/')
  return {
    load: async (key) =>
      (await (isReaction(key) ? store.redis.get(`${all}:${key}`) : store.redis.hget(all, key))) ?? undefined,
    save: async (key, value) => {
      const [at, life] = isReaction(key) ? [`${all}:${key}`, REACTION_S] : [all, '']
      const args = [lease?.turn() ?? '', key, value, life]
      if ((await SAVE(store.redis, [at, keys.leaseTurn('matrix')], args)) !== 1)
        throw new SluiceError('CHAT-ELSEWHERE', 'saving what was read from Matrix')
    },
  }
}
