import { createHmac, randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import type { SlackState } from './slack-state.ts'

/** Slack tries again at once, after 1 and after 5 minutes; here the waits are short. */
const RETRY_WAITS_MS = [20, 60, 180, 540]
const ACK_LIMIT_MS = 3_000

type Envelope = {
  readonly id: string
  readonly type: 'events_api' | 'slash_commands' | 'interactive'
  readonly payload: Record<string, unknown>
  attempt: number
}
/** Whether the app acknowledged, and what it sent back with it. */
export type Delivered = { readonly acked: boolean; readonly answer?: unknown }
export type Delivery = Delivered & { readonly payload: Record<string, unknown>; readonly attempts: number }

export type Events = ReturnType<typeof makeDelivery>

/** Sends envelopes to a socket or, signed, to a URL; an event without acknowledgement is sent again. */
export function makeDelivery(sockets: ReadonlySet<WebSocket>, signingSecret: string) {
  const waiting = new Map<
    string,
    { envelope: Envelope; settle: (delivered: Delivered) => void; timer?: NodeJS.Timeout; sentOn?: WebSocket }
  >()
  const queue: string[] = []
  const done: Delivery[] = []
  let target: string | undefined
  let stopped = false
  let isLost = false
  let copies = 1
  let tries: readonly number[] = RETRY_WAITS_MS

  const settled = (id: string, acked: boolean, answer?: unknown) => {
    const entry = waiting.get(id)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    waiting.delete(id)
    const delivered = { acked, ...(answer === undefined ? {} : { answer }) }
    done.push({ payload: entry.envelope.payload, attempts: entry.envelope.attempt + 1, ...delivered })
    entry.settle(delivered)
  }
  const again = (id: string) => {
    const entry = waiting.get(id)
    if (entry === undefined || stopped) return
    clearTimeout(entry.timer)
    delete entry.sentOn
    const waitMs = tries[entry.envelope.attempt]
    if (entry.envelope.type !== 'events_api' || waitMs === undefined) return settled(id, false)
    entry.envelope.attempt += 1
    entry.timer = setTimeout(() => push(id), waitMs)
  }
  const push = (id: string) => {
    const entry = waiting.get(id)
    if (entry === undefined || stopped) return
    if (target !== undefined)
      return void overHttp(target, entry.envelope, signingSecret).then(({ acked, answer }) =>
        acked ? settled(id, true, answer) : again(id),
      )
    const ws = [...sockets].find((s) => s.readyState === s.OPEN && !s.isPaused)
    if (ws === undefined) return void queue.push(id)
    ws.send(JSON.stringify(frame(entry.envelope)))
    entry.sentOn = ws
    entry.timer = setTimeout(() => again(id), entry.envelope.type === 'events_api' ? nackMs : ACK_LIMIT_MS)
  }
  let nackMs = ACK_LIMIT_MS
  const send = (type: Envelope['type'], payload: Record<string, unknown>): Promise<Delivered> =>
    new Promise((settle) => {
      const envelope: Envelope = { id: randomUUID(), type, payload, attempt: 0 }
      waiting.set(envelope.id, { envelope, settle })
      push(envelope.id)
    })
  return {
    done,
    send,
    event: async (state: SlackState, event: Record<string, unknown>, team = state.team): Promise<Delivered> => {
      if (isLost) return { acked: false }
      const callback = {
        type: 'event_callback',
        team_id: team,
        api_app_id: 'A0SLUICE',
        event,
        event_id: `Ev${randomUUID().slice(0, 8).toUpperCase()}`,
        event_time: Math.floor(Date.now() / 1000),
        authorizations: [{ team_id: team, user_id: state.bot.user, is_bot: true }],
      }
      const [first] = await Promise.all(Array.from({ length: copies }, () => send('events_api', callback)))
      return first ?? { acked: false }
    },
    /** What happens meanwhile is never told: Slack gave up. */
    lose: (on: boolean) => {
      isLost = on
    },
    /** Each event is delivered so many times. */
    repeat: (times: number) => {
      copies = times
    },
    acked: (text: string) => {
      const parsed: unknown = JSON.parse(text)
      if (typeof parsed === 'object' && parsed !== null && 'envelope_id' in parsed)
        settled(String(parsed.envelope_id), true, 'payload' in parsed ? content(parsed.payload) : undefined)
    },
    /** What a socket did not acknowledge before it closed is sent again. */
    closed: (ws: WebSocket) => {
      for (const [id, entry] of waiting) if (entry.sentOn === ws) again(id)
    },
    flush: () => {
      for (const id of queue.splice(0)) push(id)
    },
    sendTo: (url: string | undefined) => {
      target = url
    },
    /** After how many milliseconds without acknowledgement a socket's event is sent again (Slack: 3 s). */
    ackWithin: (ms: number) => {
      nackMs = ms
    },
    retries: (waitsMs: readonly number[]) => {
      tries = waitsMs
    },
    stop: () => {
      stopped = true
      for (const { timer } of waiting.values()) clearTimeout(timer)
    },
  }
}

/** Over a socket an acknowledgement without anything in it has an empty payload. */
const content = (payload: unknown): unknown =>
  typeof payload === 'object' && payload !== null && Object.keys(payload).length > 0 ? payload : undefined

const frame = ({ id, type, payload, attempt }: Envelope) => ({
  envelope_id: id,
  type,
  payload,
  accepts_response_payload: type !== 'events_api',
  ...(type === 'events_api' ? { retry_attempt: attempt, retry_reason: attempt === 0 ? '' : 'timeout' } : {}),
})

async function overHttp(url: string, { type, payload, attempt }: Envelope, secret: string): Promise<Delivered> {
  const form = (value: Record<string, unknown>) =>
    new URLSearchParams(Object.entries(value).map(([k, v]): [string, string] => [k, String(v)])).toString()
  const body =
    type === 'events_api'
      ? JSON.stringify(payload)
      : form(type === 'interactive' ? { payload: JSON.stringify(payload) } : payload)
  const stamp = String(Math.floor(Date.now() / 1000))
  const headers = {
    'content-type': type === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
    'x-slack-request-timestamp': stamp,
    'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${stamp}:${body}`).digest('hex')}`,
    ...(attempt === 0 ? {} : { 'x-slack-retry-num': String(attempt), 'x-slack-retry-reason': 'http_error' }),
  }
  const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ACK_LIMIT_MS) }).catch(
    () => undefined,
  )
  if (answer?.ok !== true) return { acked: false }
  const text = await answer.text()
  return { acked: true, ...(text.startsWith('{') ? { answer: JSON.parse(text) as unknown } : {}) }
}
