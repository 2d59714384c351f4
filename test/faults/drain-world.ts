import { setTimeout as pause } from 'node:timers/promises'
import { type Client, client } from '../lab/kube/client.ts'
import type { AuditEvent, KubeData } from '../lab/kube/lab.ts'
import { nodeList, readyNow } from '../lab/kube/nodes.ts'
import { until } from '../lab/kube/run.ts'
import { attachKube } from '../lab/kube.ts'
import { apply, deployment, namespace, type PodShape } from '../lab/workloads.ts'
import { PODS } from './drain-points.ts'

/** Kept from everybody else's pods by this taint, in the cluster that all tests share. */
const TAINT = { key: 'drain-kill', effect: 'NoSchedule' }
/** Where the pods of `server501` go. */
export const refugeOf = (node: string): string => `${node}0`

type Pod = {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly deletionTimestamp?: string
  }
  readonly spec: { readonly nodeName?: string }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}
type Node = {
  readonly metadata: { readonly uid: string }
  readonly spec: { readonly unschedulable?: boolean }
  readonly status: Pod['status']
}

type Budget = {
  readonly metadata: { readonly name: string }
  readonly status: {
    readonly currentHealthy?: number
    readonly expectedPods?: number
    readonly disruptedPods?: Readonly<Record<string, string>>
  }
}

/** A node with its pods in a namespace of their own. */
export type Loaded = { readonly node: string; readonly namespace: string; readonly uids: readonly string[] }
/** What a fault test makes its nodes of. */
export type Setting = {
  /** `server500 + number`, in `PREFIX-number`. */
  readonly firstNode: number
  readonly prefix: string
  readonly pods: number
  readonly workloads: (shape: (name: string, termMs: number) => PodShape) => Parameters<typeof apply>[1]
}
export type DrainWorld = {
  /** uid of kube-system. */
  readonly uid: string
  /** Makes the node of that number Ready with its pods, which policy lets go; a second node stands ready for what comes after them. */
  readonly load: (number: number) => Promise<Loaded>
  readonly podsOn: (node: string) => Promise<readonly Pod[]>
  readonly isCordoned: (node: string) => Promise<boolean>
  /** As a job of that person's left it. */
  readonly cordon: (node: string, person: string) => Promise<void>
  /** The evictions in a namespace that the API server carried out, by the uid they were asked for. */
  readonly evicted: (namespace: string) => Promise<readonly string[]>
  /** Everything else that Sluice changed there: `patch nodes server501 200`. */
  readonly otherWrites: (loaded: Loaded) => Promise<readonly string[]>
  /**
   * An eviction whose caller died under way (504) goes on inside the server, takes its budget's room up to seconds later and deletes
   * nothing; the disruption controller gives the room back after two minutes. This does it after two seconds, until the signal.
   */
  readonly giveBack: (namespace: string, signal: AbortSignal) => Promise<void>
  /** What stands in a namespace, for the text of a failure. */
  readonly describe: (namespace: string) => Promise<string>
  readonly drop: (loaded: Loaded) => Promise<void>
  readonly close: () => Promise<void>
}

const isReady = ({ status }: { readonly status: Pod['status'] }): boolean =>
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false

const isEviction = (event: AuditEvent): boolean =>
  event.subresource === 'eviction' && event.stage === 'ResponseComplete' && event.code === 201 && !event.dryRun

/** A living eviction deletes its pod within milliseconds after it has taken the room. */
const GIVE_BACK_MS = 2_000

async function giveBackOnce(api: Client, ns: string): Promise<void> {
  const pods = await api.list<Pod>(`/api/v1/namespaces/${ns}/pods`)
  const staying = new Set(pods.filter((p) => p.metadata.deletionTimestamp === undefined).map((p) => p.metadata.name))
  for (const { metadata, status } of await api.list<Budget>(budgetsPath(ns))) {
    const stale = Object.entries(status.disruptedPods ?? {}).filter(
      ([name, at]) => staying.has(name) && Date.now() - Date.parse(at) > GIVE_BACK_MS,
    )
    if (stale.length === 0) continue
    const patch = { status: { disruptedPods: Object.fromEntries(stale.map(([name]) => [name, null])) } }
    const path = `${budgetsPath(ns)}/${metadata.name}/status`
    const { code } = await api.call('PATCH', path, patch, 'application/merge-patch+json')
    if (code !== 200) throw new Error(`PATCH ${path}: ${code}`)
  }
}
const budgetsPath = (ns: string): string => `/apis/policy/v1/namespaces/${ns}/poddisruptionbudgets`

/** Answers 201, or 409 when it is there from an earlier time. */
async function makeNode(api: Client, name: string, version: string): Promise<void> {
  // nodeList() has just made it
  const { items } = JSON.parse(nodeList([name], version)) as { items: readonly { readonly status: object }[] }
  const status = { ...items[0]?.status, conditions: [readyNow()] }
  const { code, body } = await api.call('POST', '/api/v1/nodes', { ...items[0], spec: { taints: [TAINT] }, status })
  if (code !== 201 && code !== 409) throw new Error(`node ${name}: ${code} ${body}`)
}

const shapeOn =
  (node: string, ns: string) =>
  (name: string, termMs: number): PodShape => ({
    namespace: ns,
    name,
    node,
    pool: { key: 'kubernetes.io/hostname', operator: 'In', values: [node, refugeOf(node)] },
    tolerations: [{ key: TAINT.key, operator: 'Exists' }],
    termMs,
  })

/** 20 pods: nine that may go at once, eight three at a time, three one at a time; they end at different moments. */
export const KILLED: Setting = {
  firstNode: 500,
  prefix: 'drain-kill',
  pods: PODS,
  workloads: (shape) => [
    ...deployment({ ...shape('web', 150), replicas: 6 }),
    ...deployment({ ...shape('slow', 500), replicas: 3 }),
    ...deployment({ ...shape('api', 250), replicas: 8, pdb: { maxUnavailable: 3 } }),
    // no StatefulSet: the disruption controller takes a new pod of the old name for one that shall go, for two minutes
    ...deployment({ ...shape('db', 100), replicas: 3, pdb: { maxUnavailable: 1 } }),
  ],
}

/** The shared cluster, with nodes and namespaces of this world's own in it. */
export async function openDrainWorld(data: KubeData, setting: Setting = KILLED): Promise<DrainWorld> {
  const lab = attachKube(data)
  const api = client(data.kubeconfig)
  const get = async <T>(path: string): Promise<T> => {
    const { code, body } = await api.call('GET', path)
    if (code !== 200) throw new Error(`GET ${path}: ${code}`)
    return JSON.parse(body)
  }
  const podsOn = (node: string): Promise<readonly Pod[]> =>
    api.list<Pod>(`/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`)
  const nodeReady = async (name: string) => (isReady(await get<Node>(`/api/v1/nodes/${name}`)) ? true : undefined)
  const settled = async (ns: string): Promise<boolean> =>
    (await api.list<Budget>(budgetsPath(ns))).every(
      ({ status }) => (status.expectedPods ?? 0) > 0 && status.currentHealthy === status.expectedPods,
    )
  const version = lab.versions['kubernetes'] ?? ''
  const ready = async (name: string): Promise<void> => {
    await makeNode(api, name, version)
    await until(`${name} Ready`, () => nodeReady(name), { everyMs: 200 })
  }
  const load = async (number: number): Promise<Loaded> => {
    const node = `server${setting.firstNode + number}`
    const ns = `${setting.prefix}-${number}`
    await ready(node)
    await apply(lab.kubectl, [namespace(ns), ...setting.workloads(shapeOn(node, ns))])
    const uids = await until(
      `${setting.pods} pods on ${node}`,
      async () => {
        const pods = (await podsOn(node)).filter(isReady)
        return pods.length === setting.pods && (await settled(ns))
          ? pods.map(({ metadata }) => metadata.uid)
          : undefined
      },
      { everyMs: 200 },
    )
    // only now: a preference would leave some of the choice to the scheduler
    await ready(refugeOf(node))
    return { node, namespace: ns, uids }
  }
  return {
    uid: (await get<Node>('/api/v1/namespaces/kube-system')).metadata.uid,
    load,
    podsOn,
    isCordoned: async (node) => (await get<Node>(`/api/v1/nodes/${node}`)).spec.unschedulable === true,
    cordon: async (node, person) => {
      const annotations = { 'sluice.ungleich.ch/cordon-job': '0', 'sluice.ungleich.ch/cordon-person': person }
      const patch = { metadata: { annotations }, spec: { unschedulable: true } }
      const { code } = await api.call('PATCH', `/api/v1/nodes/${node}`, patch, 'application/merge-patch+json')
      if (code !== 200) throw new Error(`PATCH node ${node}: ${code}`)
    },
    evicted: async (ns) =>
      (await lab.auditEvents())
        .filter((event) => event.namespace === ns && isEviction(event))
        .map(({ requestUid }) => requestUid ?? 'no uid'),
    otherWrites: async ({ node, namespace: ns }) =>
      (await lab.auditEvents())
        .filter((event) => event.namespace === ns || event.name === node || event.name === refugeOf(node))
        .filter((event) => event.userAgent.startsWith('sluice/') && event.stage === 'ResponseComplete')
        .filter((event) => event.subresource !== 'eviction' && !event.dryRun)
        .map(({ verb, resource, name, code }) => `${verb} ${resource} ${name} ${code}`),
    giveBack: async (ns, signal) => {
      while (!signal.aborted) {
        await giveBackOnce(api, ns)
        await pause(GIVE_BACK_MS / 4, undefined, { signal }).catch(() => {})
      }
    },
    describe: async (ns) => {
      const said = await lab.kubectl(['get', 'pods,pdb', '-n', ns, '-o', 'wide'])
      const events = (await lab.auditEvents()).filter(
        (e) => e.namespace === ns && e.subresource === 'eviction' && e.stage === 'ResponseComplete',
      )
      return (
        said.stdout +
        said.stderr +
        events.map((e) => `${new Date(e.atMs).toISOString()} ${e.name} ${e.code} ${e.dryRun}`).join('\n')
      )
    },
    drop: async ({ node, namespace: ns }) => {
      const nodes = [node, refugeOf(node)].map((name) => `/api/v1/nodes/${name}`)
      for (const path of [`/api/v1/namespaces/${ns}`, ...nodes]) await api.call('DELETE', path)
    },
    close: async () => api.close(),
  }
}
