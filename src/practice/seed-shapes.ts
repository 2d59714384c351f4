import { createHash } from 'node:crypto'
import type { Json, JsonObject } from './json.ts'
import { withCondition } from './object.ts'

/** Stands every taint. */
export const EVERYWHERE: Json[] = [{ operator: 'Exists' }]

export type NodeSeed = {
  readonly name: string
  readonly address: string
  readonly version: string
  readonly controlPlane?: boolean
  readonly cordoned?: boolean
}
export type WorkloadSeed = {
  readonly namespace: string
  readonly name: string
  /** One pod on each; its length is the number of replicas. */
  readonly on: readonly string[]
  readonly labels?: { readonly [key: string]: string }
  readonly annotations?: { readonly [key: string]: string }
  readonly emptyDir?: string
  readonly hostPath?: string
  /** A claim; `local` pins its volume to the first node. */
  readonly claim?: 'network' | 'local'
  readonly pinned?: boolean
  readonly everywhere?: boolean
}

/** An id that is the same in every start of the practice world. */
export function fixedUid(name: string): string {
  const hex = createHash('sha256').update(`practice ${name}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export const container = (name: string): JsonObject => ({
  name,
  image: `harbor.k8s.ooo/library/${name}:1`,
  resources: { requests: { cpu: '100m', memory: '128Mi' } },
})

export function template(seed: WorkloadSeed, labels: { [key: string]: string }): JsonObject {
  const volumes: Json[] = [
    ...(seed.emptyDir === undefined ? [] : [{ name: seed.emptyDir, emptyDir: {} }]),
    ...(seed.hostPath === undefined ? [] : [{ name: 'host', hostPath: { path: seed.hostPath } }]),
    ...(seed.claim === undefined
      ? []
      : [{ name: 'data', persistentVolumeClaim: { claimName: `data-${seed.name}-0` } }]),
  ]
  return {
    metadata: { labels, annotations: { ...seed.annotations } },
    spec: {
      containers: [container(seed.name)],
      ...(volumes.length === 0 ? {} : { volumes }),
      ...(seed.everywhere ? { tolerations: EVERYWHERE } : {}),
      ...(seed.pinned ? { nodeSelector: { 'kubernetes.io/hostname': seed.on[0] ?? '' } } : {}),
    },
  }
}

export const nodeLabels = ({ name, controlPlane }: NodeSeed): { [key: string]: string } => ({
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': 'amd64',
  ...(controlPlane ? { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/master': '' } : {}),
})

export function nodeStatus({ name, address, version }: NodeSeed, cluster: string, at: string): JsonObject {
  const status: JsonObject = {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    capacity: { cpu: '32', memory: '131072Mi', pods: '110' },
    allocatable: { cpu: '32', memory: '130048Mi', pods: '110' },
    nodeInfo: {
      kubeletVersion: version,
      kubeProxyVersion: version,
      osImage: 'Alpine Linux v3.14',
      kernelVersion: '5.10.61-0-lts',
      containerRuntimeVersion: 'cri-o://1.22.0',
      architecture: 'amd64',
      operatingSystem: 'linux',
      bootID: fixedUid(`${cluster}/boot/${name}`),
      machineID: fixedUid(`${cluster}/machine/${name}`).replaceAll('-', ''),
      systemUUID: fixedUid(`${cluster}/system/${name}`),
    },
  }
  return withCondition(status, 'Ready', 'True', at, 'KubeletReady')
}
