import { SluiceError } from '../errors.ts'

export type Pulse = {
  /** At the begin of a piece of work. What it returns throws JOB-LOST once this process has stood still in between: what was its own may be another's by now. */
  readonly begin: (doing: string) => () => void
}

const BEATS = 5

/**
 * Notices that this process stood still for longer than `limitMs` (stopped, swapped out, its machine paused). A lock in Redis runs out meanwhile,
 * and a process that wakes handles the answers that came for it before any timer: a check that waits for one would come after the next write.
 */
export function openPulse(limitMs: number, signal: AbortSignal, clockMs = (): number => performance.now()): Pulse {
  let lastMs = clockMs()
  let pauses = 0
  const look = (): number => {
    const nowMs = clockMs()
    if (nowMs - lastMs > limitMs) pauses += 1
    lastMs = nowMs
    return pauses
  }
  const timer = setInterval(look, limitMs / BEATS)
  timer.unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  return {
    begin: (doing) => {
      const before = look()
      return () => {
        if (look() !== before) throw new SluiceError('JOB-LOST', doing)
      }
    },
  }
}
