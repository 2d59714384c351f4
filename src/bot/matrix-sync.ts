import { z } from 'zod'
import { asSluiceError, SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { eventsOf, type MatrixEvent } from './matrix-events.ts'
import type { HealthWatch } from './matrix-health.ts'
import type { Request } from './matrix-http.ts'
import { atOnce, type Patience, patience, type SyncTiming, waitMs } from './matrix-timing.ts'
import { pause } from './pause.ts'

const timeline = z.object({
  events: z.array(z.unknown()).default([]),
  limited: z.boolean().default(false),
  prev_batch: z.string().optional(),
})
const listOf = z.object({ events: z.array(z.unknown()).default([]) })
const none = { events: [] }
const names = z.array(z.string()).default([])
const joinedRoom = z.object({ timeline: timeline.default({ events: [], limited: false }), state: listOf.default(none) })
const syncShape = z.object({
  next_batch: z.string(),
  to_device: listOf.default(none),
  device_lists: z.object({ changed: names, left: names }).default({ changed: [], left: [] }),
  device_one_time_keys_count: z.record(z.string(), z.number()).default({}),
  device_unused_fallback_key_types: z.array(z.string()).optional(),
  account_data: listOf.default(none),
  rooms: z
    .object({
      join: z.record(z.string(), joinedRoom).default({}),
      invite: z.record(z.string(), z.object({ invite_state: listOf.default(none) })).default({}),
      leave: z.record(z.string(), z.unknown()).default({}),
    })
    .default({ join: {}, invite: {}, leave: {} }),
})
const messagesShape = z.object({ chunk: z.array(z.unknown()), end: z.string().optional() })
type JoinedRoom = z.infer<typeof joinedRoom>
export type SyncBatch = z.infer<typeof syncShape>

export type SyncDeps = {
  readonly request: Request
  readonly self: string
  readonly load: () => Promise<string | undefined>
  readonly save: (token: string) => Promise<void>
  /** Resolves when the event is stored; the same event may come again. */
  readonly onEvent: (room: string, event: MatrixEvent) => Promise<void>
  readonly onInvite: (room: string, state: readonly unknown[]) => Promise<void>
  readonly retryInvites: () => void
  /** The keys of a batch are on disk when it resolves: before anything of the batch is told. */
  readonly onBatch: (batch: SyncBatch) => Promise<void>
  readonly isDirect: (room: string) => boolean
  readonly onState: (room: string, event: MatrixEvent) => void
  readonly onAccountData: (events: readonly unknown[]) => void
  /** Before a room's new events are told, and after: all of them up to `newest` are stored. */
  readonly beforeRoom: (room: string) => Promise<void>
  readonly afterRoom: (room: string, newest: MatrixEvent | undefined) => Promise<void>
  readonly afterBatch: () => void
  /** The bot is no longer in the room. */
  readonly onLeave: (room: string) => void
  readonly health: HealthWatch
  readonly timing: SyncTiming
  readonly log: Log
}

const TIMELINE = 50
const PAGE = 100
/** A gap of more than this was no outage but a mistake; the oldest of it is given up, loudly. */
const LONGEST_GAP = 20_000
const FILTER = JSON.stringify({
  presence: { types: [] },
  room: {
    state: { types: ['m.room.encryption', 'm.room.tombstone', 'm.room.power_levels'] },
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
    since = (await step(deps, since, stopping.signal, atOnce(deps.timing))).next
  }
  const running = loop(deps, since, stopping.signal)
  return async () => {
    stopping.abort()
    await running
  }
}

async function loop(deps: SyncDeps, first: string, signal: AbortSignal): Promise<void> {
  let since = first
  let failures = 0
  let next = atOnce(deps.timing)
  while (!signal.aborted) {
    try {
      const read = await step(deps, since, signal, next)
      since = read.next
      failures = 0
      deps.health.worked()
      if (read.said) await pause(deps.timing.breathMs, signal)
    } catch (error) {
      if (signal.aborted) break
      const known = asSluiceError(error, 'reading from Matrix')
      deps.health.failed(known)
      await pause(waitMs(known, deps.timing, failures), signal)
      failures++
    }
    next = patience(deps.timing, failures)
  }
  deps.health.stop()
}

async function step(
  deps: SyncDeps,
  since: string | undefined,
  signal: AbortSignal,
  { pollMs, limitMs }: Patience,
): Promise<{ readonly next: string; readonly said: boolean }> {
  const query = { filter: FILTER, timeout: pollMs, ...(since === undefined ? {} : { since }) }
  const raw = await deps.request('GET', '/v3/sync', 'reading from Matrix', { query, signal, limitMs })
  const batch = syncShape.parse(raw)
  deps.onAccountData(batch.account_data.events)
  await deps.onBatch(batch)
  deps.retryInvites()
  for (const [room, { invite_state }] of Object.entries(batch.rooms.invite))
    await deps.onInvite(room, invite_state.events)
  let said = false
  for (const [room, joined] of Object.entries(batch.rooms.join))
    said = (await readRoom(deps, room, joined, since, signal)) || said
  for (const room of Object.keys(batch.rooms.leave)) deps.onLeave(room)
  if (batch.next_batch !== since) await deps.save(batch.next_batch)
  deps.afterBatch()
  return { next: batch.next_batch, said }
}

/** True when somebody else said something. */
async function readRoom(
  deps: SyncDeps,
  room: string,
  joined: JoinedRoom,
  since: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const recent = eventsOf(joined.timeline.events)
  for (const event of [...eventsOf(joined.state.events), ...recent])
    if (event.state_key !== undefined) deps.onState(room, event)
  if (since === undefined) return false
  await deps.beforeRoom(room)
  const cameHere = arrivalIn(recent, deps.self, deps.isDirect(room))
  const known =
    cameHere >= 0 ? recent.slice(cameHere) : [...(await missed(deps, room, joined, since, signal)), ...recent]
  const told = new Set<string>()
  for (const event of known) {
    if (told.has(event.event_id)) continue
    told.add(event.event_id)
    await deps.onEvent(room, event)
  }
  await deps.afterRoom(room, known.at(-1))
  return known.some(({ sender }) => sender !== deps.self)
}

/**
 * Where what is said to the bot begins, or -1: at its join, and in a room for two at its invitation, because there people write their first
 * sentence before the bot has come.
 */
function arrivalIn(recent: readonly MatrixEvent[], self: string, isDirect: boolean): number {
  const joined = recent.findLastIndex((event) => isJoin(event, self))
  if (joined < 0 || !isDirect) return joined
  const invited = recent.slice(0, joined).findLastIndex((event) => isMember(event, self, 'invite'))
  return invited < 0 ? joined : invited
}

const isMember = (event: MatrixEvent, self: string, membership: string): boolean =>
  event.type === 'm.room.member' && event.state_key === self && event.content.membership === membership

/** The bot came in here: what stands before it was not said to the bot. A new display name is a join after a join. */
const isJoin = (event: MatrixEvent, self: string): boolean =>
  isMember(event, self, 'join') && event.unsigned?.prev_content?.membership !== 'join'

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
