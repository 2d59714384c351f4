import type { SocketModeReceiver } from '@slack/bolt'
import type { Log } from '../log.ts'
import { chatError, isLimited } from './chat-errors.ts'
import { pause } from './pause.ts'
import { slackError } from './slack-error.ts'
import type { SlackHealth } from './slack-health.ts'

type SocketClient = SocketModeReceiver['client']

const HELLO_LIMIT_MS = 15_000
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
const STOP_LIMIT_MS = 2_000
/** A refused token is not mended by asking again soon. */
const AUTH_WAIT_MS = 60_000

export type Keeping = {
  readonly log: Log
  readonly health: SlackHealth
  readonly onLost: () => void
  readonly onBack: () => void
  readonly helloLimitMs?: number | undefined
  readonly authRetryMs?: number | undefined
}

/**
 * Keeps one Socket Mode connection open for ever. Bolt's own way waits 5 s after any drop and gives up for good on a refused
 * token; this one starts again at once, then after growing waits up to 10 s, and every 60 s while the token is refused. Resolves
 * when first connected, throws CHAT-AUTH | CHAT-UNREACHABLE when the first attempt fails. The returned function ends it.
 */
export async function keepConnected(client: SocketClient, keeping: Keeping): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const drops = dropsOf(client)
  client.on('error', (error: unknown) => {
    keeping.log.debug({ error: slackError(error, 'listening to Slack').message }, 'Slack socket error')
  })
  const attempt = async (): Promise<void> => {
    await connect(client, keeping.helloLimitMs ?? HELLO_LIMIT_MS)
    keeping.health.up('socket')
  }
  await attempt()
  const running = supervise(attempt, drops, stopping.signal, keeping)
  const disconnect = () => Promise.race([client.disconnect(), pause(STOP_LIMIT_MS)]).catch(() => undefined)
  return async () => {
    stopping.abort()
    await disconnect()
    await running
    // what was being opened had no socket to close yet
    if (drops.isUp()) await disconnect()
  }
}

type Drops = { readonly next: (signal: AbortSignal) => Promise<void>; readonly isUp: () => boolean }

/** Listens from the start, so that a drop right after the connection is not missed. */
function dropsOf(client: SocketClient): Drops {
  let wake: () => void = () => {}
  let up = true
  client.on('connected', () => {
    up = true
  })
  client.on('disconnected', () => {
    up = false
    wake()
  })
  return {
    isUp: () => up,
    next: (signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        if (!up || signal.aborted) resolve()
      }),
  }
}

async function supervise(
  attempt: () => Promise<void>,
  drops: Drops,
  signal: AbortSignal,
  keeping: Keeping,
): Promise<void> {
  while (!signal.aborted) {
    await drops.next(signal)
    if (signal.aborted) return
    keeping.onLost()
    keeping.log.info({}, 'the Slack socket is gone, connecting again')
    keeping.health.down('socket', chatError('CHAT-UNREACHABLE', 'listening to Slack', 'the socket is gone'))
    await reconnect(attempt, signal, keeping)
    if (!signal.aborted) keeping.onBack()
  }
}

async function reconnect(attempt: () => Promise<void>, signal: AbortSignal, keeping: Keeping): Promise<void> {
  let waitMs = 0
  for (let next = 0; !signal.aborted; ) {
    await pause(next, signal)
    if (signal.aborted) return
    try {
      return await attempt()
    } catch (error) {
      const cause = slackError(error, 'connecting to Slack')
      keeping.health.down('socket', cause)
      waitMs = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, waitMs * 2))
      next = isLimited(cause)
        ? cause.retryAfterMs
        : cause.code === 'CHAT-AUTH'
          ? (keeping.authRetryMs ?? AUTH_WAIT_MS)
          : waitMs
      keeping.log.debug({ code: cause.code, error: cause.message, nextMs: next }, 'Slack cannot be reached')
    }
  }
}

/** One attempt. A server that takes the socket but never says hello is given up. */
async function connect(client: SocketClient, helloLimitMs: number): Promise<void> {
  const ended = new AbortController()
  const late = pause(helloLimitMs, ended.signal).then(() => {
    if (ended.signal.aborted) return
    client.disconnect().catch(() => undefined)
    throw chatError('CHAT-UNREACHABLE', 'connecting to Slack', `no hello within ${helloLimitMs} ms`)
  })
  const starting = client.start().catch((error: unknown) => {
    throw slackError(error ?? new Error('the socket was closed before hello'), 'connecting to Slack')
  })
  try {
    await Promise.race([starting, late.then(() => starting)])
  } finally {
    ended.abort()
    starting.catch(() => undefined)
  }
}
