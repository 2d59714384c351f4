import { z } from 'zod'

/** What matrix-bot-sdk looks at of an answer. */
export type Answer = {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string | Buffer
}

const json = z.record(z.string(), z.unknown())

/** `Retry-After` in milliseconds: seconds or a date; undefined when there is none. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/**
 * A refusal in the one form the SDK passes on. It drops the headers, so a `Retry-After` goes into the body (Synapse has it there
 * already, proxies have not); and whatever stands in front of a homeserver may repeat the token it was sent.
 */
export function refusal(answer: Answer, token: string | undefined): Answer {
  if (answer.statusCode < 400) return answer
  const text = hide(answer.body.toString(), token)
  if (answer.statusCode !== 429) return { ...answer, body: text }
  const said = parsed(text)
  const waitMs = retryAfterMs(answer.headers['retry-after'], Date.now())
  const body = {
    errcode: 'M_LIMIT_EXCEEDED',
    ...(waitMs === undefined ? {} : { retry_after_ms: waitMs }),
    ...said,
  }
  return { ...answer, body: JSON.stringify(body) }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return json.safeParse(JSON.parse(text)).data ?? {}
  } catch {
    return {}
  }
}

export const hide = (text: string, token: string | undefined): string =>
  token === undefined || token === '' ? text : text.replaceAll(token, '[token]')
