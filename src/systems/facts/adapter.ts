import { isRefusal, isTransient, type Refusal } from '../../errors.ts'
import { redact } from '../../redact.ts'
import type { Cluster } from '../kubernetes/port.ts'
import type { Tickets } from '../redmine/port.ts'
import { readCapacity } from './capacity.ts'
import type { FactName, FactReading, Facts, ReadFacts, Subject } from './port.ts'
import { readQuorum } from './quorum.ts'
import { readStorage } from './storage.ts'

export type FactSources = {
  readonly cluster: (name: string) => Promise<Cluster | Refusal>
  readonly tickets?: Tickets
  /** The kube-system uid that was pinned for a cluster. */
  readonly pinnedUid: (cluster: string) => string | undefined
}
type Reader = (subject: Subject, sources: FactSources, signal: AbortSignal) => Promise<unknown>

/** One reader per fact. */
const READERS: { readonly [N in FactName]: Reader } = {
  identity: async (subject, sources, signal) => {
    const cluster = await clusterOf(subject, sources)
    const pinned = sources.pinnedUid(cluster.name)
    return { uid: await cluster.identity({ signal }), ...(pinned === undefined ? {} : { pinned }) }
  },
  quorum: async (subject, sources, signal) => readQuorum(await clusterOf(subject, sources), subject.nodes, signal),
  storage: async (subject, sources, signal) => readStorage(await clusterOf(subject, sources), subject.nodes, signal),
  capacity: async (subject, sources, signal) => readCapacity(await clusterOf(subject, sources), subject.nodes, signal),
  'not-ready': async (subject, sources, signal) => {
    const nodes = await (await clusterOf(subject, sources)).nodes({ signal })
    return { nodes: nodes.filter((n) => n.ready !== 'True' && !subject.nodes.includes(n.name)).map((n) => n.name) }
  },
  ticket: async ({ ticket }, { tickets }, signal) => {
    if (ticket === undefined) throw new Error('the request names no ticket')
    if (tickets === undefined) throw new Error('no Redmine is configured')
    const found = await tickets.read(ticket, { signal })
    return found === undefined
      ? { id: ticket, exists: false, open: false }
      : { id: ticket, exists: true, open: found.open, subject: found.subject, url: found.url }
  },
}

async function clusterOf({ cluster: name }: Subject, { cluster }: FactSources): Promise<Cluster> {
  if (name === undefined) throw new Error('the request names no cluster')
  const opened = await cluster(name)
  if (isRefusal(opened)) throw new Error(opened.text)
  return opened
}

/** Reads the named facts side by side. Never throws: a fact that cannot be read says why. */
export function makeReadFacts(sources: FactSources): ReadFacts {
  return async (names, subject, signal) => {
    const read = async (name: FactName): Promise<readonly [FactName, FactReading<unknown>]> => {
      try {
        return [name, { ok: true, value: await READERS[name](subject, sources, signal) }]
      } catch (error) {
        const why = redact(error instanceof Error ? error.message : String(error))
        return [name, { ok: false, why, ...(isTransient(error) ? { trouble: error } : {}) }]
      }
    }
    // each reader gives its name's own type, which an object made of entries cannot express
    return Object.fromEntries(await Promise.all([...new Set(names)].map(read))) as Facts
  }
}
