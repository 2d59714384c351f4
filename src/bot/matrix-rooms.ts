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
  /** Once more for those that failed for a reason that passes. Does not wait. */
  readonly retryInvites: () => void
}

/** A server that is away takes its time to say so. */
const JOIN_LIMIT_MS = 10_000
const LONGEST_WAIT_MS = 60_000

/**
 * Accepts invitations from trusted users only, also when they become so later. Never throws, and what failed is tried again beside
 * the reading: an invitation must not keep the bot from hearing other rooms.
 */
export function invitations(
  request: Request,
  self: string,
  isTrusted: (user: string) => boolean,
  direct: DirectRooms,
  log: Log,
): Invites {
  const strange = new Map<string, Invite>()
  const waiting = new Map<string, { readonly invite: Invite; readonly dueMs: number; readonly tries: number }>()
  const join = async (room: string, invite: Invite, tries: number): Promise<void> => {
    const path = `/v3/join/${encodeURIComponent(room)}`
    try {
      await request('POST', path, 'accepting an invitation', { body: {}, limitMs: JOIN_LIMIT_MS })
      if (invite.direct) await direct.add(invite.from, room)
    } catch (error) {
      const dueMs = performance.now() + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** tries)
      if (!isNo(error)) waiting.set(room, { invite, dueMs, tries: tries + 1 })
      if (tries === 0) log.warn({ room, error: String(error) }, 'an invitation could not be accepted')
    }
  }
  return {
    onInvite: async (room, state) => {
      const invite = inviteIn(state, self)
      if (invite === undefined) return
      if (isTrusted(invite.from)) return join(room, invite, 0)
      if (!strange.has(room))
        log.warn({ room, from: invite.from }, 'an invitation from somebody who is not configured is left alone')
      strange.set(room, invite)
    },
    retryInvites: () => {
      for (const [room, { invite, dueMs, tries }] of waiting)
        if (dueMs <= performance.now() && waiting.delete(room)) void join(room, invite, tries)
      for (const [room, invite] of strange)
        if (isTrusted(invite.from) && strange.delete(room)) void join(room, invite, 0)
    },
  }
}

function inviteIn(state: readonly unknown[], self: string): Invite | undefined {
  const member = state
    .map((raw) => memberEvent.safeParse(raw).data)
    .find((event) => event?.state_key === self && event.content.membership === 'invite')
  return member === undefined ? undefined : { from: member.sender, direct: member.content.is_direct === true }
}
