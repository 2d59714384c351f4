import type { JsonObject } from './json.ts'
import {
  apiVersionOf,
  BUDGETS,
  CLAIMS,
  DAEMONSETS,
  DEPLOYMENTS,
  type Kind,
  type Kube,
  LEASES,
  type Meta,
  NAMESPACES,
  nodeOf,
  NODES,
  PODS,
  REPLICASETS,
  STATEFULSETS,
  VOLUMES,
} from './object.ts'
import { BEND, microTime } from './kubelet.ts'
import { hashSuffix, podOf, podSpec, running } from './pods.ts'
import {
  container,
  EVERYWHERE,
  fixedUid,
  nodeLabels,
  nodeStatus,
  type NodeSeed,
  template,
  type WorkloadSeed,
} from './seed-shapes.ts'
import { tolerates } from './scheduler.ts'
import { type Store, timestamp } from './store.ts'
import { replicaSetOf } from './workloads.ts'

const DAY_MS = 86_400_000

/** Fills a store with objects that are as old as the cluster. */
export class Seeding {
  readonly #cluster: string
  readonly #store: Store
  readonly #created: string

  constructor(cluster: string, store: Store, ageDays: number) {
    this.#cluster = cluster
    this.#store = store
    this.#created = timestamp(store.nowMs() - ageDays * DAY_MS - 3_600_000)
  }

  add(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    rest: Partial<Omit<Kube, 'metadata'>> & { metadata?: Partial<Meta> },
  ): Kube {
    const metadata: Meta = {
      ...rest.metadata,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: fixedUid(`${this.#cluster}/${kind.kind}/${namespace ?? ''}/${name}`),
      resourceVersion: '',
      creationTimestamp: this.#created,
    }
    return this.#store.create(kind, { ...rest, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata })
  }

  namespaces(...names: readonly string[]): void {
    for (const name of names) {
      this.add(NAMESPACES, undefined, name, {
        metadata: { labels: { 'kubernetes.io/metadata.name': name } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      })
    }
  }

  node(seed: NodeSeed): void {
    const { name } = seed
    this.add(NODES, undefined, name, {
      metadata: { labels: nodeLabels(seed), annotations: { 'node.alpha.kubernetes.io/ttl': '0' } },
      spec: {
        ...(seed.controlPlane ? { taints: [{ key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' }] } : {}),
        ...(seed.cordoned ? { unschedulable: true } : {}),
      },
      status: nodeStatus(seed, this.#cluster, this.#created),
    })
    this.add(LEASES, 'kube-node-lease', name, {
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(this.#store.nowMs()) },
    })
  }

  deployment(seed: WorkloadSeed): void {
    const labels = { app: seed.name, ...seed.labels }
    const spec = { replicas: seed.on.length, selector: { matchLabels: labels }, template: template(seed, labels) }
    const of = this.add(DEPLOYMENTS, seed.namespace, seed.name, { metadata: { labels }, spec, status: {} })
    const made = replicaSetOf(of)
    const set = this.add(REPLICASETS, seed.namespace, made.metadata.name, { ...made, status: {} })
    seed.on.forEach((node, i) => {
      const name = `${set.metadata.name}-${hashSuffix(`${set.metadata.name} ${i}`, 5)}`
      this.run(podOf(REPLICASETS, set, name, node))
    })
  }

  statefulSet(seed: WorkloadSeed): void {
    const labels = { app: seed.name, ...seed.labels }
    if (seed.claim !== undefined) this.#claim(seed)
    const spec = {
      replicas: seed.on.length,
      serviceName: seed.name,
      selector: { matchLabels: labels },
      template: template(seed, labels),
    }
    const set = this.add(STATEFULSETS, seed.namespace, seed.name, { metadata: { labels }, spec, status: {} })
    seed.on.forEach((node, i) => this.run(podOf(STATEFULSETS, set, `${seed.name}-${i}`, node)))
  }

  daemonSet(seed: Omit<WorkloadSeed, 'on'>): void {
    const labels = { app: seed.name }
    const spec = { selector: { matchLabels: labels }, template: template({ ...seed, on: [] }, labels) }
    const set = this.add(DAEMONSETS, seed.namespace, seed.name, { metadata: { labels }, spec, status: {} })
    const tolerations = [
      ...(seed.everywhere ? EVERYWHERE : []),
      { key: 'node.kubernetes.io/unschedulable', operator: 'Exists' },
    ]
    for (const node of this.#store.list(NODES).filter((one) => tolerates(tolerations, one))) {
      this.run(
        podOf(
          DAEMONSETS,
          set,
          `${seed.name}-${hashSuffix(`${seed.name} ${node.metadata.name}`, 5)}`,
          node.metadata.name,
        ),
      )
    }
  }

  budget(namespace: string, name: string, limit: JsonObject, matchLabels: { [key: string]: string }): void {
    this.add(BUDGETS, namespace, name, { spec: { ...limit, selector: { matchLabels } }, status: {} })
  }

  /** A pod that runs and is ready; its owner, if any, was seeded before. */
  run(pod: Kube, extra: Partial<Meta> = {}): void {
    const { name, namespace } = pod.metadata
    const uid = fixedUid(`${this.#cluster}/Pod/${namespace ?? ''}/${name}`)
    const address = `2a0a:e5c0:10:2::${uid.slice(0, 4)}:${uid.slice(4, 8)}`
    this.add(PODS, namespace, name, {
      ...running(pod, true, address, this.#created),
      metadata: { ...pod.metadata, ...extra },
    })
  }

  /** A pod without an owner. */
  barePod(namespace: string, name: string, node: string, extra: Partial<Meta> = {}): void {
    const spec = podSpec({ nodeName: node, containers: [container(name)] })
    const metadata: Meta = {
      name,
      namespace,
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
      labels: { run: name },
    }
    this.run({ apiVersion: 'v1', kind: 'Pod', metadata, spec, status: { phase: 'Pending' } }, extra)
  }

  /** A pod of an app that was deleted an hour ago and never went. */
  stuck(namespace: string, app: string, node: string): void {
    const pod = this.#store
      .list(PODS, namespace)
      .find((one) => one.metadata.labels?.['app'] === app && nodeOf(one) === node)
    if (!pod) return
    const annotations = { ...pod.metadata.annotations, [BEND.terminatesAfter]: 'never' }
    const deletionTimestamp = timestamp(this.#store.nowMs() - 3_600_000)
    this.#store.update(PODS, {
      ...pod,
      metadata: { ...pod.metadata, annotations, deletionTimestamp, deletionGracePeriodSeconds: 30 },
    })
  }

  /** The static pods of kubeadm on a control plane, as their mirrors. */
  staticPods(node: NodeSeed): void {
    for (const component of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
      this.barePod('kube-system', `${component}-${node.name}`, node.name, {
        labels: { component, tier: 'control-plane' },
        annotations: {
          'kubernetes.io/config.mirror': hashSuffix(`${component} ${node.name}`, 32),
          'kubernetes.io/config.source': 'file',
          ...(component === 'etcd'
            ? { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': `https://[${node.address}]:2379` }
            : {}),
        },
        ownerReferences: [
          {
            apiVersion: 'v1',
            kind: 'Node',
            name: node.name,
            uid: fixedUid(`${this.#cluster}/Node//${node.name}`),
            controller: true,
          },
        ],
      })
    }
  }

  #claim({ namespace, name, claim, on }: WorkloadSeed): void {
    const volume = `pvc-${fixedUid(`${this.#cluster}/${namespace}/${name}`)}`
    const pinned = { key: 'kubernetes.io/hostname', operator: 'In', values: [on[0] ?? ''] }
    const source: JsonObject =
      claim === 'local'
        ? {
            local: { path: `/srv/${name}` },
            nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [pinned] }] } },
          }
        : { csi: { driver: 'rook-ceph.rbd.csi.ceph.com', volumeHandle: volume } }
    const storageClassName = claim === 'local' ? 'local' : 'rook-ceph-block-ssd'
    const capacity = { storage: '20Gi' }
    this.add(VOLUMES, undefined, volume, {
      spec: { ...source, capacity, storageClassName, claimRef: { namespace, name: `data-${name}-0` } },
      status: { phase: 'Bound' },
    })
    this.add(CLAIMS, namespace, `data-${name}-0`, {
      spec: { volumeName: volume, storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: capacity } },
      status: { phase: 'Bound', capacity },
    })
  }
}
