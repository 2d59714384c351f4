import { z } from 'zod'
import type { Log } from '../log.ts'
import { chatError } from './chat-errors.ts'
import { type DirectRooms, isNo } from './matrix-direct.ts'
import type { MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'

const memberEvent = z.object({
  type: z.literal('m.room.member'),
  sender: z.string(),
  state_key: z.string(),
  content: z.object({ membership: z.string(), is_direct: z.boolean().optional().catch(undefined) }),
})
type Invite = { readonly from: string; readonly direct: boolean }

export type PlainRooms = {
  /** Throws CHAT-REJECTED for an encrypted room: the homeserver would take a plain text there, for everybody to read. */
  readonly assertPlain: (room: string, signal?: AbortSignal) => Promise<void>
  readonly onState: (room: string, event: MatrixEvent) => void
}

/** Which rooms are encrypted; encryption can be turned on at any time, and never off. */
export function plainRooms(request: Request): PlainRooms {
  const encrypted = new Map<string, boolean>()
  const doing = 'sending to Matrix'
  const ask = async (room: string, signal?: AbortSignal): Promise<boolean> => {
    const path = `/v3/rooms/${encodeURIComponent(room)}/state/m.room.encryption`
    try {
      await request('GET', path, doing, signal === undefined ? {} : { signal })
      return true
    } catch (error) {
      // No such state. Not being in the room is the send's own answer.
      if (isNo(error)) return false
      throw error
    }
  }
  return {
    assertPlain: async (room, signal) => {
      const is = encrypted.get(room) ?? (await ask(room, signal))
      if (encrypted.get(room) !== true) encrypted.set(room, is)
      if (is)
        throw chatError('CHAT-REJECTED', doing, 'the room is encrypted, and Sluice would write there in plain text')
    },
    onState: (room, event) => {
      if (event.type === 'm.room.encryption') encrypted.set(room, true)
    },
  }
}

export type Invites = {
  readonly onInvite: (room: string, state: readonly unknown[]) => Promise<void>
  /** Once more for those that failed for a reason that passes. */
  readonly retryInvites: () => Promise<void>
}

/** Accepts invitations from exactly these users. Never throws: an invitation must not keep the bot from hearing other rooms. */
export function invitations(
  request: Request,
  self: string,
  from: ReadonlySet<string>,
  direct: DirectRooms,
  log: Log,
): Invites {
  const strange = new Set<string>()
  const waiting = new Map<string, Invite>()
  const join = async (room: string, invite: Invite): Promise<void> => {
    waiting.delete(room)
    try {
      await request('POST', `/v3/join/${encodeURIComponent(room)}`, 'accepting an invitation', { body: {} })
      if (invite.direct) await direct.add(invite.from, room)
    } catch (error) {
      if (!isNo(error)) waiting.set(room, invite)
      log.warn({ room, error: String(error) }, 'an invitation could not be accepted')
    }
  }
  return {
    onInvite: async (room, state) => {
      const invite = inviteIn(state, self)
      if (invite === undefined) return
      if (from.has(invite.from)) return join(room, invite)
      if (!strange.has(room))
        log.warn({ room, from: invite.from }, 'an invitation from somebody who is not configured is left alone')
      strange.add(room)
    },
    retryInvites: async () => {
      for (const [room, invite] of waiting) await join(room, invite)
    },
  }
}

function inviteIn(state: readonly unknown[], self: string): Invite | undefined {
  const member = state
    .map((raw) => memberEvent.safeParse(raw).data)
    .find((event) => event?.state_key === self && event.content.membership === 'invite')
  return member === undefined ? undefined : { from: member.sender, direct: member.content.is_direct === true }
}
