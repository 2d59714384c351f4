import { within } from '../duration.ts'
import { AsyncLocalStorage } from 'node:async_hooks'
import { LogService, type MatrixClient, setRequestFn } from 'matrix-bot-sdk'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import { chatError, limited } from './chat-errors.ts'
import { type Answer, hide, refusal } from './matrix-answer.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>
export type Call = {
  readonly query?: Query
  readonly body?: Record<string, unknown>
  readonly signal?: AbortSignal
  /** Milliseconds, default 20 s. */
  readonly limitMs?: number
}
/** One call of the client-server API; the answer is unchecked JSON. Throws CHAT-LIMITED | CHAT-AUTH | CHAT-REJECTED | CHAT-UNREACHABLE. */
export type Request = (method: 'GET' | 'POST' | 'PUT', path: string, doing: string, call?: Call) => Promise<unknown>

const CALL_LIMIT_MS = 20_000

/** What matrix-bot-sdk asks of the `request` package, as far as it does. */
type SdkParams = {
  readonly uri: string
  readonly method: string
  readonly qs?: Query | null
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
  readonly timeout?: number
  readonly encoding?: null
}
type SdkCallback = (error: unknown, response?: Answer, body?: unknown) => void

/** The SDK's function has no place for a signal: it travels beside the call. */
const signals = new AsyncLocalStorage<AbortSignal | undefined>()

/** Puts fetch in place of the `request` package for the whole SDK, and keeps its own logger quiet. */
export function useFetch(): void {
  LogService.setLogger({ trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} })
  setRequestFn((params: SdkParams, done: SdkCallback) => {
    fetchOnce(params).then(
      (response) => done(null, response, response.body),
      (error: unknown) => done(error),
    )
  })
}

async function fetchOnce(params: SdkParams): Promise<Answer> {
  const token = params.headers?.['Authorization']?.replace(/^Bearer /, '')
  try {
    return refusal(await exchange(params), token)
  } catch (error) {
    // fetch quotes a header it cannot send; the cause is not kept, it would quote it too
    throw new Error(hide(error instanceof Error ? causeText(error) : 'no answer', token))
  }
}

async function exchange(params: SdkParams): Promise<Answer> {
  const url = new URL(params.uri)
  for (const [name, value] of Object.entries(params.qs ?? {}))
    if (value !== undefined && value !== null) url.searchParams.set(name, String(value))
  const late = within(params.timeout ?? CALL_LIMIT_MS, signals.getStore())
  const answer = await fetch(url, {
    method: params.method,
    headers: params.headers ?? {},
    redirect: 'error',
    signal: late,
    ...(params.body === undefined
      ? {}
      : { body: typeof params.body === 'string' ? params.body : new Uint8Array(params.body) }),
  })
  const body = params.encoding === null ? Buffer.from(await answer.arrayBuffer()) : await answer.text()
  return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body }
}

/** The SDK's client as one function that takes a signal and a limit and throws our errors. */
export function requester(client: MatrixClient): Request {
  return (method, path, doing, call = {}) =>
    withSignal(call.signal, doing, async () => {
      const limitMs = call.limitMs ?? CALL_LIMIT_MS
      const where = `/_matrix/client${path}`
      const answer: unknown = await client.doRequest(method, where, call.query ?? null, call.body ?? null, limitMs)
      // a proxy's page with a cheerful 200
      if (typeof answer !== 'object' || answer === null)
        throw chatError('CHAT-UNREACHABLE', doing, 'what answers is no homeserver')
      return answer
    })
}

/** Asks only while this replica may: a process that was stopped for too long finds another in its place, and does nothing. Throws CHAT-ELSEWHERE. */
export const whileOurs =
  (request: Request, isOurs: () => boolean): Request =>
  async (method, path, doing, call) => {
    if (!isOurs()) throw chatError('CHAT-ELSEWHERE', doing, 'the lease is not held by this replica')
    return request(method, path, doing, call)
  }

/** Runs a call of the SDK under a signal, with its errors in our words. */
export async function withSignal<T>(signal: AbortSignal | undefined, doing: string, run: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await signals.run(signal, run)
  } catch (error) {
    signal?.throwIfAborted()
    throw matrixError(error, doing)
  }
}

const failure = z.object({
  statusCode: z.number(),
  errcode: z.string().optional(),
  error: z.string().optional(),
  retryAfterMs: z.number().nullish(),
})
const AUTH = new Set(['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN', 'M_USER_DEACTIVATED', 'M_USER_LOCKED'])
/** Synapse's default limit lets one message pass in 5 s. */
const DEFAULT_RETRY_MS = 5_000

/** Whatever a call of the SDK threw (its MatrixError, a bare answer, a network error), as one of the CHAT errors. */
export function matrixError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  const known = failure.safeParse(error)
  if (!known.success) return chatError('CHAT-UNREACHABLE', doing, error instanceof Error ? error.message : 'no answer')
  const { statusCode, errcode, error: words, retryAfterMs } = known.data
  if (statusCode === 429 || errcode === 'M_LIMIT_EXCEEDED') return limited(doing, retryAfterMs ?? DEFAULT_RETRY_MS)
  const text = errcode === undefined ? `HTTP ${statusCode}` : `${errcode}: ${words ?? ''}`
  if (AUTH.has(errcode ?? '') || statusCode === 401) return chatError('CHAT-AUTH', doing, text)
  // a homeserver names what it has not; a proxy's 404 says nothing about rooms
  const isAway = statusCode >= 500 || (statusCode === 404 && errcode === undefined)
  return chatError(isAway ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, text)
}

const causeText = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
