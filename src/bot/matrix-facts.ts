import { z } from 'zod'
import { chatError } from './chat-errors.ts'
import { isNo } from './matrix-direct.ts'
import { eventsOf, type MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'
import type { Audience } from './matrix-olm.ts'
import type { MatrixState } from './matrix-state.ts'

const count = z.number().int().positive().optional().catch(undefined)
const encryption = z.object({
  algorithm: z.string().optional().catch(undefined),
  rotation_period_ms: count,
  rotation_period_msgs: count,
})
const visibility = z.enum(['invited', 'joined', 'shared', 'world_readable']).catch('shared')
const stateShape = z.array(z.unknown())
const MEGOLM = 'm.megolm.v1.aes-sha2'

/** The rooms of a batch of /sync, as far as they tell who is in them and how they are encrypted. */
export type RoomNews = Readonly<
  Record<
    string,
    {
      readonly state: { readonly events: readonly unknown[] }
      readonly timeline: { readonly events: readonly unknown[]; readonly limited: boolean }
    }
  >
>

export type RoomFacts = {
  /** For whom a message is to be sealed, or undefined for a room in plain text. Throws CHAT-*. */
  readonly audience: (room: string, signal?: AbortSignal) => Promise<Audience | undefined>
  /** Whether what is read now in the room must be sealed: what stands before the switch was rightly said in plain text. */
  readonly sealed: (room: string) => Promise<boolean>
  /** Before the events of a batch are told. Answers whether an encrypted room is in it. */
  readonly onBatch: (rooms: RoomNews) => Promise<boolean>
  /** An event that is about to be told. */
  readonly onEvent: (room: string, event: MatrixEvent) => void
}

/**
 * What /sync told within this time counts; else the homeserver is asked before each send. It bounds for how long a plain text could
 * follow the switch to encryption, or a key go to somebody who has left: no homeserver takes a message under a condition.
 */
const FRESH_MS = 1_000
const CHANGES = new Set(['m.room.member', 'm.room.encryption', 'm.room.history_visibility'])

type Known = {
  readonly encrypted: Set<string>
  /** Encrypted, and so is what is read from now on. */
  readonly reading: Set<string>
  readonly plain: Set<string>
  readonly audiences: Map<string, Audience>
  readonly reads: Map<string, symbol>
  heardAtMs: number
}
type Facts = {
  readonly request: Request
  readonly self: string
  readonly state: MatrixState
  readonly nowMs: () => number
  readonly known: Known
}

/** Which rooms are encrypted, and who reads them. Encryption can be turned on at any time, and never off: that is remembered for ever. */
export function roomFacts(
  request: Request,
  self: string,
  state: MatrixState,
  nowMs: () => number = Date.now,
): RoomFacts {
  const known: Known = {
    encrypted: new Set(),
    reading: new Set(),
    plain: new Set(),
    audiences: new Map(),
    reads: new Map(),
    heardAtMs: Number.NEGATIVE_INFINITY,
  }
  const { encrypted, reading, plain } = known
  const facts: Facts = { request, self, state, nowMs, known }
  return {
    audience: (room, signal) => audienceOf(facts, room, signal),
    sealed: async (room) => reading.has(room) || (!encrypted.has(room) && !plain.has(room) && (await ask(facts, room))),
    onBatch: async (rooms) => {
      // The batch before is told: whatever is encrypted by now is read so.
      for (const room of encrypted) reading.add(room)
      for (const [room, news] of Object.entries(rooms)) await learn(facts, room, news)
      known.heardAtMs = nowMs()
      return Object.keys(rooms).some((room) => encrypted.has(room))
    },
    onEvent: (room, event) => {
      if (isSwitch(event)) reading.add(room)
    },
  }
}

const isSwitch = (event: MatrixEvent): boolean => event.type === 'm.room.encryption' && event.state_key === ''

async function learn({ self, state, known }: Facts, room: string, news: RoomNews[string]): Promise<void> {
  const [old, recent] = [eventsOf(news.state.events), eventsOf(news.timeline.events)]
  if (news.timeline.limited || [...old, ...recent].some((e) => CHANGES.has(e.type)))
    for (const stale of [known.audiences, known.reads]) stale.delete(room)
  // What stands before the own join is not told, so neither is a switch there.
  const came = recent.findLastIndex((e) => e.type === 'm.room.member' && e.state_key === self)
  if ([...old, ...recent.slice(0, came + 1)].some(isSwitch)) known.reading.add(room)
  if ([...old, ...recent].some(isSwitch)) await remember(state, known, room)
}

async function remember(state: MatrixState, { encrypted }: Known, room: string): Promise<void> {
  if (encrypted.has(room)) return
  encrypted.add(room)
  await state.save(`encrypted/${room}`, 'yes')
}

/** Whether the room is encrypted as far as the homeserver says, or as it ever was. */
async function ask({ request, state, known }: Facts, room: string, signal?: AbortSignal): Promise<boolean> {
  if ((await state.load(`encrypted/${room}`)) === undefined && !(await hasEncryption(request, room, signal))) {
    if (!known.encrypted.has(room)) known.plain.add(room)
    return known.encrypted.has(room)
  }
  known.reading.add(room)
  await remember(state, known, room)
  return true
}

async function audienceOf(facts: Facts, room: string, signal?: AbortSignal): Promise<Audience | undefined> {
  const { request, known, nowMs } = facts
  const fresh = nowMs() - known.heardAtMs < FRESH_MS
  const surelyPlain = fresh && known.plain.has(room)
  if (!known.encrypted.has(room) && (surelyPlain || !(await ask(facts, room, signal)))) return undefined
  const audience = known.audiences.get(room)
  if (audience !== undefined && fresh) return audience
  const mark = Symbol(room)
  known.reads.set(room, mark)
  const read = await readAudience(request, room, signal)
  // Whoever came or went while it was read took the mark away.
  if (known.reads.get(room) === mark) known.audiences.set(room, read)
  return read
}

const at = (room: string): string => `/v3/rooms/${encodeURIComponent(room)}/state`

async function hasEncryption(request: Request, room: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await request('GET', `${at(room)}/m.room.encryption`, 'looking whether a room is encrypted', withSignal(signal))
    return true
  } catch (error) {
    // No such state. Not being in the room is the send's own answer.
    if (isNo(error)) return false
    throw error
  }
}

const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })

/** Who is in the room, and who is invited where the history is also for them. */
async function readAudience(request: Request, room: string, signal?: AbortSignal): Promise<Audience> {
  const doing = 'reading who is in an encrypted room'
  const state = eventsOf(stateShape.parse(await request('GET', at(room), doing, withSignal(signal))))
  const content = (type: string) => state.find((event) => event.type === type && event.state_key === '')?.content
  const { algorithm, ...rotation } = encryption.parse(content('m.room.encryption') ?? {})
  if (algorithm !== undefined && algorithm !== MEGOLM)
    throw chatError('CHAT-REJECTED', doing, `the room asks for ${algorithm}, which Sluice does not know`)
  const history = visibility.parse(content('m.room.history_visibility')?.['history_visibility'])
  const reads = history === 'joined' ? ['join'] : ['join', 'invite']
  const members = state.flatMap(({ type, state_key: user, content: { membership = '' } }) =>
    type === 'm.room.member' && user !== undefined && reads.includes(membership) ? [user] : [],
  )
  const { rotation_period_ms: rotateAfterMs, rotation_period_msgs: rotateAfterMessages } = rotation
  return { members, history, rotateAfterMs, rotateAfterMessages }
}
