import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Cluster } from '../../src/systems/kubernetes/port.ts'
import { drain } from '../../src/commands/drain.ts'
import { readyNow } from '../lab/kube/nodes.ts'
import { type Any, openProxy, type Raw, type Seen, type Tamper, until } from './kube-raw.ts'
import { type Ran, type RunOptions, runChange } from './run-steps.ts'

/** A namespace and two nodes of one row's own in the lab's cluster; `a` is drained, `b` takes what moves. */
export type World = {
  readonly raw: Raw
  readonly ns: string
  readonly a: string
  readonly b: string
  readonly cluster: Cluster
  readonly server: string
  readonly seen: Seen[]
  /** Writes; a patch that met another writer of the node (409) changed nothing and is asked again. */
  readonly audit: () => readonly Seen[]
  readonly drain: (args?: Any, options?: RunOptions) => Promise<Ran>
  readonly pod: (name: string, more?: PodOptions) => Promise<Any>
  readonly owned: (name: string, more?: PodOptions) => Promise<Any>
  readonly deployment: (name: string, replicas: number, template?: Any) => Promise<void>
  readonly pdb: (name: string, spec: Any) => Promise<void>
  readonly exists: (name: string) => Promise<Any | undefined>
  readonly node: (name?: string) => Promise<Any>
  readonly evictions: () => readonly string[]
  readonly close: () => Promise<void>
}
export type PodOptions = {
  readonly meta?: Any
  readonly spec?: Any
  readonly node?: string
  readonly phase?: string
  readonly owner?: Any
}

const ROOM = { cpu: '8', memory: '16Gi', pods: '250', 'ephemeral-storage': '100Gi' }
const CONTAINERS = [
  { name: 'c', image: 'registry.example/c:1', resources: { requests: { cpu: '10m', memory: '8Mi' } } },
]

const nodeObject = (name: string, row: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubelab/kubelet': 'up', dr: row, 'kubernetes.io/hostname': name } },
  spec: { taints: [{ key: 'dr', value: row, effect: 'NoSchedule' }] },
  status: {
    addresses: [
      { type: 'InternalIP', address: 'fd00:0:0:1::99' },
      { type: 'Hostname', address: name },
      { type: 'InternalDNS', address: '::1' },
    ],
    capacity: ROOM,
    allocatable: ROOM,
    conditions: [readyNow()],
    nodeInfo: {
      kubeletVersion: 'v1.36.3',
      osImage: 'Debian',
      kernelVersion: '6.1.0-35-amd64',
      containerRuntimeVersion: 'containerd://1.7',
    },
  },
})

const isReady = ({ status }: Any): boolean =>
  status?.conditions?.some((c: Any) => c['type'] === 'Ready' && c['status'] === 'True') === true

async function makeNode(raw: Raw, name: string, row: string): Promise<void> {
  await raw.create('/api/v1/nodes', nodeObject(name, row))
  await until(`node ${name} Ready`, async () => {
    const { body } = await raw.get(`/api/v1/nodes/${name}`)
    return isReady(body)
  })
}

/** Placement on this row's nodes, `a` by preference. */
const placed = (row: string, a: string): Any => ({
  terminationGracePeriodSeconds: 1,
  nodeSelector: { dr: row },
  tolerations: [{ key: 'dr', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          preference: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [a] }] },
        },
      ],
    },
  },
  containers: CONTAINERS,
})

/** Makes a row's world. `tamper` lets the API server be replaced for single requests; every other one is the real server's. */
export async function makeWorld(
  raw: Raw,
  row: string,
  tamper: Tamper = () => undefined,
  rewrite?: (path: string) => string,
): Promise<World> {
  const ns = row
  const [a, b] = [`${row}-a`, `${row}-b`]
  const proxy = await openProxy(raw, tamper, rewrite)
  const cluster = openCluster({
    name: 'p10',
    credentials: { server: proxy.server },
    userAgent: `sluice-test (${row})`,
    requestTimeoutMs: 15_000,
    clock: { now: Date.now },
  })
  await Promise.all([
    raw.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } }),
    makeNode(raw, a, row),
    makeNode(raw, b, row),
  ])
  await until(
    `service account of ${ns}`,
    async () => (await raw.get(`/api/v1/namespaces/${ns}/serviceaccounts/default`)).status === 200,
  )
  // an owner that makes no pods of its own and that the garbage collector finds
  const owner = await raw.create(`/api/v1/namespaces/${ns}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'owner' },
  })
  const pods = `/api/v1/namespaces/${ns}/pods`
  const exists = async (name: string): Promise<Any | undefined> => {
    const { status, body } = await raw.get(`${pods}/${name}`)
    return status === 404 ? undefined : body
  }
  const pod: World['pod'] = async (name, { meta = {}, spec = {}, node = a, phase = 'Running', owner: by } = {}) => {
    await raw.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: name }, ...meta, ...(by === undefined ? {} : { ownerReferences: [by] }) },
      spec: { nodeName: node, terminationGracePeriodSeconds: 1, containers: CONTAINERS, ...spec },
    })
    const running = await until(`pod ${name} Running`, async () => {
      const now = await exists(name)
      return now?.['status'].phase === 'Running' && isReady(now) ? now : undefined
    })
    if (phase === 'Running') return running
    return raw.patch(`${pods}/${name}/status`, { status: { phase } })
  }
  return {
    raw,
    ns,
    a,
    b,
    cluster,
    server: proxy.server,
    seen: proxy.seen,
    audit: () => proxy.seen.filter(({ method, status }) => method !== 'GET' && !(method === 'PATCH' && status === 409)),
    drain: (args = {}, options) => runChange(drain, { cluster: 'p10', nodes: [a], ...args }, cluster, options),
    pod,
    owned: (name, more = {}) =>
      pod(name, {
        ...more,
        owner: { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner['metadata'].uid, controller: true },
      }),
    deployment: async (name, replicas, template = {}) => {
      await raw.patch(`/api/v1/nodes/${b}`, { spec: { unschedulable: true } })
      await raw.create(`/apis/apps/v1/namespaces/${ns}/deployments`, {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: {
          replicas,
          selector: { matchLabels: { app: name } },
          template: { metadata: { labels: { app: name } }, spec: { ...placed(row, a), ...template } },
        },
      })
      await until(`deployment ${name} ready on ${a}`, async () => {
        const { items } = (await raw.get(`${pods}?labelSelector=app%3D${name}`)).body as { items: readonly Any[] }
        // the scheduler may not have heard of the cordon yet
        for (const { metadata, spec } of items)
          if (spec.nodeName === b) await raw.remove(`${pods}/${metadata.name}`, { gracePeriodSeconds: 0 })
        return items.length === replicas && items.every((one) => one['spec'].nodeName === a && isReady(one))
      })
      await raw.patch(`/api/v1/nodes/${b}`, { spec: { unschedulable: false } })
    },
    pdb: async (name, spec) => {
      const path = `/apis/policy/v1/namespaces/${ns}/poddisruptionbudgets`
      await raw.create(path, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec })
      await until(`PDB ${name} counted`, async () => {
        const { body } = await raw.get(`${path}/${name}`)
        return body['status']?.observedGeneration === body['metadata'].generation && body['status']?.expectedPods > 0
      })
    },
    exists,
    node: async (name = a) => (await raw.get(`/api/v1/nodes/${name}`)).body,
    evictions: () =>
      proxy.seen
        .filter(({ path, method }) => method === 'POST' && path.endsWith('/eviction'))
        .map(({ path }) => path.split('/').at(-2) ?? ''),
    close: async () => {
      await cluster.close()
      await proxy.close()
      await Promise.all([a, b].map((name) => raw.remove(`/api/v1/nodes/${name}`)))
      await raw.remove(`/api/v1/namespaces/${ns}`, { propagationPolicy: 'Background' })
    },
  }
}

/** What the API server says about a pod that is not there any more on node `a`. */
export const isGone = async (world: World, name: string): Promise<boolean> => {
  const pod = await world.exists(name)
  return pod === undefined || pod['spec'].nodeName !== world.a
}
