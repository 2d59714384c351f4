import type { SocketModeReceiver } from '@slack/bolt'
import type { Log } from '../log.ts'
import { chatError } from './chat-errors.ts'
import { pause } from './pause.ts'
import { slackError } from './slack-error.ts'

type SocketClient = SocketModeReceiver['client']

const HELLO_LIMIT_MS = 15_000
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
const STOP_LIMIT_MS = 2_000

/**
 * Keeps one Socket Mode connection open for ever. Bolt's own way waits 5 s after any drop and gives up for good on a refused
 * token; this one starts again at once, then after growing waits up to 10 s, whatever the reason was. Resolves when first
 * connected, throws CHAT-AUTH | CHAT-UNREACHABLE when the first attempt fails. The returned function ends it.
 */
export async function keepConnected(
  client: SocketClient,
  log: Log,
  helloLimitMs = HELLO_LIMIT_MS,
): Promise<() => Promise<void>> {
  const stopping = new AbortController()
  const drops = dropsOf(client)
  client.on('error', (error: unknown) => log.warn({ error: String(error) }, 'Slack socket error'))
  const attempt = () => connect(client, helloLimitMs)
  await attempt()
  const running = supervise(attempt, drops, stopping.signal, log)
  return async () => {
    stopping.abort()
    await Promise.race([client.disconnect(), pause(STOP_LIMIT_MS)]).catch(() => undefined)
    await running
  }
}

type Drops = { readonly next: (signal: AbortSignal) => Promise<void> }

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
    next: (signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        if (!up || signal.aborted) resolve()
      }),
  }
}

async function supervise(attempt: () => Promise<void>, drops: Drops, signal: AbortSignal, log: Log): Promise<void> {
  while (!signal.aborted) {
    await drops.next(signal)
    if (signal.aborted) return
    log.warn({}, 'the Slack socket is gone, connecting again')
    await reconnect(attempt, signal, log)
  }
}

async function reconnect(attempt: () => Promise<void>, signal: AbortSignal, log: Log): Promise<void> {
  for (let waitMs = 0; !signal.aborted; waitMs = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, waitMs * 2))) {
    await pause(waitMs, signal)
    if (signal.aborted) return
    try {
      await attempt()
      log.info({}, 'the Slack socket is back')
      return
    } catch (error) {
      const cause = slackError(error, 'connecting to Slack')
      log.error({ code: cause.code, error: cause.message }, 'Slack cannot be reached')
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
