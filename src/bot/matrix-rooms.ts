import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { chatError } from './chat-errors.ts'
import type { MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'

const directShape = z.record(z.string(), z.array(z.string()).catch([])).catch({})
const accountEvent = z.object({ type: z.literal('m.direct'), content: directShape })
const memberEvent = z.object({
  type: z.literal('m.room.member'),
  sender: z.string(),
  state_key: z.string(),
  content: z.object({ membership: z.string(), is_direct: z.boolean().optional().catch(undefined) }),
})
const created = z.object({ room_id: z.string() })
const joined = z.object({ joined: z.record(z.string(), z.unknown()) })
const membership = z.object({ membership: z.string() })

export type Rooms = {
  readonly load: () => Promise<void>
  readonly isDirect: (room: string) => boolean
  /** The direct room with a user, found or made. */
  readonly directWith: (user: string, signal?: AbortSignal) => Promise<string>
  /** Throws CHAT-REJECTED for an encrypted room: a plain text there would be readable by the server. */
  readonly assertPlain: (room: string, signal?: AbortSignal) => Promise<void>
  readonly onState: (room: string, event: MatrixEvent) => void
  readonly onAccountData: (events: readonly unknown[]) => void
  readonly onInvite: (room: string, state: readonly unknown[]) => Promise<void>
  /** Once more for those that failed for a reason that passes. */
  readonly retryInvites: () => Promise<void>
}
type Invite = { readonly from: string; readonly direct: boolean }

const gone = (error: unknown): boolean => error instanceof SluiceError && error.code === 'CHAT-REJECTED'

/** What the bot knows of rooms: which are direct, which are encrypted, and whose invitations it accepts (exact user ids). */
export function makeRooms(request: Request, self: string, invitesFrom: ReadonlySet<string>, log: Log): Rooms {
  const encrypted = new Map<string, boolean>()
  const opening = new Map<string, Promise<string>>()
  const strange = new Set<string>()
  const waiting = new Map<string, Invite>()
  let direct: Record<string, string[]> = {}
  const account = `/v3/user/${encodeURIComponent(self)}/account_data/m.direct`
  const at = (room: string, rest: string) => `/v3/rooms/${encodeURIComponent(room)}${rest}`

  const addDirect = async (user: string, room: string): Promise<void> => {
    if (direct[user]?.includes(room) === true) return
    direct = { ...direct, [user]: [room, ...(direct[user] ?? [])] }
    await request('PUT', account, 'remembering a direct room', { body: direct })
  }
  /** Both are there, or the other one is invited. */
  const usable = async (room: string, user: string, signal?: AbortSignal): Promise<boolean> => {
    const call = signal === undefined ? {} : { signal }
    try {
      const members = joined.parse(
        await request('GET', at(room, '/joined_members'), 'looking at a direct room', call),
      ).joined
      if (user in members) return self in members
      const state = await request(
        'GET',
        at(room, `/state/m.room.member/${encodeURIComponent(user)}`),
        'looking at a direct room',
        call,
      )
      return self in members && membership.parse(state).membership === 'invite'
    } catch (error) {
      if (gone(error)) return false
      throw error
    }
  }
  const open = async (user: string, signal?: AbortSignal): Promise<string> => {
    for (const room of direct[user] ?? []) if (await usable(room, user, signal)) return room
    const body = { invite: [user], is_direct: true, preset: 'trusted_private_chat' }
    const { room_id } = created.parse(
      await request('POST', '/v3/createRoom', 'opening a direct room', {
        body,
        ...(signal === undefined ? {} : { signal }),
      }),
    )
    await addDirect(user, room_id)
    return room_id
  }

  /** Never throws: an invitation that cannot be accepted must not keep the bot from hearing other rooms. */
  const join = async (room: string, invite: Invite): Promise<void> => {
    waiting.delete(room)
    try {
      await request('POST', `/v3/join/${encodeURIComponent(room)}`, 'accepting an invitation', { body: {} })
      if (invite.direct) await addDirect(invite.from, room)
    } catch (error) {
      if (!gone(error)) waiting.set(room, invite)
      log.warn({ room, error: String(error) }, 'an invitation could not be accepted')
    }
  }

  return {
    load: async () => {
      direct = directShape.parse(
        await request('GET', account, 'reading the direct rooms').catch((error: unknown) =>
          gone(error) ? {} : Promise.reject(error),
        ),
      )
    },
    isDirect: (room) => Object.values(direct).some((rooms) => rooms.includes(room)),
    directWith: (user, signal) => {
      const running = opening.get(user) ?? open(user, signal).finally(() => opening.delete(user))
      opening.set(user, running)
      return running
    },
    assertPlain: async (room, signal) => {
      const doing = 'sending to Matrix'
      const known = encrypted.get(room)
      const is =
        known ??
        (await request('GET', at(room, '/state/m.room.encryption'), doing, signal === undefined ? {} : { signal }).then(
          () => true,
          (error: unknown) => isPlain(error),
        ))
      encrypted.set(room, is)
      if (is)
        throw chatError('CHAT-REJECTED', doing, 'the room is encrypted, and Sluice would write there in plain text')
    },
    onState: (room, event) => {
      if (event.type === 'm.room.encryption') encrypted.set(room, true)
    },
    onAccountData: (events) => {
      for (const raw of events) {
        const parsed = accountEvent.safeParse(raw)
        if (parsed.success) direct = parsed.data.content
      }
    },
    onInvite: async (room, state) => {
      const invite = inviteIn(state, self)
      if (invite === undefined) return
      if (invitesFrom.has(invite.from)) return join(room, invite)
      if (!strange.has(room))
        log.warn({ room, from: invite.from }, 'an invitation from somebody who is not configured is left alone')
      strange.add(room)
    },
    retryInvites: async () => {
      for (const [room, invite] of waiting) await join(room, invite)
    },
  }
}

/** No such state: M_NOT_FOUND. Not being in the room is the send's own answer. */
function isPlain(error: unknown): false {
  if (gone(error)) return false
  throw error
}

function inviteIn(state: readonly unknown[], self: string): Invite | undefined {
  const member = state
    .map((raw) => memberEvent.safeParse(raw).data)
    .find((event) => event?.state_key === self && event.content.membership === 'invite')
  return member === undefined ? undefined : { from: member.sender, direct: member.content.is_direct === true }
}
