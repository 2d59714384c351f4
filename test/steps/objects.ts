import type { DrainOptions } from '../../src/steps/drain-filters.ts'
import type { Cluster, Node, Pdb, Pod } from '../../src/systems/kubernetes/port.ts'

/** Any part of T; a key given as undefined is left out. */
export type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** Of a plain `drain`, with a time-out for tests of pure parts. */
export const DRAIN_OPTIONS: DrainOptions = {
  deleteEmptydirData: false,
  force: false,
  disableEviction: false,
  ignoreDaemonsets: true,
  gracePeriodSeconds: -1,
  skipWaitForDeleteTimeoutSeconds: 0,
  timeoutMs: 1_000,
}

const POD: Pod = {
  namespace: 'acme',
  name: 'web-1',
  uid: 'uid-web-1',
  resourceVersion: '1',
  node: 'server23',
  phase: 'Running',
  ready: true,
  labels: { app: 'web' },
  annotations: {},
  controller: { kind: 'ReplicaSet', apiVersion: 'apps/v1', name: 'web', uid: 'uid-web' },
  mirror: false,
  emptyDirs: [],
  claims: [],
  tolerations: [],
  requests: { cpuMillis: 100, memoryBytes: 2 ** 20 },
  createdAtMs: 0,
  graceSeconds: 30,
  finalizers: [],
  restarts: 0,
}
/** A pod as plain data; a key given as undefined is left out. */
export const makePod = (more: Loose<Pod> = {}): Pod => {
  const merged = Object.entries({ ...POD, ...(more.name === undefined ? {} : { uid: `uid-${more.name}` }), ...more })
  // every key of Pod is in POD or optional
  return Object.fromEntries(merged.filter(([, value]) => value !== undefined)) as unknown as Pod
}

export const makePdb = (more: Partial<Pdb> = {}): Pdb => ({
  namespace: 'acme',
  name: 'web',
  uid: 'uid-pdb',
  labels: {},
  selector: { matchLabels: { app: 'web' } },
  disruptionsAllowed: 1,
  currentHealthy: 3,
  desiredHealthy: 2,
  expectedPods: 3,
  ...more,
})

export const makeNode = (more: Partial<Node> = {}): Node => ({
  name: 'server23',
  uid: 'uid-server23',
  resourceVersion: '1',
  unschedulable: false,
  ready: 'True',
  roles: [],
  controlPlane: false,
  labels: {},
  annotations: {},
  taints: [],
  createdAtMs: 0,
  kubeletVersion: 'v1.22.2',
  internalIp: 'fd00:0:0:1::23',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  kernelVersion: '6.1.0-35-amd64',
  containerRuntime: 'containerd://1.7.24',
  bootId: 'b',
  allocatable: { cpuMillis: 8_000, memoryBytes: 2 ** 34, pods: 110 },
  ...more,
})

/** A cluster of plain data for reads; whatever a test does not give fails loudly. */
export function makeCluster(given: Partial<Cluster>): Cluster {
  return new Proxy({ name: 'p10', ...given } as Cluster, {
    get(target, key, self) {
      const value: unknown = Reflect.get(target, key, self)
      if (value === undefined && key !== 'then') throw new Error(`this cluster has no ${String(key)}`)
      return value
    },
  })
}
