import { randomUUID } from 'node:crypto'
import { badRequest, expired } from './failure.ts'
import type { JsonObject } from './json.ts'
import { apiVersionOf, type Kind, type Kube } from './object.ts'
import { fieldSelector, labelSelector, type Matches } from './selectors.ts'
import type { Store } from './store.ts'

export type List = {
  readonly version: string
  readonly items: readonly Kube[]
  readonly rest?: string
  readonly remaining?: number
}
type Page = { readonly version: string; readonly items: readonly Kube[] }
const PAGES = 200

/** What the selectors of a list or a watch let through. Throws Failure 400. */
export function matcher(kind: Kind, namespace: string | undefined, query: URLSearchParams): Matches {
  const labels = labelSelector(query.get('labelSelector') ?? '')
  const fields = fieldSelector(query.get('fieldSelector') ?? '', kind.kind)
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) && labels(object) && fields(object)
}

/** LIST with limit and continue: the pages after the first are of the same moment, until they are forgotten (410). */
export class Lister {
  readonly #store: Store
  readonly #pages = new Map<string, Page>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Throws Failure 400, 410. */
  list(kind: Kind, namespace: string | undefined, query: URLSearchParams): List {
    const token = query.get('continue')
    const page = token ? this.#continued(token) : this.#first(kind, namespace, query)
    const limit = Number(query.get('limit') ?? 0)
    if (!(limit > 0) || page.items.length <= limit) return page
    const rest = Buffer.from(JSON.stringify({ v: 'practice', id: randomUUID() })).toString('base64url')
    this.#pages.set(rest, { version: page.version, items: page.items.slice(limit) })
    const [oldest] = this.#pages.keys()
    if (this.#pages.size > PAGES && oldest !== undefined) this.#pages.delete(oldest)
    return { version: page.version, items: page.items.slice(0, limit), rest, remaining: page.items.length - limit }
  }

  /** Forgets all pages: every `continue` is answered 410 from now on. */
  forget(): void {
    this.#pages.clear()
  }

  #first(kind: Kind, namespace: string | undefined, query: URLSearchParams): Page {
    const items = this.#store.list(kind, namespace).filter(matcher(kind, namespace, query))
    return { version: String(this.#store.version), items }
  }

  #continued(token: string): Page {
    if (!Buffer.from(token, 'base64url').toString().startsWith('{"v":')) {
      throw badRequest('invalid continue token: continue key is not valid')
    }
    const page = this.#pages.get(token)
    if (!page) throw expired()
    return page
  }
}

export const listObject = (kind: Kind, list: List): JsonObject => ({
  kind: `${kind.kind}List`,
  apiVersion: apiVersionOf(kind),
  metadata: {
    resourceVersion: list.version,
    ...(list.rest === undefined ? {} : { continue: list.rest }),
    ...(list.remaining === undefined ? {} : { remainingItemCount: list.remaining }),
  },
  items: list.items.map((item) => ({ ...item })),
})
