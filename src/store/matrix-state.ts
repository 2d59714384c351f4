import type { Store } from './store.ts'

const REACTION_S = 30 * 24 * 3600

/** What the Matrix adapter has to find again after a restart. Reactions are forgotten after 30 days, everything else is kept. */
export function matrixState(store: Store): {
  readonly load: (key: string) => Promise<string | undefined>
  readonly save: (key: string, value: string) => Promise<void>
} {
  const all = `${store.prefix}:matrix`
  const isReaction = (key: string): boolean => key.startsWith('reaction/')
  return {
    load: async (key) =>
      (await (isReaction(key) ? store.redis.get(`${all}:${key}`) : store.redis.hget(all, key))) ?? undefined,
    save: async (key, value) => {
      if (isReaction(key)) await store.redis.set(`${all}:${key}`, value, 'EX', REACTION_S)
      else await store.redis.hset(all, key, value)
    },
  }
}
