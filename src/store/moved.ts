import type { Store } from './store.ts'

const key = (store: Store): string => `${store.prefix}:moved`

/** Rooms that were replaced by another, old id -> new id, for ever: an overlay on config/sluice.yaml. Owner: bot/moved.ts. */
export const movedRooms = async (store: Store): Promise<ReadonlyMap<string, string>> =>
  new Map(Object.entries(await store.redis.hgetall(key(store))))

export async function moveRoom(store: Store, from: string, to: string): Promise<void> {
  await store.redis.hset(key(store), from, to)
}
