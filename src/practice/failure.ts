import type { JsonObject } from './json.ts'
import { type Kind, resourceOf } from './object.ts'

/** An API failure: what becomes a Status object on the wire (apimachinery pkg/api/errors). */
export class Failure extends Error {
  readonly status: number
  readonly reason: string
  readonly details: JsonObject
  constructor(status: number, reason: string, message: string, details: JsonObject = {}) {
    super(message)
    this.status = status
    this.reason = reason
    this.details = details
  }
}

const about = (kind: Kind, name: string): JsonObject => ({
  name,
  ...(kind.group === '' ? {} : { group: kind.group }),
  kind: kind.plural,
})

export const notFound = (kind: Kind, name: string): Failure =>
  new Failure(404, 'NotFound', `${resourceOf(kind)} "${name}" not found`, about(kind, name))

export const conflict = (kind: Kind, name: string, why: string): Failure =>
  new Failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(kind)} "${name}": ${why}`,
    about(kind, name),
  )

export const alreadyExists = (kind: Kind, name: string): Failure =>
  new Failure(409, 'AlreadyExists', `${resourceOf(kind)} "${name}" already exists`, about(kind, name))

/** A field that validation refuses: `kind` as text where it is no stored kind. */
export function invalid(kind: Kind | string, name: string, field: string, reason: string, why: string): Failure {
  const named = typeof kind === 'string' ? kind : kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const causes = [{ reason, message: why, field }]
  const details = typeof kind === 'string' ? { causes } : { ...about(kind, name), kind: kind.kind, causes }
  return new Failure(422, 'Invalid', `${named} "${name}" is invalid: ${field}: ${why}`, details)
}

/** The conflict of rest.BeforeDelete, which names the kind instead of the resource. */
export function deleteConflict(
  kind: Kind,
  name: string,
  what: 'UID' | 'ResourceVersion',
  wanted: string,
  found: string,
): Failure {
  const named = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const since = what === 'UID' ? 'deleted and then recreated' : 'modified'
  const why = `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found}). The object might have been ${since}`
  return new Failure(409, 'Conflict', `Operation cannot be fulfilled on ${named} "${name}": ${why}`, {
    ...about(kind, name),
    kind: kind.kind,
  })
}

export const badRequest = (why: string): Failure => new Failure(400, 'BadRequest', why)

export const forbidden = (kind: Kind, name: string, why: string, causes: JsonObject[] = []): Failure =>
  new Failure(403, 'Forbidden', `${resourceOf(kind)} "${name}" is forbidden: ${why}`, {
    ...about(kind, name),
    ...(causes.length === 0 ? {} : { causes }),
  })

export const expired = (): Failure =>
  new Failure(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result.')

/** Status objects as metav1.Status. */
export const failureStatus = (failure: Failure): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: failure.message,
  reason: failure.reason,
  ...(Object.keys(failure.details).length === 0 ? {} : { details: failure.details }),
  code: failure.status,
})

export const successStatus = (code: number): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  ...(code === 200 ? {} : { code }),
})
