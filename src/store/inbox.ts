import { DAY_S, keys } from './keys.ts'
import { kept, script } from './script.ts'
import type { Client, Store } from './store.ts'

/** An accepted event: `event` is unique for ever, `room` the key within which order counts. */
export type InboxItem = { readonly event: string; readonly room: string; readonly json: string }

/** The mark of an event that comes again is written again: its first coming may be what no replica has. */
const ACCEPT = kept(`
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) == false then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return 'again'
end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
return 'new'`)

/**
 * Stores an event once, at the end of its room's list. Resolves when it is stored, and on a replica where there is one. Throws STORE-FULL, STORE-READONLY,
 * STORE-NOT-REPLICATED, STORE-UNREACHABLE when it is not: then it must not be acknowledged, and the same event may come again.
 */
export async function accept(store: Store, item: InboxItem): Promise<'new' | 'again'> {
  const args = [90 * DAY_S, JSON.stringify(item), item.room]
  const into = [keys.accepted(item.event), keys.room(item.room), keys.due('inbox')]
  const answer = await ACCEPT(store.redis, into, args)
  return answer === 'new' ? 'new' : 'again'
}

/** The oldest event of a room that is not finished; it stays at the head until `finish`. */
export async function nextOf(store: Store, room: string): Promise<InboxItem | undefined> {
  const head = await store.redis.lindex(keys.room(room), 0)
  // our own JSON, written by accept
  return head === null ? undefined : (JSON.parse(head) as InboxItem)
}

const FINISH = script(`
local head = redis.call('LINDEX', KEYS[1], 0)
if head and cjson.decode(head).event == ARGV[1] then redis.call('LPOP', KEYS[1]) return 1 end
return 0`)

/** Takes a handled event off; a second call (or one of a worker that was too late) does nothing. */
export async function finish(store: Store, item: InboxItem): Promise<void> {
  await FINISH(store.redis, [keys.room(item.room)], [item.event])
}

/** Events accepted and not finished, over all rooms. */
export async function inboxLength(redis: Client): Promise<number> {
  const rooms = await redis.hkeys(keys.due('inbox'))
  const lengths = await Promise.all(rooms.map((room) => redis.llen(keys.room(room))))
  return lengths.reduce((sum, n) => sum + n, 0)
}
