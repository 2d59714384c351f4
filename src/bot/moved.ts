import type { Room } from '../config.ts'
import { movedRooms, moveRoom } from '../store/moved.ts'
import type { Store } from '../store/store.ts'

/** Where the configured Matrix rooms are now: an upgraded room has a new id, and the file learns it later or never. */
export type Moved = {
  readonly rooms: (rooms: readonly Room[]) => readonly Room[]
  /** Resolves when it is stored. */
  readonly record: (from: string, to: string) => Promise<void>
}

export async function openMoved(store: Store): Promise<Moved> {
  const moved = new Map(await movedRooms(store))
  return {
    rooms: (rooms) =>
      rooms.map((room) => (room.matrix === undefined ? room : { ...room, matrix: newest(room.matrix, moved) })),
    record: async (from, to) => {
      await moveRoom(store, from, to)
      moved.set(from, to)
    },
  }
}

/** Follows one upgrade after the other; never round in a circle. */
function newest(room: string, moved: ReadonlyMap<string, string>): string {
  const seen = new Set<string>()
  let now = room
  for (let next = moved.get(now); next !== undefined && !seen.has(next); next = moved.get(now)) {
    seen.add(now)
    now = next
  }
  return now
}
