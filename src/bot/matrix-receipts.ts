import type { Log } from '../log.ts'
import { isLimited } from './chat-errors.ts'
import type { Request } from './matrix-http.ts'
import { pause } from './pause.ts'

export type Receipts = {
  /** Everything up to this event is stored. Returns at once; the marker follows. */
  readonly read: (room: string, event: string) => void
  readonly stop: () => void
}

/** At most so many markers a second over all rooms: people see them soon, and the homeserver hardly notices. */
const EVERY_MS = 250

/** Read markers: only the newest of a room is sent, one at a time, beside everything else; one that fails is not missed. */
export function readReceipts(request: Request, log: Log): Receipts {
  const newest = new Map<string, string>()
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
    await pause(EVERY_MS, stopping.signal)
    for (const [room, event] of newest) {
      if (stopping.signal.aborted) break
      newest.delete(room)
      await send(room, event)
      await pause(EVERY_MS, stopping.signal)
    }
    running = false
  }
  return {
    read: (room, event) => {
      newest.set(room, event)
      if (!running && !stopping.signal.aborted) void run()
    },
    stop: () => stopping.abort(),
  }
}
