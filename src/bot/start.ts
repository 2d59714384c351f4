import { asSluiceError } from '../errors.ts'
import type { Chat, Incoming } from './chat.ts'
import type { Trouble } from './health.ts'

const RETRY_MS = [1_000, 5_000, 15_000, 60_000] as const
const AUTH_RETRY_MS = 60_000

/**
 * Starts a platform. One that is away, or refuses the token, does not keep the others from starting: its trouble is told, and it is tried again until the
 * signal aborts. Resolves after the first attempt.
 */
export async function startChat(
  chat: Chat,
  receive: (incoming: Incoming) => Promise<void>,
  told: Trouble,
  signal: AbortSignal,
  attempt = 0,
): Promise<void> {
  try {
    await chat.start(receive, told)
    told({ up: true })
  } catch (error) {
    const { code, message, next } = asSluiceError(error, `starting ${chat.name}`)
    told({ up: false, code, text: message, next })
    if (signal.aborted) return
    const waitMs = code === 'CHAT-AUTH' ? AUTH_RETRY_MS : RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]
    const timer = setTimeout(() => void startChat(chat, receive, told, signal, attempt + 1), waitMs)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
}
