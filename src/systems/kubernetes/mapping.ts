import type { Labels, LabelSelector, Node, Owner, Pdb, Pod, Resources, Taint, Toleration } from './port.ts'
import { bytes, cpuMillis } from './quantity.ts'

/**
 * Wire JSON (core/v1, policy/v1) -> our words. Every field is optional here: older servers lack some, newer have more, and a drain of
 * thousands of pods must not pay for a schema that checks what the API server has checked already.
 */
export type WireMeta = {
  name?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  labels?: Labels
  annotations?: Labels
  creationTimestamp?: string | Date
  deletionTimestamp?: string | Date
  finalizers?: string[]
  ownerReferences?: { kind?: string; apiVersion?: string; name?: string; uid?: string; controller?: boolean }[]
}
type WireResources = { requests?: Readonly<Record<string, string>> }
type WireContainer = { resources?: WireResources; restartPolicy?: string }
type WireContainerStatus = { restartCount?: number; state?: { waiting?: { reason?: string } } }
export type WirePod = {
  metadata?: WireMeta
  spec?: {
    nodeName?: string
    volumes?: {
      name?: string
      emptyDir?: object | null
      persistentVolumeClaim?: { claimName?: string }
      ephemeral?: object
    }[]
    containers?: WireContainer[]
    initContainers?: WireContainer[]
    overhead?: Readonly<Record<string, string>>
    resources?: WireResources
    tolerations?: Toleration[]
    terminationGracePeriodSeconds?: number
  }
  status?: {
    phase?: string
    conditions?: { type?: string; status?: string }[]
    initContainerStatuses?: WireContainerStatus[]
    containerStatuses?: WireContainerStatus[]
  }
}
export type WireNode = {
  metadata?: WireMeta
  spec?: {
    unschedulable?: boolean
    taints?: { key?: string; value?: string; effect?: string; timeAdded?: string | Date }[]
  }
  status?: {
    conditions?: { type?: string; status?: string }[]
    addresses?: { type?: string; address?: string }[]
    allocatable?: Readonly<Record<string, string>>
    nodeInfo?: {
      kubeletVersion?: string
      osImage?: string
      kernelVersion?: string
      containerRuntimeVersion?: string
      bootID?: string
    }
  }
}
export type WirePdb = {
  metadata?: WireMeta
  spec?: {
    selector?: LabelSelector
    minAvailable?: string | number
    maxUnavailable?: string | number
    unhealthyPodEvictionPolicy?: string
  }
  status?: { disruptionsAllowed?: number; currentHealthy?: number; desiredHealthy?: number; expectedPods?: number }
}

const NONE: Labels = {}
/** Milliseconds since 1970; 0 when it is no time. */
export const timeMs = (value: string | Date | undefined): number =>
  value === undefined ? 0 : new Date(value).getTime() || 0

/** The ownerReference with controller=true (metav1.GetControllerOf). */
export function controllerOf(meta: WireMeta | undefined): Owner | undefined {
  const owner = meta?.ownerReferences?.find((reference) => reference.controller === true)
  return owner === undefined
    ? undefined
    : { kind: owner.kind ?? '', apiVersion: owner.apiVersion ?? '', name: owner.name ?? '', uid: owner.uid ?? '' }
}

const add = (a: Resources, b: Resources): Resources => ({
  cpuMillis: a.cpuMillis + b.cpuMillis,
  memoryBytes: a.memoryBytes + b.memoryBytes,
})
const most = (a: Resources, b: Resources): Resources => ({
  cpuMillis: Math.max(a.cpuMillis, b.cpuMillis),
  memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
})
const asked = (requests: Readonly<Record<string, string>> | undefined): Resources => ({
  cpuMillis: requests?.cpu === undefined ? 0 : cpuMillis(requests.cpu),
  memoryBytes: requests?.memory === undefined ? 0 : bytes(requests.memory),
})
const ZERO: Resources = { cpuMillis: 0, memoryBytes: 0 }

/** What the scheduler counts for a pod: k8s.io/component-helpers resource.PodRequests (sidecars, init containers, pod-level requests, overhead). */
export function podRequests(spec: WirePod['spec']): Resources {
  let running = (spec?.containers ?? []).reduce((sum, c) => add(sum, asked(c.resources?.requests)), ZERO)
  let sidecars = ZERO
  let starting = ZERO
  for (const init of spec?.initContainers ?? []) {
    const own = asked(init.resources?.requests)
    if (init.restartPolicy === 'Always') {
      running = add(running, own)
      sidecars = add(sidecars, own)
      starting = most(starting, sidecars)
    } else starting = most(starting, add(own, sidecars))
  }
  const whole = most(running, starting)
  const level = spec?.resources?.requests
  const chosen = {
    cpuMillis: level?.cpu === undefined ? whole.cpuMillis : asked(level).cpuMillis,
    memoryBytes: level?.memory === undefined ? whole.memoryBytes : asked(level).memoryBytes,
  }
  return add(chosen, asked(spec?.overhead))
}

const waitingReasonOf = (status: WirePod['status']): string | undefined => {
  for (const one of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    if (one.state?.waiting?.reason !== undefined) return one.state.waiting.reason
  }
  return undefined
}

/** An ephemeral volume's claim is named after pod and volume (core/v1 EphemeralVolumeSource). */
const claimsOf = (name: string, spec: WirePod['spec']): string[] =>
  (spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim?.claimName !== undefined) return [volume.persistentVolumeClaim.claimName]
    return volume.ephemeral === undefined ? [] : [`${name}-${volume.name ?? ''}`]
  })

export function toPod({ metadata: meta, spec, status }: WirePod): Pod {
  const controller = controllerOf(meta)
  const waitingReason = waitingReasonOf(status)
  const annotations = meta?.annotations ?? NONE
  return {
    namespace: meta?.namespace ?? '',
    name: meta?.name ?? '',
    uid: meta?.uid ?? '',
    resourceVersion: meta?.resourceVersion ?? '',
    ...(spec?.nodeName === undefined || spec.nodeName === '' ? {} : { node: spec.nodeName }),
    phase: status?.phase ?? 'Unknown',
    ready: status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    labels: meta?.labels ?? NONE,
    annotations,
    ...(controller === undefined ? {} : { controller }),
    mirror: annotations['kubernetes.io/config.mirror'] !== undefined,
    emptyDirs: (spec?.volumes ?? []).flatMap((v) =>
      v.emptyDir === undefined || v.emptyDir === null ? [] : [v.name ?? ''],
    ),
    claims: claimsOf(meta?.name ?? '', spec),
    tolerations: spec?.tolerations ?? [],
    requests: podRequests(spec),
    createdAtMs: timeMs(meta?.creationTimestamp),
    ...(meta?.deletionTimestamp === undefined ? {} : { deletionAtMs: timeMs(meta.deletionTimestamp) }),
    graceSeconds: spec?.terminationGracePeriodSeconds ?? 30,
    finalizers: meta?.finalizers ?? [],
    ...(waitingReason === undefined ? {} : { waitingReason }),
    restarts: (status?.containerStatuses ?? []).reduce((sum, c) => sum + (c.restartCount ?? 0), 0),
  }
}

const intOrString = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

export function toPdb({ metadata: meta, spec, status }: WirePdb): Pdb {
  const [minAvailable, maxUnavailable] = [intOrString(spec?.minAvailable), intOrString(spec?.maxUnavailable)]
  return {
    namespace: meta?.namespace ?? '',
    name: meta?.name ?? '',
    uid: meta?.uid ?? '',
    labels: meta?.labels ?? NONE,
    selector: spec?.selector,
    ...(minAvailable === undefined ? {} : { minAvailable }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
    ...(spec?.unhealthyPodEvictionPolicy === undefined
      ? {}
      : { unhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy }),
    disruptionsAllowed: status?.disruptionsAllowed ?? 0,
    currentHealthy: status?.currentHealthy ?? 0,
    desiredHealthy: status?.desiredHealthy ?? 0,
    expectedPods: status?.expectedPods ?? 0,
  }
}

const ROLE = 'node-role.kubernetes.io/'

/** Roles as kubectl prints them (printers/internalversion findNodeRoles). */
function rolesOf(labels: Labels): string[] {
  const roles = Object.entries(labels).flatMap(([key, value]) => {
    if (key.startsWith(ROLE) && key.length > ROLE.length) return [key.slice(ROLE.length)]
    return key === 'kubernetes.io/role' && value !== '' ? [value] : []
  })
  return [...new Set(roles)].sort()
}

const toTaint = (taint: NonNullable<NonNullable<WireNode['spec']>['taints']>[number]): Taint => ({
  key: taint.key ?? '',
  effect: taint.effect ?? '',
  ...(taint.value === undefined ? {} : { value: taint.value }),
  ...(taint.timeAdded === undefined ? {} : { addedAtMs: timeMs(taint.timeAdded) }),
})

function readinessOf(status: WireNode['status']): Node['ready'] {
  const said = status?.conditions?.find((c) => c.type === 'Ready')?.status
  return said === 'True' || said === 'False' ? said : 'Unknown'
}

export function toNode({ metadata: meta, spec, status }: WireNode): Node {
  const labels = meta?.labels ?? NONE
  const internalIp = status?.addresses?.find((a) => a.type === 'InternalIP')?.address
  const { allocatable, nodeInfo: info } = status ?? {}
  return {
    name: meta?.name ?? '',
    uid: meta?.uid ?? '',
    resourceVersion: meta?.resourceVersion ?? '',
    unschedulable: spec?.unschedulable ?? false,
    ready: readinessOf(status),
    roles: rolesOf(labels),
    controlPlane: labels[`${ROLE}control-plane`] !== undefined || labels[`${ROLE}master`] !== undefined,
    labels,
    annotations: meta?.annotations ?? NONE,
    taints: (spec?.taints ?? []).map(toTaint),
    createdAtMs: timeMs(meta?.creationTimestamp),
    kubeletVersion: info?.kubeletVersion ?? '',
    ...(internalIp === undefined ? {} : { internalIp }),
    osImage: info?.osImage ?? '',
    kernelVersion: info?.kernelVersion ?? '',
    containerRuntime: info?.containerRuntimeVersion ?? '',
    bootId: info?.bootID ?? '',
    allocatable: { ...asked(allocatable), pods: Number(allocatable?.pods ?? 0) || 0 },
  }
}
