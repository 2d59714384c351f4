import { isTransient, type SluiceError } from './errors.ts'

/** The one place that decides when something is tried again. What is worth it says `transient` in the table of errors. */

type Pace = { readonly firstMs: number; readonly longestMs: number }
const PACE: Pace = { firstMs: 250, longestMs: 5_000 }

/** A pause after so many failures (0 = the first): doubled each time, a random half of it off, so that many who failed together do not come back together. */
export const backoffMs = (failures: number, { firstMs, longestMs }: Pace = PACE): number =>
  Math.min(longestMs, firstMs * 2 ** Math.min(failures, 30)) * (0.5 + Math.random() / 2)

/** At least as long as the other side asked for, and a little more at random; else by the failures so far. */
export const pauseMsOf = ({ pauseMs }: SluiceError, failures: number): number =>
  pauseMs === undefined ? backoffMs(failures) : pauseMs * (1 + Math.random() / 8)

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** How long may still be waited for what does not work, in all: pauses, and what was tried in vain between them. */
export type Budget = { leftMs: number }

export type Patience = {
  readonly signal: AbortSignal | undefined
  readonly budget?: Budget
  /** Nothing is begun later than this, counted from the first try on. */
  readonly limitMs?: number
  /** Told what is waited for before each pause, and undefined when it is over. */
  readonly onTrouble?: (error: SluiceError | undefined) => void
}

/** Does work, and again what failed with a transient error, as long as budget and limit last. Throws the last error, or the signal's reason. */
export async function again<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { budget = { leftMs: Infinity }, limitMs = Infinity, onTrouble = () => {}, signal } = patience
  const beganMs = performance.now()
  for (let failures = 0, startedMs = beganMs; ; failures++, startedMs = performance.now()) {
    try {
      const result = await work()
      if (failures > 0) onTrouble(undefined)
      return result
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (!isTransient(error)) throw error
      const nowMs = performance.now()
      if (failures > 0) budget.leftMs -= nowMs - startedMs
      const pauseMs = pauseMsOf(error, failures)
      if (pauseMs > Math.min(budget.leftMs, limitMs - (nowMs - beganMs))) throw error
      budget.leftMs -= pauseMs
      onTrouble(error)
      await sleep(pauseMs, signal)
    }
  }
}
