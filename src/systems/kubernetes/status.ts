import { type Code, isTransient, SluiceError } from '../../errors.ts'
import { redact } from '../../redact.ts'
import type { Eviction } from './port.ts'

/** metav1.Status, as far as Sluice reads it. */
export type Status = {
  readonly message?: string
  readonly reason?: string
  readonly details?: {
    readonly name?: string
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
  }
}

export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

const LONGEST_TEXT = 500

/** The Status of an error reply; a proxy's HTML or plain text becomes its message. */
export function statusOf(text: string): Status {
  try {
    const parsed: unknown = JSON.parse(text)
    // The shape is the API server's; every field is optional and used as text only.
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // not JSON: falls through
  }
  return { message: text }
}

/** What the server said, short and redacted. */
export function textOf(status: Status): string {
  const text = redact(typeof status.message === 'string' ? status.message : '').trim()
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text
}

const CODES: Readonly<Record<number, Code>> = {
  401: 'K8S-CREDENTIALS',
  403: 'K8S-FORBIDDEN',
  404: 'K8S-NOT-FOUND',
  408: 'K8S-TIMEOUT',
  409: 'K8S-CONFLICT',
  429: 'K8S-BUSY',
  500: 'K8S-FAULT',
  502: 'K8S-UNREACHABLE',
  503: 'K8S-UNREACHABLE',
  504: 'K8S-TIMEOUT',
}

/** The error of a reply that is not 2xx. */
export function errorOf(reply: Reply, doing: string): SluiceError {
  const status = statusOf(reply.text)
  const immutableUid =
    reply.status === 422 && (status.details?.causes ?? []).some((cause) => cause.field === 'metadata.uid')
  const code = immutableUid ? 'K8S-CONFLICT' : (CODES[reply.status] ?? 'K8S-ERROR')
  const text = textOf(status)
  return new SluiceError(code, doing, {
    text: text === '' ? `HTTP ${reply.status}` : text,
    pauseMs: retryAfterMsOf(reply, status),
  })
}

/** Retry-After of the Status or the header in ms; a date (which an API server never sends) only with `nowMs`. */
function retryAfterMsOf(reply: Reply, status: Status, nowMs?: number): number | undefined {
  const said = status.details?.retryAfterSeconds
  if (typeof said === 'number' && said > 0) return said * 1000
  const header = reply.headers['retry-after']
  if (header === undefined) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const dateMs = Date.parse(header)
  return nowMs === undefined || Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}

type Later = Eviction & { kind: 'later' }
const later = (
  cause: Later['cause'],
  text: string,
  retryAfterMs: number | undefined,
  more: Pick<Later, 'budget' | 'trouble'> = {},
): Eviction => ({ kind: 'later', cause, text, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...more })

/**
 * The reply to an eviction or a DELETE with a uid precondition, as kubernetes pkg/registry/core/pod/storage/eviction.go and
 * kubectl pkg/drain read it. Throws K8S-CREDENTIALS on 401.
 */
export function evictionOf(reply: Reply, doing: string, nowMs: number): Eviction {
  if (reply.status < 300) return { kind: 'accepted' }
  if (reply.status === 404) return { kind: 'gone' }
  if (reply.status === 401) throw errorOf(reply, doing)
  const status = statusOf(reply.text)
  const text = textOf(status)
  const retryAfterMs = retryAfterMsOf(reply, status, nowMs)
  const causes = status.details?.causes ?? []
  if (reply.status === 429) {
    const budget = causes.find((cause) => cause.reason === 'DisruptionBudget')
    const said = budget?.message ?? text
    const named = /disruption budget "?([^\s"]+)/.exec(said)?.[1]
    if (budget !== undefined)
      return later('budget', redact(said), retryAfterMs, named === undefined ? {} : { budget: named })
    if (/virt-launcher-eviction-interceptor|evacuation of VMI/i.test(text))
      return later('migrating', text, retryAfterMs)
  }
  if (reply.status === 409) {
    // Other 409s are the server's own write conflicts and pass.
    return /UID in (?:the )?precondition/i.test(text) ? { kind: 'replaced' } : later('busy', text, retryAfterMs)
  }
  const multiPdb = /more than one PodDisruptionBudget/.test(text)
  const trouble = errorOf(reply, doing)
  if (isTransient(trouble) && !multiPdb)
    return later(reply.status === 500 ? 'fault' : 'busy', text, retryAfterMs, { trouble })
  const terminating =
    causes.some((cause) => cause.reason === 'NamespaceTerminating') || /because it is being terminated/.test(text)
  if (reply.status === 403 && terminating) return { kind: 'namespace-terminating', text }
  return { kind: 'refused', status: reply.status, multiPdb, text }
}

const isMissing = (error: unknown): boolean => error instanceof SluiceError && error.code === 'K8S-NOT-FOUND'

/** 404 -> undefined; everything else throws. */
export async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
