import { Failure } from './failure.ts'
import { type Kind, KINDS } from './object.ts'

export type Route = {
  readonly kind: Kind
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
}

const notServed = (): Failure => new Failure(404, 'NotServed', '404 page not found')

/** `/api/v1/namespaces/acme/pods/x/eviction` and its like. Throws Failure 404, reason NotServed, for what is not served. */
export function route(path: string): Route {
  const [root, ...segments] = path.split('/').slice(1).map(decodeURIComponent)
  const group = root === 'apis' ? segments.shift() : ''
  const version = segments.shift()
  if ((root !== 'api' && root !== 'apis') || group === undefined || version === undefined) throw notServed()
  const find = (plural: string | undefined): Kind | undefined =>
    KINDS.find((of) => of.group === group && of.version === version && of.plural === plural)
  const inNamespace = segments[0] === 'namespaces' ? find(segments[2]) : undefined
  const namespace = inNamespace?.namespaced ? segments[1] : undefined
  const [plural, name, subresource, ...more] = namespace === undefined ? segments : segments.slice(2)
  const kind = find(plural)
  if (!kind || more.length > 0) throw notServed()
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  }
}
