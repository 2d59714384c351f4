import { badRequest, Failure } from './failure.ts'
import { isObject, type Json, type JsonObject, same, textAt } from './json.ts'

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}

/** Merge keys of the lists that core types merge; other lists are replaced (k8s.io/api patchMergeKey tags). */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  taints: 'key',
  conditions: 'type',
  addresses: 'type',
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  ports: 'containerPort',
  ownerReferences: 'uid',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
}

function mergeList(target: Json | undefined, patch: Json[], mergeKey: string): Json {
  if (patch.some((item) => textAt(item, '$patch') === 'replace')) {
    return patch.filter((item) => textAt(item, '$patch') !== 'replace')
  }
  const result = Array.isArray(target) ? [...target] : []
  for (const item of patch) {
    const key = isObject(item) ? item[mergeKey] : undefined
    const place = result.findIndex((old) => isObject(old) && key !== undefined && same(old[mergeKey], key))
    if (textAt(item, '$patch') === 'delete') {
      if (place >= 0) result.splice(place, 1)
    } else if (place >= 0) result[place] = strategicPatch(result[place], item)
    else result.push(strategicPatch(undefined, item))
  }
  return result
}

/** Strategic merge: lists with a merge key merge, `finalizers` are a set, `$patch: delete | replace` are heeded. */
export function strategicPatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const { $patch: directive, ...rest } = patch
  if (directive === 'replace') return rest
  if (directive === 'delete') return {}
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(rest)) {
    const mergeKey = MERGE_KEYS[key]
    if (key.startsWith('$deleteFromPrimitiveList/')) dropItems(result, key.slice(25), value)
    else if (key.startsWith('$')) continue
    else if (value === null) delete result[key]
    else if (Array.isArray(value) && mergeKey !== undefined) result[key] = mergeList(result[key], value, mergeKey)
    else if (Array.isArray(value) && key === 'finalizers') result[key] = union(result[key], value)
    else result[key] = strategicPatch(result[key], value)
  }
  return result
}

const union = (old: Json | undefined, added: Json[]): Json => [
  ...new Set([...(Array.isArray(old) ? old : []), ...added]),
]

function dropItems(result: JsonObject, key: string, items: Json): void {
  const old = result[key]
  if (Array.isArray(old) && Array.isArray(items)) result[key] = old.filter((item) => !items.includes(item))
}

const tokens = (pointer: string): string[] => {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw badRequest(`invalid JSON pointer: ${pointer}`)
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

const unprocessable = (): Failure =>
  new Failure(422, 'Invalid', 'the server rejected our request due to an error in our request')

/** The value with one place changed; `edit` gets what holds the place and its last token. */
function within(
  value: Json | undefined,
  path: string[],
  edit: (holder: JsonObject | Json[], token: string) => void,
): Json {
  const [token, ...rest] = path
  if (token === undefined) throw unprocessable()
  if (!isObject(value) && !Array.isArray(value)) throw unprocessable()
  const copy = Array.isArray(value) ? [...value] : { ...value }
  if (rest.length === 0) edit(copy, token)
  else if (Array.isArray(copy)) copy[Number(token)] = within(copy[Number(token)], rest, edit)
  else copy[token] = within(copy[token], rest, edit)
  return copy
}

const found = (value: Json, path: string[]): Json | undefined => {
  let here: Json | undefined = value
  for (const token of path) {
    if (Array.isArray(here)) here = here[Number(token)]
    else here = isObject(here) && Object.hasOwn(here, token) ? here[token] : undefined
  }
  return here
}

const set = (value: Json, insert: boolean) => (holder: JsonObject | Json[], token: string) => {
  if (!Array.isArray(holder)) holder[token] = value
  else if (token === '-') holder.push(value)
  else holder.splice(Number(token), insert ? 0 : 1, value)
}

const drop = (holder: JsonObject | Json[], token: string) => {
  if (Array.isArray(holder)) holder.splice(Number(token), 1)
  else delete holder[token]
}

function operation(document: Json, one: Json): Json {
  const path = tokens(textAt(one, 'path') ?? '')
  const value = isObject(one) && one['value'] !== undefined ? one['value'] : null
  const op = textAt(one, 'op')
  const old = found(document, path)
  switch (op) {
    case 'test':
      if (!same(old, value)) throw unprocessable()
      return document
    case 'add':
      return within(document, path, set(value, true))
    case 'replace':
      if (old === undefined) throw unprocessable()
      return within(document, path, set(value, false))
    case 'remove':
      if (old === undefined) throw unprocessable()
      return within(document, path, drop)
    default:
      throw badRequest(`unexpected kind of operation: ${op}`)
  }
}

/** RFC 6902 without move and copy. Throws Failure 422 when an operation does not apply. */
export function jsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations')
  return patch.reduce<Json>(operation, document)
}

/** The object after a patch of a content type; undefined for a type that no patch has. */
export function patched(type: string, target: Json, patch: Json): Json | undefined {
  if (type === 'application/merge-patch+json') return mergePatch(target, patch)
  if (type === 'application/strategic-merge-patch+json') return strategicPatch(target, patch)
  if (type === 'application/json-patch+json') return jsonPatch(target, patch)
  if (type === 'application/apply-patch+yaml') return strategicPatch(target, patch)
  return undefined
}
