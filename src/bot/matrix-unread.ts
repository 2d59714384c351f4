import { z } from 'zod'
import type { Log } from '../log.ts'
import type { MatrixEvent } from './matrix-events.ts'
import type { MatrixState } from './matrix-state.ts'

const kept = z.object({
  room: z.string(),
  // An event as /sync gave it, stored by `keep`.
  event: z.custom<MatrixEvent>((value) => typeof value === 'object' && value !== null),
  sinceMs: z.number(),
})
const shape = z.object({ events: z.array(kept), told: z.record(z.string(), z.number()) })
type Kept = z.infer<typeof kept>

/** Why a message was not taken: its key is missing, or it should have been encrypted. */
export type Trouble = 'CHAT-UNREADABLE' | 'CHAT-PLAIN'
export type Unread = {
  /** Resolves when it is stored. */
  readonly keep: (room: string, event: MatrixEvent) => Promise<void>
  /** Tries all that is kept again, the oldest first, and tells rooms what has waited too long. */
  readonly retry: () => Promise<void>
  /** Tells a room, beside the reading, that a message of somebody was not taken: once an hour for each person, room and reason. */
  readonly tell: (room: string, event: MatrixEvent, trouble: Trouble) => Promise<void>
}
export type UnreadDeps = {
  readonly state: MatrixState
  /** Opens and hands on; false when it still cannot be read. */
  readonly read: (room: string, event: MatrixEvent) => Promise<boolean>
  readonly say: (room: string, event: MatrixEvent, trouble: Trouble) => Promise<void>
  readonly log: Log
  /** How long a key may be late before people are told. */
  readonly patienceMs?: number
  readonly nowMs?: () => number
}

const KEY = 'unread'
const PATIENCE_MS = 60_000
const KEEP_MS = 3_600_000
const SILENCE_MS = 3_600_000
const MOST = 200

/** Messages whose key has not come yet. They are stored, because the sync token moves on over them. */
export function unreadMessages(deps: UnreadDeps): Unread {
  const { state, read, patienceMs = PATIENCE_MS, nowMs = Date.now } = deps
  let loading: Promise<{ events: Kept[]; told: Record<string, number> }> | undefined
  const load = () =>
    (loading ??= state
      .load(KEY)
      .then((text) => (text === undefined ? { events: [], told: {} } : shape.parse(JSON.parse(text)))))
  const save = async (): Promise<void> => state.save(KEY, JSON.stringify(await load()))
  const telling = new Set<string>()

  const tell: Unread['tell'] = async (room, event, trouble) => {
    const all = await load()
    const key = `${trouble} ${room} ${event.sender}`
    if (telling.has(key) || nowMs() - (all.told[key] ?? Number.NEGATIVE_INFINITY) < SILENCE_MS) return
    telling.add(key)
    const said = async (): Promise<void> => {
      await deps.say(room, event, trouble)
      const recent = Object.entries(all.told).filter(([, atMs]) => nowMs() - atMs < SILENCE_MS)
      all.told = { ...Object.fromEntries(recent), [key]: nowMs() }
      await save()
    }
    void said()
      .catch((error: unknown) => deps.log.warn({ code: trouble, room, error: String(error) }, 'a room was not told'))
      .finally(() => telling.delete(key))
  }
  const stays = async ({ room, event, sinceMs }: Kept): Promise<boolean> => {
    if (await read(room, event)) return false
    if (nowMs() - sinceMs > patienceMs) await tell(room, event, 'CHAT-UNREADABLE')
    return nowMs() - sinceMs < KEEP_MS
  }
  return {
    tell,
    keep: async (room, event) => {
      const all = await load()
      if (all.events.some((one) => one.event.event_id === event.event_id)) return
      all.events = [...all.events, { room, event, sinceMs: nowMs() }].slice(-MOST)
      await save()
    },
    retry: async () => {
      const all = await load()
      const left: Kept[] = []
      for (const one of all.events) if (await stays(one)) left.push(one)
      if (left.length === all.events.length) return
      all.events = left
      await save()
    },
  }
}
