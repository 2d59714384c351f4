import { randomInt } from 'node:crypto'
import { SluiceError } from '../../errors.ts'
import { redact } from '../../redact.ts'
import { timeMs } from './mapping.ts'
import { part } from './pods.ts'
import type { Cluster, LeaseAnswer, LeaseWanted } from './port.ts'
import type { Session } from './session.ts'
import { errorOf, type Reply } from './status.ts'

/** coordination.k8s.io/v1 Lease on the wire, as far as Sluice reads and writes it; times are MicroTime. */
type WireLease = {
  readonly metadata?: { readonly resourceVersion?: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}
type Seen = { readonly lease: WireLease | undefined; readonly nowMs: number }

/** A Date header has whole seconds: the moment it names is up to this much ago. */
const DATE_MS = 1_000
const TRIES = 10
const LONGEST_WORD = 100

/**
 * The server's second as MicroTime. What is behind the comma is chance: a patch that changes nothing makes no new version, and two of the same second would not
 * see each other. A Lease looks renewed by up to a second too late so, which harms nobody.
 */
const microTime = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.\d+Z$/, `.${String(randomInt(1_000_000)).padStart(6, '0')}Z`)

/** What somebody else wrote into a Lease, as a word that may be shown. */
const word = (text: string): string => redact(text.slice(0, LONGEST_WORD).replaceAll(/[^\w.:@/ -]/g, '?'))

function bodyOf({ name, namespace, holder, durationMs, annotations }: LeaseWanted, { lease, nowMs }: Seen): object {
  const before = lease?.spec ?? {}
  const same = before.holderIdentity === holder
  const { resourceVersion } = lease?.metadata ?? {}
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    // whoever writes first wins: the other one's version is old by then
    metadata: { name, namespace, annotations, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      renewTime: microTime(nowMs),
      acquireTime: (same ? before.acquireTime : undefined) ?? microTime(nowMs),
      leaseTransitions: (before.leaseTransitions ?? 0) + (same || lease === undefined ? 0 : 1),
    },
  }
}

/** How long a Lease still runs on the API server's clock. */
function leftMs({ lease, nowMs }: Seen, durationMs: number): number {
  const { holderIdentity = '', leaseDurationSeconds, renewTime } = lease?.spec ?? {}
  if (holderIdentity === '' || renewTime === undefined) return -Infinity
  return timeMs(renewTime) + (leaseDurationSeconds === undefined ? durationMs : leaseDurationSeconds * 1000) - nowMs
}

function otherOf({ lease }: Seen): LeaseAnswer {
  const annotations = Object.entries(lease?.metadata?.annotations ?? {})
  return {
    kind: 'other',
    holder: word(lease?.spec?.holderIdentity ?? ''),
    annotations: Object.fromEntries(annotations.map(([key, value]) => [key, word(value)])),
  }
}

const leasesOf = (namespace: string): string => `/apis/coordination.k8s.io/v1/namespaces/${part(namespace)}/leases`

/** One look, and one write where it helps; undefined when somebody else wrote in between. */
async function tryOnce(session: Session, wanted: LeaseWanted, signal: AbortSignal | undefined) {
  const { namespace, name, holder, durationMs } = wanted
  const all = leasesOf(namespace)
  const one = `${all}/${part(name)}`
  const doing = `taking the Lease ${namespace}/${name}`
  const askedMs = performance.now()
  const seen = await look(session, doing, one, signal)
  const left = leftMs(seen, durationMs)
  const ours = seen.lease?.spec?.holderIdentity === holder
  // the server's clock is whole seconds behind: not even then
  if (!ours && left > -DATE_MS) return otherOf(seen)
  const write =
    seen.lease === undefined
      ? ({ method: 'POST', path: `${all}?fieldManager=sluice` } as const)
      : ({ method: 'PATCH', path: `${one}?fieldManager=sluice` } as const)
  const reply = await session.send({ doing, ...write, body: bodyOf(wanted, seen), signal })
  if (reply.status === 409) return undefined
  if (reply.status >= 300) throw errorOf(reply, doing)
  return { kind: 'ours', untilMs: askedMs + durationMs - DATE_MS } as const
}

async function look(session: Session, doing: string, path: string, signal: AbortSignal | undefined): Promise<Seen> {
  const reply: Reply = await session.send({ doing, method: 'GET', path, signal })
  if (reply.status >= 300 && reply.status !== 404) throw errorOf(reply, doing)
  const nowMs = Date.parse(reply.headers.date ?? '')
  if (Number.isNaN(nowMs)) throw new SluiceError('K8S-ERROR', doing, { text: 'the API server sends no Date header' })
  // The API server's object; every field is optional.
  return { nowMs, lease: reply.status === 404 ? undefined : (JSON.parse(reply.text) as WireLease) }
}

export const leaseCalls = (session: () => Promise<Session>): Pick<Cluster, 'holdLease' | 'freeLease'> => ({
  async holdLease(wanted, call) {
    for (let tries = 1; ; tries++) {
      const answer = await tryOnce(await session(), wanted, call?.signal)
      if (answer !== undefined) return answer
      // replicas renew the same one; so often it is no coincidence, and can wait
      if (tries === TRIES)
        throw new SluiceError('K8S-BUSY', `taking the Lease ${wanted.namespace}/${wanted.name}`, {
          text: `it was written by others ${TRIES} times in between`,
        })
    }
  },
  async freeLease(namespace, name, resourceVersion, call) {
    const doing = `giving the Lease ${namespace}/${name} back`
    const reply = await (await session()).send({
      doing,
      method: 'PATCH',
      path: `${leasesOf(namespace)}/${part(name)}?fieldManager=sluice`,
      // an empty holder is not valid
      body: { metadata: { resourceVersion }, spec: { holderIdentity: null } },
      signal: call?.signal,
    })
    if (reply.status >= 300 && reply.status !== 404 && reply.status !== 409) throw errorOf(reply, doing)
  },
})
