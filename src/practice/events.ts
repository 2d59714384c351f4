import { z } from 'zod'
import type { PracticeApi } from './api.ts'
import type { SimulatedCluster } from './cluster.ts'
import { deleteObject } from './deletion.ts'
import type { Faults } from './faults.ts'
import { isObject, type Json } from './json.ts'
import { BEND } from './kubelet.ts'
import { apiVersionOf, asKube, CEPH_CLUSTERS, kindNamed, KINDS, NODES } from './object.ts'
import { mergePatch } from './patch.ts'
import type { PracticeRedmine } from './redmine.ts'

const fault = z.strictObject({
  event: z.literal('fail'),
  cluster: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  status: z.int().min(400).max(599).optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  retryAfterSeconds: z.number().optional(),
  delayMs: z.number().optional(),
  cut: z.boolean().optional(),
  times: z.int().min(1).default(1),
})
const controllers = z.array(z.enum(['workloads', 'namespaces', 'scheduler', 'kubelet', 'disruption', 'rook']))

/** What POST /event of the control endpoint takes. */
export const EVENT = z.discriminatedUnion('event', [
  fault,
  z.strictObject({ event: z.literal('clear-faults') }),
  z.strictObject({ event: z.literal('node'), cluster: z.string(), node: z.string(), down: z.boolean() }),
  z.strictObject({ event: z.literal('health'), cluster: z.string(), health: z.string().nullable() }),
  z.strictObject({ event: z.literal('apply'), cluster: z.string(), object: z.json() }),
  z.strictObject({
    event: z.literal('delete'),
    cluster: z.string(),
    kind: z.string(),
    namespace: z.string().optional(),
    name: z.string(),
  }),
  z.strictObject({ event: z.literal('compact'), cluster: z.string() }),
  z.strictObject({ event: z.literal('cut-watches'), cluster: z.string() }),
  z.strictObject({ event: z.literal('pause'), cluster: z.string(), controllers }),
  z.strictObject({ event: z.literal('ticket'), id: z.int(), subject: z.string(), open: z.boolean() }),
  z.strictObject({ event: z.literal('redmine'), down: z.boolean() }),
  z.strictObject({ event: z.literal('ssh'), host: z.string(), down: z.boolean() }),
])
export type PracticeEvent = z.infer<typeof EVENT>

export type Stage = {
  readonly clusters: ReadonlyMap<
    string,
    { readonly cluster: SimulatedCluster; readonly api: Pick<PracticeApi, 'compact' | 'cutWatches'> }
  >
  readonly faults: Faults
  readonly redmine: PracticeRedmine
  /** Closes a host's SSH port, or opens it again. */
  readonly setHostDown: (host: string, down: boolean) => void
}

/** Does what an event says. Throws Error with a sentence when it names something that is not there. */
export function play(stage: Stage, event: PracticeEvent): void {
  switch (event.event) {
    case 'fail':
      return stage.faults.plant(event)
    case 'clear-faults':
      return stage.faults.clear()
    case 'ticket':
      return stage.redmine.put(event)
    case 'redmine':
      stage.redmine.isDown = event.down
      return undefined
    case 'ssh':
      return stage.setHostDown(event.host, event.down)
    default:
      return inCluster(stage, event)
  }
}

type ClusterEvent = Extract<PracticeEvent, { cluster: string }>

function inCluster(stage: Stage, event: Exclude<ClusterEvent, { event: 'fail' }>): void {
  const found = stage.clusters.get(event.cluster)
  if (!found) throw new Error(`no cluster ${event.cluster}`)
  const { cluster } = found
  switch (event.event) {
    case 'node':
      annotate(cluster, 'Node', undefined, event.node, BEND.down, event.down ? 'true' : null)
      return stage.setHostDown(event.node, event.down)
    case 'health':
      for (const one of cluster.store.list(CEPH_CLUSTERS)) {
        annotate(cluster, 'CephCluster', one.metadata.namespace, one.metadata.name, BEND.health, event.health)
      }
      return undefined
    case 'apply':
      return apply(cluster, event.object)
    case 'delete':
      return remove(cluster, event)
    case 'compact':
      return found.api.compact()
    case 'cut-watches':
      return found.api.cutWatches()
    case 'pause':
      cluster.paused.clear()
      for (const name of event.controllers) cluster.paused.add(name)
      return cluster.wake()
  }
}

function annotate(
  cluster: SimulatedCluster,
  kind: string,
  namespace: string | undefined,
  name: string,
  key: string,
  value: string | null,
): void {
  const of = kindNamed(kind) ?? NODES
  cluster.store.need(of, namespace, name)
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), annotations: { [key]: value } }
  apply(cluster, { apiVersion: apiVersionOf(of), kind, metadata })
}

/** Creates an object as it is, status and all, or merges it into the one that is there. */
function apply(cluster: SimulatedCluster, json: Json): void {
  const sent = asKube(json)
  const kind = sent && kindNamed(sent.kind, sent.apiVersion)
  if (!kind || !isObject(json)) throw new Error('no object of a served kind')
  const before = cluster.store.get(kind, sent.metadata.namespace, sent.metadata.name)
  if (!before) {
    cluster.store.create(kind, sent)
    return
  }
  const next = asKube(mergePatch({ ...before }, json))
  if (next) cluster.store.update(kind, next)
}

function remove(
  { store }: SimulatedCluster,
  event: { kind: string; namespace?: string | undefined; name: string },
): void {
  const kind = KINDS.find((of) => of.kind === event.kind)
  if (!kind) throw new Error(`no kind ${event.kind}`)
  const object = store.need(kind, event.namespace, event.name)
  deleteObject(store, kind, object, { graceSeconds: 0, preconditions: {}, dryRun: false })
}
