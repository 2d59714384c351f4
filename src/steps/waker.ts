/** Lets a loop sleep until something happens, a time comes or a signal aborts; what happens while it is awake is not lost. */
export type Waker = {
  readonly wake: () => void
  /** Resolves at the latest after `ms`; Infinity waits for a wake or the signal alone. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const MAX_TIMER_MS = 2 ** 31 - 1

export function makeWaker(): Waker {
  let woken = false
  let rouse = (): void => {}
  return {
    wake: () => {
      woken = true
      rouse()
    },
    sleep: async (ms, signal) => {
      if (!woken && !signal.aborted && ms > 0) {
        await new Promise<void>((resolve) => {
          const timer = ms === Infinity ? undefined : setTimeout(resolve, Math.min(ms, MAX_TIMER_MS))
          const onAbort = (): void => rouse()
          rouse = () => {
            clearTimeout(timer)
            signal.removeEventListener('abort', onAbort)
            resolve()
          }
          signal.addEventListener('abort', onAbort, { once: true })
        })
        rouse()
        rouse = () => {}
      }
      woken = false
    },
  }
}
