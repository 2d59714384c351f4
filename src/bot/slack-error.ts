import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import { chatError, limited } from './chat-errors.ts'

/** The token itself is refused: no call will succeed until somebody renews it. */
const TOKEN = new Set(['invalid_auth', 'not_authed', 'account_inactive', 'token_revoked', 'token_expired'])
const AUTH = new Set([...TOKEN, 'missing_scope', 'not_allowed_token_type', 'no_permission'])
const GONE = new Set(['message_not_found', 'cant_update_message'])
const AGAIN = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org'])

/** True when Slack refused the token, and not only this call. */
export const isTokenRefused = (error: unknown): boolean =>
  error instanceof WebAPIPlatformError && TOKEN.has(error.data.error)

/** An address of the socket lets its bearer in. */
const clean = (text: string): string => redact(text).replace(/\bticket=[^&\s"']+/g, 'ticket=[secret]')

/** Whatever a call of Slack's Web API threw, as CHAT-LIMITED, CHAT-AUTH, CHAT-GONE, CHAT-REJECTED or CHAT-UNREACHABLE. */
export function slackError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  if (error instanceof WebAPIRateLimitedError) return limited(doing, error.retryAfter * 1000)
  if (error instanceof WebAPIPlatformError) return platformError(error, doing)
  if (error instanceof WebAPIHTTPError)
    return chatError(error.statusCode >= 500 ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, `HTTP ${error.statusCode}`)
  if (error instanceof WebAPIRequestError) return chatError('CHAT-UNREACHABLE', doing, clean(error.original.message))
  return chatError('CHAT-UNREACHABLE', doing, clean(error instanceof Error ? error.message : String(error)))
}

function platformError(error: WebAPIPlatformError, doing: string): SluiceError {
  const word = error.data.error
  if (word === 'ratelimited' || word === 'rate_limited') return limited(doing, 1000)
  const details = error.data.response_metadata?.messages?.join('; ')
  const text = details === undefined ? word : `${word}: ${details}`
  return chatError(codeOf(word), doing, text)
}

const codeOf = (word: string): 'CHAT-AUTH' | 'CHAT-UNREACHABLE' | 'CHAT-GONE' | 'CHAT-REJECTED' => {
  if (AUTH.has(word)) return 'CHAT-AUTH'
  if (AGAIN.has(word)) return 'CHAT-UNREACHABLE'
  return GONE.has(word) ? 'CHAT-GONE' : 'CHAT-REJECTED'
}
