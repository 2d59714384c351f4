import type { Room } from '../config.ts'
import type { Chat, ChatName, Place } from './chat.ts'

/** `slack:C123`: a place as a key. */
export const placeKey = (place: Place): string => `${place.chat}:${place.id}`

/** The name of the room of a direct message: `dm:slack:D123`. Nobody can configure a room of such a name. */
export const directRoom = (place: Place): string => `dm:${place.chat}:${place.id}`
const direct = /^dm:(console|slack|matrix):(.+)$/s

/** The configured room of a name, or the one a direct message stands for. */
export function roomOf(name: string, rooms: readonly Room[]): Room | undefined {
  const [, chat, id] = direct.exec(name) ?? []
  if (chat === undefined || id === undefined) return rooms.find((r) => r.name === name)
  return { name, clusters: [], ...(chat === 'slack' ? { slack: id } : chat === 'matrix' ? { matrix: id } : {}) }
}

/** Where a room is: its Slack channel, its Matrix room, and the console when there is one. */
export function placesOf(room: Room, chats: ReadonlyMap<ChatName, Chat>): Place[] {
  const named: readonly (Place | undefined)[] = [
    room.slack === undefined ? undefined : { chat: 'slack', id: room.slack },
    room.matrix === undefined ? undefined : { chat: 'matrix', id: room.matrix },
    room.name.startsWith('dm:') ? undefined : { chat: 'console', id: room.name },
  ]
  return named.filter((p): p is Place => p !== undefined && chats.has(p.chat))
}
