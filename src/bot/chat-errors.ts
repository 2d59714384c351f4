import { type Code, SluiceError } from '../errors.ts'
import type { RateLimited } from './chat.ts'

export type ChatCode = Extract<Code, `CHAT-${string}`>
export type LimitedError = SluiceError & RateLimited

/** CHAT-LIMITED, carrying how long the platform asks to wait, in milliseconds. */
export const limited = (doing: string, retryAfterMs: number, cause?: unknown): LimitedError =>
  Object.assign(
    new SluiceError('CHAT-LIMITED', doing, {
      text: `asked to wait ${Math.ceil(retryAfterMs / 1000)} s`,
      ...(cause === undefined ? {} : { cause }),
    }),
    { retryAfterMs },
  )

/** True for what `limited` makes: the sender waits `retryAfterMs` and sends again. */
export const isLimited = (error: unknown): error is LimitedError =>
  error instanceof SluiceError && error.code === 'CHAT-LIMITED' && 'retryAfterMs' in error

export const chatError = (code: ChatCode, doing: string, text: string): SluiceError =>
  new SluiceError(code, doing, { text })
