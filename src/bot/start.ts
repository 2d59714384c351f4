import { asSluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Chat, Incoming } from './chat.ts'

const RETRY_MS = [1_000, 5_000, 15_000, 60_000] as const

/** A platform that is away, or refuses the token, does not keep the others from starting: it is tried again, and reported each time. */
export async function startChat(
  chat: Chat,
  receive: (incoming: Incoming) => Promise<void>,
  log: Log,
  signal: AbortSignal,
  attempt = 0,
): Promise<void> {
  try {
    await chat.start(receive)
  } catch (error) {
    const known = asSluiceError(error, `starting ${chat.name}`)
    log.error({ code: known.code, chat: chat.name }, `${known.message}. ${known.next}`)
    const timer = setTimeout(
      () => void startChat(chat, receive, log, signal, attempt + 1),
      RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)],
    )
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
}
