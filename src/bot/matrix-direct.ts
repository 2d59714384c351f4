import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Request } from './matrix-http.ts'

const roomsOf = z.record(z.string(), z.array(z.string()).catch([])).catch({})
const accountEvent = z.object({ type: z.literal('m.direct'), content: roomsOf })
const created = z.object({ room_id: z.string() })
const members = z.object({ joined: z.record(z.string(), z.unknown()) })
const member = z.object({ membership: z.string() })

/** The homeserver said no for good: no such room or state, or not for this bot. A bare HTTP status is a proxy's word, and no answer. */
export const isNo = (error: unknown): boolean =>
  error instanceof SluiceError && error.code === 'CHAT-REJECTED' && !/: HTTP \d+$/.test(error.message)

export type DirectRooms = {
  readonly load: () => Promise<void>
  readonly isDirect: (room: string) => boolean
  readonly add: (user: string, room: string) => Promise<void>
  /** The direct room with a user, found or made. */
  readonly directWith: (user: string, signal?: AbortSignal) => Promise<string>
  readonly onAccountData: (events: readonly unknown[]) => void
}

/** Which rooms are direct, as the bot's own account data says (`m.direct`): it outlives the bot's own state. */
export function directRooms(request: Request, self: string): DirectRooms {
  const account = `/v3/user/${encodeURIComponent(self)}/account_data/m.direct`
  const opening = new Map<string, Promise<string>>()
  let direct: Record<string, string[]> = {}

  const add = async (user: string, room: string): Promise<void> => {
    if (direct[user]?.includes(room) === true) return
    direct = { ...direct, [user]: [room, ...(direct[user] ?? [])] }
    await request('PUT', account, 'remembering a direct room', { body: direct })
  }
  const open = async (user: string, signal?: AbortSignal): Promise<string> => {
    for (const room of direct[user] ?? []) if (await usable(request, room, [self, user], signal)) return room
    const body = { invite: [user], is_direct: true, preset: 'trusted_private_chat' }
    const made = await request('POST', '/v3/createRoom', 'opening a direct room', { body, ...withSignal(signal) })
    const { room_id } = created.parse(made)
    await add(user, room_id)
    return room_id
  }
  return {
    add,
    load: async () => {
      const raw = await request('GET', account, 'reading the direct rooms').catch((error: unknown) => {
        if (isNo(error)) return {}
        throw error
      })
      direct = roomsOf.parse(raw)
    },
    isDirect: (room) => Object.values(direct).some((rooms) => rooms.includes(room)),
    directWith: (user, signal) => {
      const running = opening.get(user) ?? open(user, signal).finally(() => opening.delete(user))
      opening.set(user, running)
      return running
    },
    onAccountData: (events) => {
      for (const raw of events) direct = accountEvent.safeParse(raw).data?.content ?? direct
    },
  }
}

const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })

/** The bot is in the room, and the other one is in it or invited. */
async function usable(
  request: Request,
  room: string,
  [self, user]: readonly [string, string],
  signal?: AbortSignal,
): Promise<boolean> {
  const at = `/v3/rooms/${encodeURIComponent(room)}`
  const doing = 'looking at a direct room'
  try {
    const { joined } = members.parse(await request('GET', `${at}/joined_members`, doing, withSignal(signal)))
    if (!(self in joined)) return false
    if (user in joined) return true
    const path = `${at}/state/m.room.member/${encodeURIComponent(user)}`
    return member.parse(await request('GET', path, doing, withSignal(signal))).membership === 'invite'
  } catch (error) {
    if (isNo(error)) return false
    throw error
  }
}
