import type { Room } from '../config.ts'
import { accept } from '../store/inbox.ts'
import type { Store } from '../store/store.ts'
import type { Incoming, Place } from './chat.ts'
import { directRoom } from './places.ts'

export type ReceiveDeps = {
  readonly store: Store
  readonly rooms: () => readonly Room[]
  readonly wake: (room: string) => Promise<void>
}

/** The configured room a place belongs to. */
export const roomAt = (rooms: readonly Room[], place: Place): Room | undefined =>
  rooms.find((r) => (place.chat === 'console' ? r.name : r[place.chat]) === place.id)

/** That a message of the bot is gone counts whoever took it away. */
const worthKeeping = (incoming: Incoming): boolean =>
  (incoming.kind === 'delete' && incoming.own === true) ||
  (!incoming.bot && (incoming.kind !== 'text' || incoming.addressed || incoming.thread !== undefined))

/**
 * Incoming -> inbox. Resolves when it is stored: only then the platform gets its acknowledgement. Bots, rooms that are not configured and
 * talk that is not for Sluice are left alone in silence.
 */
export function makeReceive(deps: ReceiveDeps): (incoming: Incoming) => Promise<void> {
  return async (incoming) => {
    const isDirect = incoming.direct === true
    const room = roomAt(deps.rooms(), incoming.place)?.name ?? (isDirect ? directRoom(incoming.place) : undefined)
    if (room === undefined || !worthKeeping(incoming)) return
    const event = `${incoming.place.chat}:${incoming.event}`
    const stored = accept(deps.store, { event, room, json: JSON.stringify(incoming) })
    // side by side, and in this order on one connection: whoever is woken finds it. What waits for a replica goes down another one
    if (deps.store.replicated()) await stored.then(() => deps.wake(room))
    else await Promise.all([stored, deps.wake(room)])
  }
}
