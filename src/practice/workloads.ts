import { finishDeletion } from './deletion.ts'
import { type Json, listAt, numberAt, objectAt, textsAt } from './json.ts'
import {
  controllerOf,
  DAEMONSETS,
  DEPLOYMENTS,
  isEnded,
  isReady,
  isTerminating,
  type Kind,
  type Kube,
  nodeOf,
  NODES,
  PODS,
  REPLICASETS,
  STATEFULSETS,
} from './object.ts'
import { hashSuffix, podOf, randomSuffix } from './pods.ts'
import { tolerates } from './scheduler.ts'
import type { Store } from './store.ts'

type Owned = (owner: Kube) => readonly Kube[]

/** Objects by the uid of their controller, as they are at the start of a pass. */
function owned(store: Store, kind: Kind): Owned {
  const groups = Map.groupBy(store.list(kind), (one) => controllerOf(one)?.uid ?? '')
  return (owner) => groups.get(owner.metadata.uid) ?? []
}

const wanted = (of: Kube): number => numberAt(of.spec, 'replicas') ?? 1

function report(store: Store, kind: Kind, owner: Kube, status: { [key: string]: Json }): void {
  const observedGeneration = owner.metadata.generation ?? 1
  store.modify(kind, owner, (now) => ({ ...now, status: { ...objectAt(now.status), observedGeneration, ...status } }))
}

function replicaSet(store: Store, set: Kube, podsOf: Owned): void {
  const pods = podsOf(set).filter((pod) => !isEnded(pod) && !isTerminating(pod))
  const missing = wanted(set) - pods.length
  for (let i = 0; i < missing && !isTerminating(set); i += 1) {
    store.create(PODS, podOf(REPLICASETS, set, `${set.metadata.name}-${randomSuffix()}`))
  }
  for (const pod of pods.slice(pods.length + Math.min(0, missing))) finishDeletion(store, pod)
  const ready = pods.filter(isReady).length
  report(store, REPLICASETS, set, { replicas: pods.length, readyReplicas: ready, availableReplicas: ready })
}

/** A deployment's replica set is the one with its newest template; others go (strategy Recreate, in effect). */
function deployment(store: Store, of: Kube, setsOf: Owned): void {
  const template = objectAt(of.spec, 'template')
  const sets = setsOf(of)
  const current = sets.find((set) => templateHash(set) === hashSuffix(JSON.stringify(template)))
  if (!current) store.create(REPLICASETS, replicaSetOf(of))
  else if (wanted(current) !== wanted(of)) {
    store.modify(REPLICASETS, current, (now) => ({ ...now, spec: { ...now.spec, replicas: wanted(of) } }))
  }
  for (const old of sets.filter((set) => set !== current)) store.remove(REPLICASETS, old)
  const ready = numberAt(current?.status, 'readyReplicas') ?? 0
  const replicas = numberAt(current?.status, 'replicas') ?? 0
  report(store, DEPLOYMENTS, of, {
    replicas,
    updatedReplicas: replicas,
    readyReplicas: ready,
    availableReplicas: ready,
  })
}

const templateHash = (set: Kube): string => set.metadata.annotations?.['practice/template-hash'] ?? ''

/** The replica set of a deployment's newest template. */
export function replicaSetOf(of: Kube): Kube {
  const template = objectAt(of.spec, 'template')
  const hash = hashSuffix(JSON.stringify(template))
  const labels = { ...textsAt(template, 'metadata', 'labels'), 'pod-template-hash': hash }
  const { apiVersion, kind } = of
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${of.metadata.name}-${hash}`,
      namespace: of.metadata.namespace ?? '',
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
      labels,
      annotations: { 'practice/template-hash': hash },
      ownerReferences: [
        { apiVersion, kind, name: of.metadata.name, uid: of.metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: {
      replicas: wanted(of),
      selector: { matchLabels: labels },
      template: { ...template, metadata: { ...objectAt(template, 'metadata'), labels } },
    },
  }
}

function statefulSet(store: Store, set: Kube, podsOf: Owned): void {
  const pods = podsOf(set)
  for (let i = 0; i < wanted(set) && !isTerminating(set); i += 1) {
    const name = `${set.metadata.name}-${i}`
    const old = store.get(PODS, set.metadata.namespace, name)
    if (old && isEnded(old) && !isTerminating(old)) store.remove(PODS, old)
    else if (!old) store.create(PODS, podOf(STATEFULSETS, set, name))
  }
  const ready = pods.filter((pod) => isReady(pod) && !isTerminating(pod)).length
  report(store, STATEFULSETS, set, { replicas: pods.length, readyReplicas: ready, availableReplicas: ready })
}

/** What the daemon set controller adds to its pods: they run on cordoned and on failing nodes. */
const DAEMON_TOLERATIONS: Json[] = [
  'not-ready',
  'unreachable',
  'disk-pressure',
  'memory-pressure',
  'unschedulable',
].map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists' }))

function daemonSet(store: Store, set: Kube, podsOf: Owned): void {
  const pods = podsOf(set)
  const tolerations = [...DAEMON_TOLERATIONS, ...listAt(set.spec, 'template', 'spec', 'tolerations')]
  const nodes = store.list(NODES).filter((node) => tolerates(tolerations, node))
  for (const node of nodes) {
    const { name } = node.metadata
    const live = pods.some((pod) => nodeOf(pod) === name && !isEnded(pod) && !isTerminating(pod))
    if (!live && !isTerminating(set)) {
      const pod = podOf(DAEMONSETS, set, `${set.metadata.name}-${randomSuffix()}`, name)
      store.create(PODS, { ...pod, spec: { ...pod.spec, tolerations } })
    }
  }
  const ready = pods.filter(isReady).length
  report(store, DAEMONSETS, set, {
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: pods.length,
    numberReady: ready,
    numberAvailable: ready,
    numberMisscheduled: 0,
  })
}

/** The workload controllers: deployments, replica sets, stateful sets and daemon sets get the pods they want. */
export function reconcileWorkloads(store: Store): void {
  const setsOf = owned(store, REPLICASETS)
  for (const of of store.list(DEPLOYMENTS)) deployment(store, of, setsOf)
  const podsOf = owned(store, PODS)
  for (const set of store.list(REPLICASETS)) replicaSet(store, set, podsOf)
  for (const set of store.list(STATEFULSETS)) statefulSet(store, set, podsOf)
  for (const set of store.list(DAEMONSETS)) daemonSet(store, set, podsOf)
}

/** What the garbage collector does when an owner goes: its dependents go too. */
export function collectDependents(store: Store, owner: Kube): void {
  for (const kind of [REPLICASETS, PODS]) {
    for (const one of store.list(kind, owner.metadata.namespace)) {
      if (!one.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid)) continue
      if (kind === PODS && nodeOf(one) !== undefined) finishDeletion(store, one)
      else store.remove(kind, one)
    }
  }
}
