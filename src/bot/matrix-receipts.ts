import type { Log } from '../log.ts'
import { isLimited } from './chat-errors.ts'
import type { Request } from './matrix-http.ts'
import { pause } from './pause.ts'

export type Receipts = {
  /** Everything up to this event is stored. Returns at once; the marker follows. */
  readonly read: (room: string, event: string) => void
  readonly stop: () => void
}

/** How often it is looked which room is due: so at most four markers a second, over all rooms. */
const EVERY_MS = 250
/** A marker wakes every client in the room: it waits until the talk pauses, but no longer than this. */
const QUIET_MS = 1_000
const LONGEST_MS = 10_000
type Unread = { readonly event: string; readonly firstMs: number; readonly lastMs: number }

/** Read markers: only the newest of a room is sent, one at a time, beside everything else; one that fails is not missed. */
export function readReceipts(request: Request, log: Log): Receipts {
  const newest = new Map<string, Unread>()
  const stopping = new AbortController()
  let running = false
  const send = async (room: string, event: string): Promise<void> => {
    const path = `/v3/rooms/${encodeURIComponent(room)}/read_markers`
    const body = { 'm.fully_read': event, 'm.read': event }
    try {
      await request('POST', path, 'marking as read', { body, signal: stopping.signal })
    } catch (error) {
      log.debug({ room, error: String(error) }, 'a read marker could not be set')
      if (isLimited(error)) await pause(error.retryAfterMs, stopping.signal)
    }
  }
  const run = async (): Promise<void> => {
    running = true
    while (newest.size > 0 && !stopping.signal.aborted) {
      await pause(EVERY_MS, stopping.signal)
      const due = [...newest].find(([, unread]) => isDue(unread, performance.now()))
      if (due === undefined) continue
      const [room, { event }] = due
      newest.delete(room)
      await send(room, event)
    }
    running = false
  }
  return {
    read: (room, event) => {
      const nowMs = performance.now()
      newest.set(room, { event, firstMs: newest.get(room)?.firstMs ?? nowMs, lastMs: nowMs })
      if (!running && !stopping.signal.aborted) void run()
    },
    stop: () => stopping.abort(),
  }
}

const isDue = ({ firstMs, lastMs }: Unread, nowMs: number): boolean =>
  nowMs - lastMs >= QUIET_MS || nowMs - firstMs >= LONGEST_MS
