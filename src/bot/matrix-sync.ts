import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isLimited } from './chat-errors.ts'
import { eventsOf, type MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'
import { pause } from './pause.ts'

const timeline = z.object({
  events: z.array(z.unknown()).default([]),
  limited: z.boolean().default(false),
  prev_batch: z.string().optional(),
})
const listOf = z.object({ events: z.array(z.unknown()).default([]) })
const none = { events: [] }
const joinedRoom = z.object({ timeline: timeline.default({ events: [], limited: false }), state: listOf.default(none) })
const syncShape = z.object({
  next_batch: z.string(),
  account_data: listOf.default(none),
  rooms: z
    .object({
      join: z.record(z.string(), joinedRoom).default({}),
      invite: z.record(z.string(), z.object({ invite_state: listOf.default(none) })).default({}),
    })
    .default({ join: {}, invite: {} }),
})
const messagesShape = z.object({ chunk: z.array(z.unknown()), end: z.string().optional() })
type JoinedRoom = z.infer<typeof joinedRoom>

export type SyncDeps = {
  readonly request: Request
  readonly self: string
  readonly load: () => Promise<string | undefined>
  readonly save: (token: string) => Promise<void>
  /** Resolves when the event is stored; the same event may come again. */
  readonly onEvent: (room: string, event: MatrixEvent) => Promise<void>
  readonly onInvite: (room: string, state: readonly unknown[]) => Promise<void>
  readonly retryInvites: () => Promise<void>
  readonly onState: (room: string, event: MatrixEvent) => void
  readonly onAccountData: (events: readonly unknown[]) => void
  readonly log: Log
}

const POLL_MS = 30_000
const POLL_LIMIT_MS = 60_000
const TIMELINE = 50
const PAGE = 100
/** A gap of more than this was no outage but a mistake; the oldest of it is given up, loudly. */
const LONGEST_GAP = 20_000
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5_000
const FILTER = JSON.stringify({
  presence: { types: [] },
  room: {
    state: { types: ['m.room.encryption'] },
    timeline: { limit: TIMELINE },
    ephemeral: { types: [] },
    account_data: { types: [] },
  },
})

/**
 * Reads /sync for ever. The token of a batch is saved after every event of it is stored, a gap is filled from /messages before
 * anything newer is told, and what happened before the bot joined (or before its very first start) is history, not commands.
 * matrix-bot-sdk's own loop saves the token first, skips gaps, and stops for 5 to 15 s after any fault.
 * Resolves when it knows where to read on; throws CHAT-AUTH | CHAT-UNREACHABLE when it cannot. The returned function ends the loop.
 */
export async function keepSyncing(deps: SyncDeps): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  let since = await deps.load()
  if (since === undefined) {
    deps.log.warn({}, 'no Matrix sync token yet: what was said before now is not read')
    since = await step(deps, since, stopping.signal, 0)
  }
  const running = loop(deps, since, stopping.signal)
  return async () => {
    stopping.abort()
    await running
  }
}

async function loop(deps: SyncDeps, first: string, signal: AbortSignal): Promise<void> {
  let since = first
  let waitMs = FIRST_WAIT_MS
  while (!signal.aborted) {
    try {
      since = await step(deps, since, signal, POLL_MS)
      waitMs = FIRST_WAIT_MS
    } catch (error) {
      if (signal.aborted) return
      const code = error instanceof SluiceError ? error.code : 'INTERNAL'
      deps.log.error({ code, error: String(error) }, 'Matrix sync failed, trying again')
      await pause(isLimited(error) ? error.retryAfterMs : waitMs, signal)
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)
    }
  }
}

async function step(deps: SyncDeps, since: string | undefined, signal: AbortSignal, pollMs: number): Promise<string> {
  const query = { filter: FILTER, timeout: pollMs, ...(since === undefined ? {} : { since }) }
  const raw = await deps.request('GET', '/v3/sync', 'reading from Matrix', {
    query,
    signal,
    limitMs: pollMs + POLL_LIMIT_MS,
  })
  const batch = syncShape.parse(raw)
  deps.onAccountData(batch.account_data.events)
  await deps.retryInvites()
  for (const [room, { invite_state }] of Object.entries(batch.rooms.invite))
    await deps.onInvite(room, invite_state.events)
  for (const [room, joined] of Object.entries(batch.rooms.join)) await readRoom(deps, room, joined, since, signal)
  if (batch.next_batch !== since) await deps.save(batch.next_batch)
  return batch.next_batch
}

async function readRoom(
  deps: SyncDeps,
  room: string,
  joined: JoinedRoom,
  since: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const recent = eventsOf(joined.timeline.events)
  for (const event of [...eventsOf(joined.state.events), ...recent])
    if (event.state_key !== undefined) deps.onState(room, event)
  if (since === undefined) return
  const joinedHere = recent.findLastIndex((event) => isJoin(event, deps.self))
  const known =
    joinedHere >= 0 ? recent.slice(joinedHere) : [...(await missed(deps, room, joined, since, signal)), ...recent]
  const told = new Set<string>()
  for (const event of known) {
    if (told.has(event.event_id)) continue
    told.add(event.event_id)
    await deps.onEvent(room, event)
  }
}

/** The bot came in here: what stands before it was not said to the bot. A new display name is a join after a join. */
const isJoin = (event: MatrixEvent, self: string): boolean =>
  event.type === 'm.room.member' &&
  event.state_key === self &&
  event.content.membership === 'join' &&
  event.unsigned?.prev_content?.membership !== 'join'

/** What the server left out between the last batch and this one, oldest first. */
async function missed(
  deps: SyncDeps,
  room: string,
  { timeline: { limited, prev_batch } }: JoinedRoom,
  since: string,
  signal: AbortSignal,
): Promise<MatrixEvent[]> {
  if (!limited || prev_batch === undefined) return []
  const found: MatrixEvent[] = []
  let from: string | undefined = prev_batch
  // A page may be empty though older ones are not; two in a row are the end.
  for (let empty = 0; from !== undefined && empty < 2 && found.length < LONGEST_GAP; ) {
    const page = await olderPage(deps, room, from, since, signal)
    if (page === undefined) break
    const join = page.events.findIndex((event) => isJoin(event, deps.self))
    found.push(...(join < 0 ? page.events : page.events.slice(0, join)))
    empty = page.events.length === 0 ? empty + 1 : 0
    from = join >= 0 || page.end === from ? undefined : page.end
  }
  if (found.length >= LONGEST_GAP)
    deps.log.error(
      { room, events: found.length },
      'a gap in a Matrix room was too long, its oldest events were not read',
    )
  return found.reverse()
}

/** Undefined when the server does not let the bot read there any more. */
async function olderPage(deps: SyncDeps, room: string, from: string, to: string, signal: AbortSignal) {
  const path = `/v3/rooms/${encodeURIComponent(room)}/messages`
  try {
    const raw = await deps.request('GET', path, 'reading what was missed', {
      query: { dir: 'b', from, to, limit: PAGE },
      signal,
    })
    const { chunk, end } = messagesShape.parse(raw)
    return { events: eventsOf(chunk), end }
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'CHAT-REJECTED') throw error
    deps.log.error({ room, error: error.message }, 'what was missed in a Matrix room cannot be read')
    return undefined
  }
}
