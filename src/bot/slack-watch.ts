import { slackError, isTokenRefused } from './slack-error.ts'
import type { SlackHealth } from './slack-health.ts'

export type CallWatch = {
  /** Told how each call ended; undefined is well. */
  readonly outcome: (error: unknown) => void
  readonly stop: () => void
}

/**
 * Whether calls go through. A refused token, or a Slack that does not answer, is asked again in the background until it does:
 * with nothing to send nobody would notice that it is well again.
 */
export function watchCalls(health: SlackHealth, probe: () => Promise<unknown>, everyMs: number): CallWatch {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const outcome = (error: unknown): void => {
    if (error === undefined) {
      clearTimeout(timer)
      timer = undefined
      return health.up('calls')
    }
    const known = slackError(error, 'calling Slack')
    if (known.code !== 'CHAT-UNREACHABLE' && !isTokenRefused(error)) return
    health.down('calls', known)
    if (!stopped) timer ??= setTimeout(ask, everyMs).unref()
  }
  const ask = (): void => {
    timer = undefined
    probe().then(() => outcome(undefined), outcome)
  }
  return {
    outcome,
    stop: () => {
      stopped = true
      clearTimeout(timer)
      timer = undefined
    },
  }
}
