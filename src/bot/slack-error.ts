import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { SluiceError } from '../errors.ts'
import { chatError, limited } from './chat-errors.ts'

const AUTH = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'not_allowed_token_type',
  'no_permission',
])
const AGAIN = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org'])

/** Whatever a call of Slack's Web API threw, as CHAT-LIMITED, CHAT-AUTH, CHAT-REJECTED or CHAT-UNREACHABLE. */
export function slackError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  if (error instanceof WebAPIRateLimitedError) return limited(doing, error.retryAfter * 1000)
  if (error instanceof WebAPIPlatformError) return platformError(error, doing)
  if (error instanceof WebAPIHTTPError)
    return chatError(error.statusCode >= 500 ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, `HTTP ${error.statusCode}`)
  if (error instanceof WebAPIRequestError) return chatError('CHAT-UNREACHABLE', doing, error.original.message)
  return chatError('CHAT-UNREACHABLE', doing, error instanceof Error ? error.message : String(error))
}

function platformError(error: WebAPIPlatformError, doing: string): SluiceError {
  const word = error.data.error
  if (word === 'ratelimited' || word === 'rate_limited') return limited(doing, 1000)
  const details = error.data.response_metadata?.messages?.join('; ')
  const text = details === undefined ? word : `${word}: ${details}`
  return chatError(AUTH.has(word) ? 'CHAT-AUTH' : AGAIN.has(word) ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, text)
}
