import type { Incoming } from '../../src/bot/chat.ts'
import { makeReceive } from '../../src/bot/receive.ts'
import type { Room } from '../../src/config.ts'
import type { InboxItem } from '../../src/store/inbox.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { tempStore } from '../jobs/toy.ts'

export type TestInbox = {
  readonly store: Store
  readonly receive: (incoming: Incoming) => Promise<void>
  /** What the inbox holds of a room, in the order in which it would be handled. */
  readonly items: (room?: string) => Promise<readonly Incoming[]>
  /** Texts without a leading `!`. */
  readonly texts: (room?: string) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

/** The real way of an event into a real inbox; nothing takes it out again. */
export async function openInbox(rooms: () => readonly Room[]): Promise<TestInbox> {
  const { store, stop } = await tempStore()
  const items = async (room = 'ops'): Promise<readonly Incoming[]> => {
    const list = await store.redis.lrange(keys.room(room), 0, -1)
    // written by accept and receive
    return list.map((json) => JSON.parse((JSON.parse(json) as InboxItem).json) as Incoming)
  }
  return {
    store,
    receive: makeReceive({ store, rooms, wake: async () => {} }),
    items,
    texts: async (room) => (await items(room)).flatMap((i) => (i.kind === 'text' ? [i.text.replace(/^!\s*/, '')] : [])),
    stop,
  }
}
