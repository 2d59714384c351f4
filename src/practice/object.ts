import { isObject, type Json, type JsonObject, listAt, numberAt, textAt } from './json.ts'

export type OwnerReference = {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export type Meta = {
  name: string
  namespace?: string
  generateName?: string
  uid: string
  resourceVersion: string
  generation?: number
  creationTimestamp: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: { [key: string]: string }
  annotations?: { [key: string]: string }
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
}

/** A Kubernetes object as the store keeps it. */
export type Kube = {
  apiVersion: string
  kind: string
  metadata: Meta
  spec?: JsonObject
  status?: JsonObject
  data?: JsonObject
}

export type Kind = {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
}

const kind = (group: string, version: string, plural: string, name: string, namespaced: boolean, short = ''): Kind => ({
  group,
  version,
  plural,
  kind: name,
  namespaced,
  shortNames: short === '' ? [] : [short],
})

export const NAMESPACES = kind('', 'v1', 'namespaces', 'Namespace', false, 'ns')
export const NODES = kind('', 'v1', 'nodes', 'Node', false, 'no')
export const PODS = kind('', 'v1', 'pods', 'Pod', true, 'po')
export const CONFIGMAPS = kind('', 'v1', 'configmaps', 'ConfigMap', true, 'cm')
export const CLAIMS = kind('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', true, 'pvc')
export const VOLUMES = kind('', 'v1', 'persistentvolumes', 'PersistentVolume', false, 'pv')
export const DEPLOYMENTS = kind('apps', 'v1', 'deployments', 'Deployment', true, 'deploy')
export const REPLICASETS = kind('apps', 'v1', 'replicasets', 'ReplicaSet', true, 'rs')
export const STATEFULSETS = kind('apps', 'v1', 'statefulsets', 'StatefulSet', true, 'sts')
export const DAEMONSETS = kind('apps', 'v1', 'daemonsets', 'DaemonSet', true, 'ds')
export const JOBS = kind('batch', 'v1', 'jobs', 'Job', true)
export const BUDGETS = kind('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true, 'pdb')
export const LEASES = kind('coordination.k8s.io', 'v1', 'leases', 'Lease', true)
export const CRDS = kind(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
  'crd',
)
export const CEPH_CLUSTERS = kind('ceph.rook.io', 'v1', 'cephclusters', 'CephCluster', true, 'ceph')

/** Every kind the practice API serves. */
export const KINDS: readonly Kind[] = [
  NAMESPACES,
  NODES,
  PODS,
  kind('', 'v1', 'services', 'Service', true, 'svc'),
  CONFIGMAPS,
  kind('', 'v1', 'secrets', 'Secret', true),
  kind('', 'v1', 'serviceaccounts', 'ServiceAccount', true, 'sa'),
  kind('', 'v1', 'events', 'Event', true, 'ev'),
  CLAIMS,
  VOLUMES,
  DEPLOYMENTS,
  REPLICASETS,
  STATEFULSETS,
  DAEMONSETS,
  JOBS,
  BUDGETS,
  LEASES,
  CRDS,
  CEPH_CLUSTERS,
]

export const apiVersionOf = (of: Kind): string => (of.group === '' ? of.version : `${of.group}/${of.version}`)
export const resourceOf = (of: Kind): string => (of.group === '' ? of.plural : `${of.plural}.${of.group}`)
export const kindNamed = (name: string, apiVersion?: string): Kind | undefined =>
  KINDS.find((of) => of.kind === name && (apiVersion === undefined || apiVersionOf(of) === apiVersion))

/** JSON with apiVersion, kind and metadata becomes a Kube, '' standing for what the server fills in; anything else is undefined. */
export function asKube(value: Json | undefined): Kube | undefined {
  if (!isObject(value) || textAt(value, 'kind') === undefined || textAt(value, 'apiVersion') === undefined)
    return undefined
  if (!isObject(value['metadata'])) return undefined
  const metadata = { name: '', uid: '', resourceVersion: '', creationTimestamp: '', ...value['metadata'] }
  // kind, apiVersion and metadata were just looked at; a client that sends other types harms only this world.
  return { ...value, metadata } as unknown as Kube
}

export const controllerOf = (object: Kube): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true)

export const nodeOf = (pod: Kube): string | undefined => {
  const name = textAt(pod.spec, 'nodeName')
  return name === '' ? undefined : name
}
export const phaseOf = (pod: Kube): string => textAt(pod.status, 'phase') ?? 'Pending'
export const isEnded = (pod: Kube): boolean => ['Succeeded', 'Failed'].includes(phaseOf(pod))
export const isTerminating = (object: Kube): boolean => object.metadata.deletionTimestamp !== undefined
export const isMirror = (pod: Kube): boolean => pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined
export const graceOf = (pod: Kube): number => numberAt(pod.spec, 'terminationGracePeriodSeconds') ?? 30

/** The status of a condition: True, False, Unknown; undefined when it is not there. */
export const condition = (object: Kube, type: string): string | undefined =>
  textAt(
    listAt(object.status, 'conditions').find((one) => textAt(one, 'type') === type),
    'status',
  )
export const isReady = (object: Kube): boolean => condition(object, 'Ready') === 'True'

/** The conditions of a status with one of them set; `at` is the time when it is a change. */
export function withCondition(
  status: JsonObject | undefined,
  type: string,
  value: string,
  at: string,
  reason = '',
): JsonObject {
  const list = listAt(status, 'conditions')
  const old = list.find((one) => textAt(one, 'type') === type)
  const moved = textAt(old, 'status') === value ? (textAt(old, 'lastTransitionTime') ?? at) : at
  const next: JsonObject = { type, status: value, lastTransitionTime: moved, ...(reason === '' ? {} : { reason }) }
  return { ...status, conditions: [...list.filter((one) => one !== old), next] }
}
