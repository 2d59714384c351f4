import type { Room } from '../config.ts'
import type { Message } from '../message.ts'
import { movedRooms, moveRoom } from '../store/moved.ts'
import type { Store } from '../store/store.ts'

/** Where the configured Matrix rooms are now: an upgraded room has a new id, and the file learns it later or never. */
export type Moved = {
  readonly rooms: (rooms: readonly Room[]) => readonly Room[]
  /** Resolves when it is stored. */
  readonly record: (from: string, to: string) => Promise<void>
  /** Rooms that are not where the file says: for an operator to write down. */
  readonly elsewhere: (rooms: readonly Room[]) => readonly Elsewhere[]
  /** Called after each move. */
  readonly onMove: (told: () => void) => void
}
export type Elsewhere = { readonly room: string; readonly from: string; readonly to: string }

/** What is said in a room that was upgraded. */
export const movedMessage = ({ from, to }: Elsewhere): Message => ({
  blocks: [
    {
      kind: 'note',
      tone: 'ok',
      text: 'This room was upgraded in Matrix, and Sluice came along: everything goes on here.',
    },
    {
      kind: 'text',
      text: [
        'For an operator: write ',
        { code: `matrix: "${to}"` },
        ' into config/sluice.yaml in place of ',
        { code: from },
        '. Until then Sluice remembers it.',
      ],
    },
  ],
})

export async function openMoved(store: Store): Promise<Moved> {
  const moved = new Map(await movedRooms(store))
  const listeners: (() => void)[] = []
  return {
    rooms: (rooms) =>
      rooms.map((room) => (room.matrix === undefined ? room : { ...room, matrix: newest(room.matrix, moved) })),
    record: async (from, to) => {
      await moveRoom(store, from, to)
      moved.set(from, to)
      for (const told of listeners) told()
    },
    elsewhere: (rooms) =>
      rooms.flatMap(({ name, matrix: from }) => {
        const to = from === undefined ? undefined : newest(from, moved)
        return from === undefined || to === undefined || to === from ? [] : [{ room: name, from, to }]
      }),
    onMove: (told) => void listeners.push(told),
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
