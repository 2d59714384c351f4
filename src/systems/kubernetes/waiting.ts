export type Limit = {
  readonly signal: AbortSignal
  /** True when the time ran out before the caller gave up. */
  readonly timedOut: () => boolean
  /** Starts the time anew. */
  readonly touch: () => void
  readonly end: () => void
}

/** A signal that aborts with the caller's or after `ms`. Unlike AbortSignal.any it leaves nothing behind on a long-lived signal. */
export function limit(ms: number, signal: AbortSignal | undefined): Limit {
  const own = new AbortController()
  let late = false
  const onTime = (): void => {
    late = true
    own.abort(new Error(`no answer in ${ms} ms`))
  }
  let timer = setTimeout(onTime, ms)
  const onAbort = (): void => own.abort(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: own.signal,
    timedOut: () => late,
    touch() {
      clearTimeout(timer)
      timer = setTimeout(onTime, ms)
    },
    end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    },
  }
}
