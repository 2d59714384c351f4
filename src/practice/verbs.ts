import { deleteObject, deleteOptions, isDryRun } from './deletion.ts'
import { evict } from './eviction.ts'
import { badRequest, Failure, forbidden, invalid, notFound, successStatus } from './failure.ts'
import { isObject, type Json, type JsonObject, textAt } from './json.ts'
import { apiVersionOf, asKube, type Kind, type Kube, NAMESPACES, PODS } from './object.ts'
import { patched } from './patch.ts'
import { podSpec, randomSuffix } from './pods.ts'
import type { Route } from './route.ts'
import type { Store } from './store.ts'

export type Call = {
  readonly method: string
  readonly route: Route
  readonly query: URLSearchParams
  readonly contentType: string
  readonly body: Json | undefined
}
export type Reply = { readonly status: number; readonly body: JsonObject; readonly object?: Kube }

const reply = (status: number, object: Kube): Reply => ({ status, body: { ...object }, object })

function bodyAs(kind: Kind, body: Json | undefined): Kube {
  const object = asKube(isObject(body) ? { kind: kind.kind, apiVersion: apiVersionOf(kind), ...body } : undefined)
  if (!object) throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind})`)
  if (object.kind !== kind.kind)
    throw badRequest(`the API version in the data does not match the expected kind ${kind.kind}`)
  return object
}

function create(store: Store, { route: { kind, namespace }, query, body }: Call): Reply {
  const sent = bodyAs(kind, body)
  const { name, generateName, namespace: inBody } = sent.metadata
  const full = name || (generateName === undefined ? '' : generateName + randomSuffix())
  if (full === '') {
    throw invalid(kind, '', 'metadata.name', 'FieldValueRequired', 'Required value: name or generateName is required')
  }
  const space = kind.namespaced ? (namespace ?? inBody) : undefined
  if (kind.namespaced) checkNamespace(store, kind, full, space)
  const metadata = {
    ...sent.metadata,
    name: full,
    uid: '',
    creationTimestamp: '',
    ...(space ? { namespace: space } : {}),
  }
  return reply(201, store.create(kind, { ...defaulted(kind, sent), metadata }, isDryRun(undefined, query)))
}

function checkNamespace(store: Store, kind: Kind, name: string, namespace: string | undefined): void {
  if (namespace === undefined) throw badRequest('an empty namespace may not be set during creation')
  const space = store.need(NAMESPACES, undefined, namespace)
  if (space.metadata.deletionTimestamp === undefined) return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  throw forbidden(kind, name, why, [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ])
}

function defaulted(kind: Kind, object: Kube): Kube {
  if (kind === NAMESPACES) return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }
  if (kind !== PODS) return object
  return {
    ...object,
    spec: podSpec(object.spec ?? {}),
    status: { qosClass: 'BestEffort', phase: 'Pending', ...object.status },
  }
}

/** Only the status through /status, all but the status otherwise. */
function ofSubresource(before: Kube, next: Kube, subresource: string | undefined): Kube {
  const { status, ...rest } = next
  if (subresource === 'status') {
    const metadata = { ...before.metadata, resourceVersion: next.metadata.resourceVersion, uid: next.metadata.uid }
    return { ...before, metadata, ...(status === undefined ? {} : { status }) }
  }
  return before.status === undefined ? rest : { ...rest, status: before.status }
}

const KEPT = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

/** Metadata the server owns stays as it is, whatever a client sends. */
function keepOwned(before: Kube, next: Kube): Kube {
  const kept = Object.fromEntries(
    KEPT.filter((key) => before.metadata[key] !== undefined).map((key) => [key, before.metadata[key]]),
  )
  const { deletionTimestamp: _at, deletionGracePeriodSeconds: _grace, ...sent } = next.metadata
  return {
    ...next,
    apiVersion: before.apiVersion,
    kind: before.kind,
    metadata: { ...sent, ...kept },
  }
}

function replace(store: Store, call: Call, name: string): Reply {
  const { kind, namespace, subresource } = call.route
  const sent = bodyAs(kind, call.body)
  const before = store.need(kind, namespace, name)
  store.check(kind, before, { uid: sent.metadata.uid, resourceVersion: sent.metadata.resourceVersion })
  const next = ofSubresource(before, sent, subresource)
  return reply(200, store.update(kind, keepOwned(before, next), isDryRun(undefined, call.query)))
}

function patch(store: Store, call: Call, name: string): Reply {
  const { kind, namespace, subresource } = call.route
  const isApply = call.contentType === 'application/apply-patch+yaml'
  if (isApply && !call.query.get('fieldManager')) {
    throw invalid(
      'PatchOptions.meta.k8s.io',
      '',
      'fieldManager',
      'FieldValueRequired',
      'Required value: is required for apply patch',
    )
  }
  const before = store.get(kind, namespace, name)
  if (!before && isApply) return create(store, call)
  if (!before) throw notFound(kind, name)
  const merged = patched(call.contentType, { ...before }, call.body ?? null)
  if (merged === undefined) throw unsupported()
  const after = asKube(merged)
  if (!after) throw badRequest('the patched object is no object of its kind')
  if (after.metadata.uid !== before.metadata.uid) {
    const why = `Invalid value: "${after.metadata.uid}": field is immutable`
    throw invalid(kind, name, 'metadata.uid', 'FieldValueInvalid', why)
  }
  store.check(kind, before, { resourceVersion: after.metadata.resourceVersion })
  const next = ofSubresource(before, after, subresource)
  return reply(200, store.update(kind, keepOwned(before, next), isDryRun(undefined, call.query)))
}

const unsupported = (): Failure => new Failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type')

function remove(store: Store, { route: { kind, namespace }, query, body }: Call, name: string): Reply {
  const before = store.need(kind, namespace, name)
  const { object, gone } = deleteObject(store, kind, before, deleteOptions(body, query))
  if (!gone || kind === PODS) return reply(200, object)
  const details = {
    name,
    kind: kind.plural,
    uid: object.metadata.uid,
    ...(kind.group === '' ? {} : { group: kind.group }),
  }
  return { status: 200, body: { ...successStatus(200), details } }
}

function subresource(store: Store, call: Call, name: string): Reply | undefined {
  const { kind, namespace = '', subresource: sub } = call.route
  if (sub === undefined || sub === 'status') return undefined
  if (kind !== PODS || sub !== 'eviction')
    throw new Failure(404, 'NotFound', 'the server could not find the requested resource')
  if (call.method !== 'POST') throw notAllowed()
  if (textAt(call.body, 'kind') !== 'Eviction') throw badRequest('the body is no Eviction')
  return { status: 201, body: evict(store, namespace, name, call.body ?? null, call.query) }
}

const notAllowed = (): Failure =>
  new Failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')

/** Every verb but LIST and WATCH. Throws Failure. */
export function answer(store: Store, call: Call): Reply {
  const { kind, namespace, name } = call.route
  if (name === undefined) {
    if (call.method !== 'POST') throw notAllowed()
    return create(store, call)
  }
  const special = subresource(store, call, name)
  if (special) return special
  switch (call.method) {
    case 'GET':
      return reply(200, store.need(kind, namespace, name))
    case 'PUT':
      return replace(store, call, name)
    case 'PATCH':
      return patch(store, call, name)
    case 'DELETE':
      return remove(store, call, name)
    default:
      throw notAllowed()
  }
}
