import { setTimeout } from 'node:timers/promises'

/** Waits so many milliseconds, or until the signal: then it resolves at once, and the caller looks at the signal. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
