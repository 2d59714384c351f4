import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { badRequest, Failure, failureStatus } from './failure.ts'
import type { Fault } from './faults.ts'
import { type Json, type JsonObject, parseJson } from './json.ts'

const BODY_LIMIT_BYTES = 3 * 1024 * 1024

/** Answers with JSON, or with text as it is. */
export function send(
  response: ServerResponse,
  status: number,
  body: JsonObject | string,
  headers: Record<string, string> = {},
): void {
  const isText = typeof body === 'string'
  const text = isText ? body : `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': isText ? 'text/plain' : 'application/json',
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

/** Answers with the Status object of a failure. */
export function sendFailure(response: ServerResponse, failure: Failure): void {
  const seconds = failure.details['retryAfterSeconds']
  send(
    response,
    failure.status,
    failureStatus(failure),
    typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {},
  )
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    // A request without an encoding set yields Buffers.
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > BODY_LIMIT_BYTES) throw new Failure(413, 'RequestEntityTooLarge', 'the request is too large')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The body of a request by its media type; YAML only where it is no JSON. Throws Failure 400, 413, 415. */
export async function bodyOf(request: IncomingMessage, type: string): Promise<Json | undefined> {
  const text = await readBody(request)
  if (text === '') return undefined
  if (type.includes('protobuf') || type.includes('cbor')) {
    throw new Failure(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`)
  }
  try {
    return parseJson(text)
  } catch {
    if (!type.includes('yaml')) throw badRequest('the body is no JSON')
  }
  const { parse } = await import('yaml')
  return parseJson(JSON.stringify(parse(text)))
}

/** Plays a planted failure; true when the request has got its answer by that. */
export async function suffer(fault: Fault, response: ServerResponse): Promise<boolean> {
  if (fault.delayMs !== undefined) await delay(fault.delayMs)
  if (fault.cut === true) response.destroy()
  if (fault.cut === true) return true
  if (fault.status === undefined) return false
  const details: JsonObject =
    fault.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: fault.retryAfterSeconds }
  sendFailure(
    response,
    new Failure(fault.status, fault.reason ?? 'InternalError', fault.message ?? 'planted failure', details),
  )
  return true
}
