import { z } from 'zod'
import type { Log } from '../log.ts'
import { type DirectRooms, isNo } from './matrix-direct.ts'
import type { Request } from './matrix-http.ts'

const memberEvent = z.object({
  type: z.literal('m.room.member'),
  sender: z.string(),
  state_key: z.string(),
  content: z.object({ membership: z.string(), is_direct: z.boolean().optional().catch(undefined) }),
})
const encryption = z.object({ type: z.literal('m.room.encryption') })
type Invite = { readonly from: string; readonly direct: boolean; readonly encrypted: boolean }

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
  /** Publishes the own keys: whoever writes into an encrypted room right after the join can then write to the bot too. */
  prepare: () => Promise<void>,
  log: Log,
): Invites {
  const strange = new Map<string, Invite>()
  const waiting = new Map<string, { readonly invite: Invite; readonly dueMs: number; readonly tries: number }>()
  const join = async (room: string, invite: Invite, tries: number): Promise<void> => {
    const path = `/v3/join/${encodeURIComponent(room)}`
    try {
      if (invite.encrypted) await prepare()
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
  const encrypted = state.some((raw) => encryption.safeParse(raw).success)
  return member === undefined
    ? undefined
    : { from: member.sender, direct: member.content.is_direct === true, encrypted }
}
