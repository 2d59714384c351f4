import type { Kubectl } from './kube/lab.ts'
import { until } from './kube/run.ts'

export type Budget = { readonly maxUnavailable: number | string } | { readonly minAvailable: number | string }
export type Manifest = Readonly<Record<string, unknown>>

/** What all pods of the builders can have. */
export type PodShape = {
  readonly namespace: string
  readonly name: string
  /** Pods prefer this node, so that they start there and can go elsewhere once it is cordoned. */
  readonly node?: string
  /** Pods may run on `node` only: after an eviction the replacement stays Pending. */
  readonly pinned?: boolean
  /** Pods may run only on nodes that match this expression. */
  readonly pool?: { readonly key: string; readonly operator: string; readonly values: readonly string[] }
  readonly emptyDir?: boolean
  /** Time to terminate after an eviction; default 300. */
  readonly termMs?: number
  /** Stays Terminating for ever. */
  readonly stuck?: boolean
  /** Stays Terminating until somebody removes this finalizer. */
  readonly finalizer?: string
  readonly labels?: Readonly<Record<string, string>>
  /** What selects the pods; default: app=NAME. */
  readonly selector?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Name of a claim the pod mounts. */
  readonly claim?: string
  readonly tolerations?: readonly Manifest[]
  readonly cpu?: string
  readonly memory?: string
  readonly graceSeconds?: number
}
export type Replicated = PodShape & {
  readonly replicas: number
  readonly pdb?: Budget
  /** More budgets over the same pods: the API refuses to evict a pod under two. */
  readonly pdbs?: readonly Budget[]
}

const selectorOf = ({ name, selector }: PodShape): Readonly<Record<string, string>> => selector ?? { app: name }

const HOSTNAME = 'kubernetes.io/hostname'

function affinity({ node, pinned, pool }: PodShape): Manifest {
  const here = { key: HOSTNAME, operator: 'In', values: [node] }
  const required = [...(pool ? [pool] : []), ...(node !== undefined && pinned ? [here] : [])]
  const must = { nodeSelectorTerms: [{ matchExpressions: required }] }
  const nodeAffinity = {
    ...(required.length > 0 ? { requiredDuringSchedulingIgnoredDuringExecution: must } : {}),
    ...(node !== undefined && !pinned
      ? { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: { matchExpressions: [here] } }] }
      : {}),
  }
  return Object.keys(nodeAffinity).length > 0 ? { affinity: { nodeAffinity } } : {}
}

function template(shape: PodShape): Manifest {
  const annotations = {
    'kubelab/term': `${shape.termMs ?? 300}ms`,
    ...(shape.stuck ? { 'kubelab/stuck': 'true' } : {}),
    ...shape.annotations,
  }
  const volumes = [
    ...(shape.emptyDir ? [{ name: 'scratch', emptyDir: {} }] : []),
    ...(shape.claim === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: shape.claim } }]),
  ]
  const requests = { cpu: shape.cpu ?? '10m', memory: shape.memory ?? '10Mi' }
  const mounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }))
  return {
    metadata: {
      labels: { ...selectorOf(shape), ...shape.labels },
      annotations,
      ...(shape.finalizer === undefined ? {} : { finalizers: [shape.finalizer] }),
    },
    spec: {
      ...affinity(shape),
      containers: [{ name: 'c', image: 'registry.example/app:1', resources: { requests }, volumeMounts: mounts }],
      volumes,
      ...(shape.tolerations ? { tolerations: shape.tolerations } : {}),
      ...(shape.graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: shape.graceSeconds }),
    },
  }
}

const meta = ({ namespace, name }: PodShape): Manifest => ({ name, namespace })

function budgets(shape: Replicated): readonly Manifest[] {
  const all = [...(shape.pdb ? [shape.pdb] : []), ...(shape.pdbs ?? [])]
  return all.map((budget, index) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: index === 0 ? shape.name : `${shape.name}-${index + 1}`, namespace: shape.namespace },
    spec: { ...budget, selector: { matchLabels: selectorOf(shape) } },
  }))
}

function replicated(kind: string, shape: Replicated, more: Manifest = {}): readonly Manifest[] {
  const spec = {
    replicas: shape.replicas,
    selector: { matchLabels: selectorOf(shape) },
    template: template(shape),
    ...more,
  }
  return [{ apiVersion: 'apps/v1', kind, metadata: meta(shape), spec }, ...budgets(shape)]
}

export const deployment = (shape: Replicated): readonly Manifest[] => replicated('Deployment', shape)

/** All its pods start at once. */
export const statefulSet = (shape: Replicated): readonly Manifest[] =>
  replicated('StatefulSet', shape, { serviceName: shape.name, podManagementPolicy: 'Parallel' })

/** Runs on every worker, as DaemonSets do; it tolerates a cordon. */
export const daemonSet = (shape: PodShape): readonly Manifest[] => {
  const spec = { selector: { matchLabels: selectorOf(shape) }, template: template(shape) }
  return [{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: meta(shape), spec }]
}

function pod(shape: PodShape & { readonly node: string }, more: Manifest = {}): readonly Manifest[] {
  const made = template(shape) as { metadata: Manifest; spec: Manifest } // template() has just made both
  const metadata = { ...made.metadata, ...meta(shape) }
  return [{ apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...made.spec, nodeName: shape.node, ...more } }]
}

/** A pod without a controller: it does not come back. */
export const nakedPod = (shape: PodShape & { readonly node: string }): readonly Manifest[] => pod(shape)

/** What a kubelet makes of a static pod; evicting it would do nothing. */
export const mirrorPod = (shape: PodShape & { readonly node: string }): readonly Manifest[] => {
  const mirror = {
    'kubernetes.io/config.mirror': 'abc',
    'kubernetes.io/config.hash': 'abc',
    'kubernetes.io/config.source': 'file',
  }
  return pod(
    { ...shape, annotations: { ...shape.annotations, ...mirror } },
    { priorityClassName: 'system-node-critical' },
  )
}

/** A Job; the lab plays its pod to Succeeded at once. */
export const jobPod = (shape: PodShape): readonly Manifest[] => {
  const made = template(shape) as { metadata: Manifest; spec: Manifest } // template() has just made both
  const spec = { template: { ...made, spec: { ...made.spec, restartPolicy: 'Never' } } }
  return [{ apiVersion: 'batch/v1', kind: 'Job', metadata: meta(shape), spec }]
}

/** A StatefulSet whose pod is bound to `node` by a local volume. */
export const localVolume = (shape: PodShape & { readonly node: string }): readonly Manifest[] => {
  const claim = `${shape.name}-data`
  const volume = `${shape.namespace}-${claim}`
  const term = { matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [shape.node] }] }
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
  const pv = {
    ...common,
    capacity: { storage: '1Gi' },
    local: { path: '/mnt/disk' },
    nodeAffinity: { required: { nodeSelectorTerms: [term] } },
    claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: shape.namespace, name: claim },
  }
  const pvc = { ...common, volumeName: volume, resources: { requests: { storage: '1Gi' } } }
  return [
    { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: volume }, spec: pv },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim, namespace: shape.namespace },
      spec: pvc,
    },
    ...statefulSet({ ...shape, replicas: 1, claim }),
  ]
}

export const namespace = (name: string): Manifest => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

/** Applies on the server side, in one kubectl call. Throws with kubectl's text. */
export async function apply(kubectl: Kubectl, manifests: readonly Manifest[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests })
  const ran = await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], list)
  if (ran.code !== 0) throw new Error(`apply: ${ran.stderr.slice(-800)}`)
}

type Counted = { readonly spec: { readonly selector?: unknown }; readonly status: Readonly<Record<string, unknown>> }
type Items = { readonly items: readonly Counted[] }

async function budgetsSettled(kubectl: Kubectl, ns: string): Promise<boolean> {
  const said = await kubectl(['get', 'pdb', '-n', ns, '-o', 'json'])
  const { items }: Items = JSON.parse(said.stdout)
  const settled = ({ status: { currentHealthy, expectedPods } }: Counted): boolean =>
    typeof expectedPods === 'number' && expectedPods > 0 && currentHealthy === expectedPods
  // of several budgets over the same pods the disruption controller counts one when a pod comes
  return [...Map.groupBy(items, ({ spec }) => JSON.stringify(spec.selector)).values()].every((same) =>
    same.some(settled),
  )
}

/** Ends when `count` pods of the namespace are Running and Ready (on `node`, if named) and every budget there counts its pods. */
export async function waitRunning(
  kubectl: Kubectl,
  ns: string,
  count: number,
  options: { node?: string; limitMs?: number } = {},
): Promise<void> {
  const where = options.node === undefined ? [] : ['--field-selector', `spec.nodeName=${options.node}`]
  const ready = async () => {
    const { stdout } = await kubectl(['get', 'pods', '-n', ns, '--no-headers', ...where])
    return stdout.split('\n').filter((line) => /^\S+\s+(\d+)\/\1\s+Running\b/.test(line)).length
  }
  const look = async () => ((await ready()) === count && (await budgetsSettled(kubectl, ns)) ? true : undefined)
  await until(`${count} pods of ${ns} to be Running`, look, { limitMs: options.limitMs ?? 120_000, everyMs: 150 })
}

/** Names of the pods of a node, `namespace/name`, without those of DaemonSets and mirrors. */
export async function podsOn(kubectl: Kubectl, node: string): Promise<readonly string[]> {
  type Pod = {
    readonly metadata: {
      readonly namespace: string
      readonly name: string
      readonly annotations?: Readonly<Record<string, string>>
      readonly ownerReferences?: readonly { readonly kind: string }[]
    }
  }
  const said = await kubectl(['get', 'pods', '-A', '--field-selector', `spec.nodeName=${node}`, '-o', 'json'])
  const { items }: { items: readonly Pod[] } = JSON.parse(said.stdout)
  return items
    .filter(({ metadata }) => metadata.annotations?.['kubernetes.io/config.mirror'] === undefined)
    .filter(({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet'))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
}

const FREE = ['--type=merge', '-p', '{"metadata":{"finalizers":null}}']

type Held = {
  readonly metadata: {
    readonly name: string
    readonly finalizers?: readonly string[]
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** Stuck pods and finalizers would hold a namespace for ever; all others end by themselves. */
async function freePods(kubectl: Kubectl, ns: string): Promise<void> {
  const { items }: { items: readonly Held[] } = JSON.parse(
    (await kubectl(['get', 'pods', '-n', ns, '-o', 'json'])).stdout,
  )
  for (const { metadata } of items) {
    if (metadata.finalizers?.length) await kubectl(['patch', 'pod', '-n', ns, metadata.name, ...FREE])
  }
  const stuck = items
    .filter(({ metadata }) => metadata.annotations?.['kubelab/stuck'] !== undefined)
    .map(({ metadata }) => metadata.name)
  const force = ['--grace-period=0', '--force', '--ignore-not-found', '--wait=false']
  if (stuck.length > 0) await kubectl(['delete', 'pod', '-n', ns, ...stuck, ...force])
}

/** Empties and removes a namespace, stuck pods, finalizers and local volumes included. Does not wait for its end. */
export async function removeNamespace(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found'])
  await freePods(kubectl, name)
  const volumes = (await kubectl(['get', 'pv', '-o', 'name'])).stdout
    .split('\n')
    .filter((line) => line.startsWith(`persistentvolume/${name}-`))
  for (const volume of volumes) {
    await kubectl(['patch', volume, ...FREE])
    await kubectl(['delete', volume, '--wait=false', '--ignore-not-found'])
  }
}
