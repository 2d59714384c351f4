/** JSON as it travels; objects are never changed in place once stored. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [key: string]: Json }
export type Path = readonly (string | number)[]

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a path, undefined where the path ends early. */
export function at(value: Json | undefined, ...path: Path): Json | undefined {
  let here = value
  for (const step of path) {
    if (Array.isArray(here) && typeof step === 'number') here = here[step]
    else if (isObject(here) && Object.hasOwn(here, step)) here = here[String(step)]
    else return undefined
  }
  return here
}

export function textAt(value: Json | undefined, ...path: Path): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export function numberAt(value: Json | undefined, ...path: Path): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : undefined
}

export const listAt = (value: Json | undefined, ...path: Path): Json[] => {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

export const objectAt = (value: Json | undefined, ...path: Path): JsonObject => {
  const found = at(value, ...path)
  return isObject(found) ? found : {}
}

/** The string entries of an object, as labels and annotations are. */
export const textsAt = (value: Json | undefined, ...path: Path): Record<string, string> =>
  Object.fromEntries(
    Object.entries(objectAt(value, ...path)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )

/** Deep equality; the order of keys does not count. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]))
  if (!isObject(a) || !isObject(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}

/** JSON.parse typed as what it gives. Throws SyntaxError. */
// JSON.parse is declared `any`; Json is exactly what it can return.
export const parseJson = (text: string): Json => JSON.parse(text) as Json
