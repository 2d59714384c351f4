import type { Clock } from '../../duration.ts'
import { SluiceError } from '../../errors.ts'
import { toPdb, toPod, type WirePdb, type WirePod } from './mapping.ts'
import type { Cluster, EvictOptions, Eviction, Query } from './port.ts'
import type { Session } from './session.ts'
import { errorOf, evictionOf } from './status.ts'

// Pods and budgets are asked for directly, over client-node's credentials: its generated calls build a class for every nested object of a
// list and drop the Status that tells a budget from a migration.

export const part = encodeURIComponent

/** The query string of a list or watch. */
export function listPath(
  base: string,
  query: Query & Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, string>> = {},
): string {
  const parameters = new URLSearchParams(more)
  if (query.node !== undefined) parameters.set('fieldSelector', `spec.nodeName=${query.node}`)
  if (query.labelSelector !== undefined) parameters.set('labelSelector', query.labelSelector)
  const text = parameters.toString()
  return text === '' ? base : `${base}?${text}`
}

export const podsBase = (namespace: string | undefined): string =>
  namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${part(namespace)}/pods`
export const pdbsBase = (namespace: string | undefined): string =>
  namespace === undefined
    ? '/apis/policy/v1/poddisruptionbudgets'
    : `/apis/policy/v1/namespaces/${part(namespace)}/poddisruptionbudgets`

type WireList = { metadata?: { resourceVersion?: string; continue?: string }; items?: unknown[] }

const PAGE = 500
const MOST_RESTARTS = 5

async function page(
  session: Session,
  doing: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<WireList | 'expired'> {
  const reply = await session.send({ doing, method: 'GET', path, signal })
  if (reply.status === 410) return 'expired'
  if (reply.status >= 300) throw errorOf(reply, doing)
  // A list of the API server; its items are mapped field by field.
  return JSON.parse(reply.text) as WireList
}

/** Every page of a list. An expired continue token (410) starts it again: half a list is worse than a late one. */
export async function listAll<T>(
  session: Session,
  doing: string,
  base: string,
  query: Query,
  map: (item: unknown) => T,
): Promise<{ items: T[]; resourceVersion: string }> {
  for (let restart = 0; restart <= MOST_RESTARTS; restart++) {
    const items: T[] = []
    let token = ''
    for (;;) {
      const path = listPath(base, query, { limit: String(PAGE), ...(token === '' ? {} : { continue: token }) })
      const list = await page(session, doing, path, query.signal)
      if (list === 'expired') break
      for (const item of list.items ?? []) items.push(map(item))
      token = list.metadata?.continue ?? ''
      if (token === '') return { items, resourceVersion: list.metadata?.resourceVersion ?? '' }
    }
  }
  throw new SluiceError('K8S-ERROR', doing, { text: 'the list expired again and again while it was read' })
}

// The API server's objects; toPod and toPdb take every field as optional.
export const mapPod = (item: unknown) => toPod(item as WirePod)
export const mapPdb = (item: unknown) => toPdb(item as WirePdb)

function deleteOptions(options: EvictOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: options.uid },
    ...(options.gracePeriodSeconds < 0 ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.dryRun === true ? { dryRun: ['All'] } : {}),
  }
}

type PodCalls = Pick<Cluster, 'pods' | 'pod' | 'pdbs' | 'evict' | 'deletePod'>

export function podCalls(session: () => Promise<Session>, clock: Clock): PodCalls {
  type Name = { readonly namespace: string; readonly name: string }
  const pathOf = (pod: Name): string => `${podsBase(pod.namespace)}/${part(pod.name)}`
  const remove = async (
    ask: { doing: string; method: 'POST' | 'DELETE'; path: string; body: object },
    signal: AbortSignal | undefined,
  ): Promise<Eviction> => evictionOf(await (await session()).send({ ...ask, signal }), ask.doing, clock.now())
  return {
    pods: async (query) => listAll(await session(), 'listing pods', podsBase(query.namespace), query, mapPod),
    pdbs: async (query = {}) =>
      (await listAll(await session(), 'listing PodDisruptionBudgets', pdbsBase(query.namespace), query, mapPdb)).items,
    async pod(namespace, name, call) {
      const doing = `reading the pod ${namespace}/${name}`
      const reply = await (await session()).send({
        doing,
        method: 'GET',
        path: pathOf({ namespace, name }),
        signal: call?.signal,
      })
      if (reply.status === 404) return undefined
      if (reply.status >= 300) throw errorOf(reply, doing)
      return mapPod(JSON.parse(reply.text))
    },
    evict: (pod, options) =>
      remove(
        {
          doing: `evicting the pod ${pod.namespace}/${pod.name}`,
          method: 'POST',
          path: `${pathOf(pod)}/eviction`,
          body: {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { name: pod.name, namespace: pod.namespace },
            deleteOptions: deleteOptions(options),
          },
        },
        options.signal,
      ),
    deletePod: (pod, options) =>
      remove(
        {
          doing: `deleting the pod ${pod.namespace}/${pod.name}`,
          method: 'DELETE',
          path: pathOf(pod),
          body: deleteOptions(options),
        },
        options.signal,
      ),
  }
}
