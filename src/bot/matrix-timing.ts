import type { SluiceError } from '../errors.ts'
import { isLimited } from './chat-errors.ts'

/** All in milliseconds. docs/operator.md states them. */
export type SyncTiming = {
  /** How long the homeserver may keep a quiet /sync open, and how much later its answer is given up: a peer that is gone says nothing. */
  readonly pollMs: number
  readonly graceMs: number
  /**
   * Between a batch in which somebody said something and the next question. A homeserver does one thing at a time: a /sync that comes at
   * once stands before our answer (69 ms instead of 88 ms on Synapse, docs/bench.md), and people in a crowd come together in one batch.
   */
  readonly breathMs: number
  /** After a failure: how long the first answer is waited for; doubled each time up to `longestProbeMs`, which the very first sync may take. */
  readonly probeMs: number
  readonly longestProbeMs: number
  /** Between attempts, doubled up to `longestWaitMs`; what a homeserver asks for is kept up to `longestAskedMs`. */
  readonly firstWaitMs: number
  readonly longestWaitMs: number
  readonly longestAskedMs: number
  /** Between attempts with a token that is refused. */
  readonly authWaitMs: number
  /** An outage is told when it has lasted so long; who hears of it waits 3 s more for a platform that flickers. */
  readonly reportAfterMs: number
}
export const TIMING: SyncTiming = {
  pollMs: 20_000,
  graceMs: 5_000,
  breathMs: 80,
  probeMs: 10_000,
  longestProbeMs: 60_000,
  firstWaitMs: 200,
  longestWaitMs: 5_000,
  longestAskedMs: 300_000,
  authWaitMs: 60_000,
  reportAfterMs: 7_000,
}

export type Patience = { readonly pollMs: number; readonly limitMs: number }

/** After a start: what is there now; a bot that was away long may have to wait for it. */
export const atOnce = ({ longestProbeMs }: SyncTiming): Patience => ({ pollMs: 0, limitMs: longestProbeMs })

/** How long an attempt waits. After a failure the homeserver is asked for what it has now: then silence is noticed sooner, and recovery too. */
export function patience({ pollMs, graceMs, probeMs, longestProbeMs }: SyncTiming, failures: number): Patience {
  if (failures === 0) return { pollMs, limitMs: pollMs + graceMs }
  return { pollMs: 0, limitMs: Math.min(longestProbeMs, probeMs * 2 ** (failures - 1)) }
}

/** How long to wait after so many failures before this one. */
export function waitMs(error: SluiceError, timing: SyncTiming, failures: number): number {
  if (isLimited(error)) return Math.max(timing.firstWaitMs, Math.min(timing.longestAskedMs, error.retryAfterMs))
  if (error.code === 'CHAT-AUTH') return timing.authWaitMs
  return Math.min(timing.longestWaitMs, timing.firstWaitMs * 2 ** failures)
}
