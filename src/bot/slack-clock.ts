import type { WebClientOptions } from '@slack/web-api'

/** Slack's own time, learnt from the Date of its answers. */
export type SlackClock = {
  /** To be handed to the client. */
  readonly fetch: NonNullable<WebClientOptions['fetch']>
  /** When Slack answered last, by its own clock, cut to the second: never later than it was. */
  readonly answeredMs: () => number
}

/** Two clocks may differ: what happened before or after a look at Slack is told apart by Slack's alone. */
export function slackClock(nowMs: () => number = Date.now): SlackClock {
  let answeredMs: number | undefined
  return {
    fetch: async (url, init) => {
      const answer = await fetch(url, init)
      const date = Date.parse(answer.headers.get('date') ?? '')
      if (!Number.isNaN(date)) answeredMs = Math.max(answeredMs ?? 0, date)
      return answer
    },
    answeredMs: () => answeredMs ?? nowMs(),
  }
}
