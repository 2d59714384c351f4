import { crdOf } from './discovery.ts'
import { BUDGETS, CEPH_CLUSTERS, CRDS } from './object.ts'
import { BEND } from './kubelet.ts'
import { defaultBudget, ROOK } from './rook.ts'
import { fixedUid, type NodeSeed } from './seed-shapes.ts'
import { Seeding } from './seeding.ts'
import type { Store } from './store.ts'

/*
 * What each node of p10 shows:
 *
 * | node                    | shows                                                                                        |
 * |-------------------------|----------------------------------------------------------------------------------------------|
 * | server22                | storage; Rook's operator                                                                     |
 * | server23                | the tour: 17 pods move, 6 of daemon sets stay; two OSDs (Rook's switch), one budget that waits |
 * | server24                | storage; pods with emptyDir: refused without `aggressively`                                  |
 * | server25                | storage; a pod nobody manages                                                                |
 * | server26                | storage; a pod under two budgets                                                             |
 * | server27                | storage; a database on a local volume whose budget never has room                            |
 * | server63, 65, 83        | control planes                                                                               |
 * | server64                | a pod that is stuck Terminating                                                              |
 * | server66                | cordoned by a person                                                                         |
 * | server84, 85, 86        | room for what moves                                                                          |
 */
const NODES: readonly NodeSeed[] = [
  { name: 'server22', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3722', version: 'v1.22.0' },
  { name: 'server23', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3723', version: 'v1.22.2' },
  { name: 'server24', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3724', version: 'v1.22.0' },
  { name: 'server25', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3725', version: 'v1.22.0' },
  { name: 'server26', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3726', version: 'v1.22.0' },
  { name: 'server27', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3727', version: 'v1.22.0' },
  { name: 'server63', address: '2a0a:e5c0:10:1:225:b3ff:fe20:378a', version: 'v1.22.0', controlPlane: true },
  { name: 'server64', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3764', version: 'v1.22.0' },
  { name: 'server65', address: '2a0a:e5c0:10:1:225:b3ff:fe20:375c', version: 'v1.22.0', controlPlane: true },
  { name: 'server66', address: '2a0a:e5c0:10:1:225:b3ff:fe20:3766', version: 'v1.22.0', cordoned: true },
  { name: 'server83', address: '2a0a:e5c0:10:1:3e4a:92ff:fe79:bb98', version: 'v1.22.0', controlPlane: true },
  { name: 'server84', address: '2a0a:e5c0:10:1:3e4a:92ff:fe79:bb84', version: 'v1.22.0' },
  { name: 'server85', address: '2a0a:e5c0:10:1:3e4a:92ff:fe79:bb85', version: 'v1.22.0' },
  { name: 'server86', address: '2a0a:e5c0:10:1:3e4a:92ff:fe79:bb86', version: 'v1.22.0' },
]
const STORAGE = ['server22', 'server23', 'server24', 'server25', 'server26', 'server27']

export const P10 = {
  name: 'p10',
  host: 'p10-api.k8s.ooo',
  version: 'v1.22.0',
  kubeSystemUid: fixedUid('p10/Namespace//kube-system'),
  nodes: NODES,
  seed: seedP10,
}

/** Fills a store with p10. */
export function seedP10(store: Store): void {
  const seeding = new Seeding('p10', store, 52)
  seeding.namespaces('default', 'kube-system', 'kube-node-lease', 'kube-public', 'acme', 'argocd', 'calico-system')
  seeding.namespaces('debug', 'harbor', 'ingress-nginx', 'monitoring', ROOK)
  for (const node of NODES) seeding.node(node)
  for (const node of NODES.filter((one) => one.controlPlane)) seeding.staticPods(node)
  seedDaemons(seeding)
  seedStorage(seeding, store)
  seedTour(seeding)
  seedTraps(seeding)
}

function seedDaemons(seeding: Seeding): void {
  seeding.daemonSet({ namespace: 'calico-system', name: 'calico-node', everywhere: true })
  seeding.daemonSet({ namespace: 'kube-system', name: 'kube-proxy', everywhere: true })
  seeding.daemonSet({ namespace: 'monitoring', name: 'node-exporter', everywhere: true })
  seeding.daemonSet({ namespace: ROOK, name: 'csi-cephfsplugin' })
  seeding.daemonSet({ namespace: ROOK, name: 'csi-rbdplugin' })
  seeding.daemonSet({ namespace: ROOK, name: 'rook-discover' })
}

function seedStorage(seeding: Seeding, store: Store): void {
  const crd = crdOf()
  seeding.add(CRDS, undefined, crd.name, { spec: crd.spec, status: { acceptedNames: { kind: 'CephCluster' } } })
  const now = store.stamp()
  const ceph = { health: 'HEALTH_OK', details: {}, lastChecked: now, lastChanged: now, fsid: fixedUid('p10/ceph') }
  seeding.add(CEPH_CLUSTERS, ROOK, ROOK, {
    spec: { mon: { count: 3 }, dataDirHostPath: '/var/lib/rook', disruptionManagement: { managePodBudgets: true } },
    status: { phase: 'Ready', state: 'Created', message: 'Cluster created successfully', ceph },
  })
  STORAGE.forEach((host, i) => {
    for (const id of [String(2 * i), String(2 * i + 1)]) {
      const labels = { app: 'rook-ceph-osd', 'ceph-osd-id': id, 'topology-location-host': host, rook_cluster: ROOK }
      seeding.deployment({
        namespace: ROOK,
        name: `rook-ceph-osd-${id}`,
        on: [host],
        labels,
        pinned: true,
        hostPath: '/var/lib/rook',
      })
    }
  })
  for (const [id, host] of Object.entries({ a: 'server22', b: 'server23', c: 'server25' })) {
    const labels = { app: 'rook-ceph-mon', mon: id, ceph_daemon_id: id, rook_cluster: ROOK }
    seeding.deployment({ namespace: ROOK, name: `rook-ceph-mon-${id}`, on: [host], labels, hostPath: '/var/lib/rook' })
  }
  seeding.deployment({ namespace: ROOK, name: 'rook-ceph-operator', on: ['server22'] })
  seeding.budget(ROOK, 'rook-ceph-mon-pdb', { maxUnavailable: 1 }, { app: 'rook-ceph-mon' })
  const { metadata, spec } = defaultBudget()
  seeding.add(BUDGETS, ROOK, metadata.name, { ...(spec ? { spec } : {}), status: {} })
}

function seedTour(seeding: Seeding): void {
  const acme = 'acme'
  seeding.statefulSet({ namespace: acme, name: 'gitea-acme', on: ['server23'], claim: 'network' })
  const slow = { [BEND.terminatesAfter]: '5000' }
  seeding.statefulSet({ namespace: acme, name: 'redmine-db', on: ['server23'], claim: 'network', annotations: slow })
  const warmUp = { [BEND.readyAfter]: '1500' }
  seeding.deployment({
    namespace: acme,
    name: 'shop-web',
    on: ['server23', 'server23', 'server84'],
    annotations: warmUp,
  })
  seeding.budget(acme, 'shop-web', { minAvailable: 2 }, { app: 'shop-web' })
  for (const name of ['jitsi-web', 'mailman-web', 'matrix-synapse', 'nextcloud']) {
    seeding.deployment({ namespace: acme, name, on: ['server23', 'server85'] })
  }
  seeding.deployment({ namespace: 'argocd', name: 'argocd-repo-server', on: ['server23', 'server86'] })
  seeding.deployment({ namespace: 'harbor', name: 'harbor-core', on: ['server23', 'server84'] })
  seeding.deployment({ namespace: 'ingress-nginx', name: 'ingress-nginx-controller', on: ['server23', 'server85'] })
  seeding.budget(
    'ingress-nginx',
    'ingress-nginx-controller',
    { maxUnavailable: 1 },
    { app: 'ingress-nginx-controller' },
  )
  seeding.deployment({ namespace: 'kube-system', name: 'coredns', on: ['server23', 'server86'] })
  seeding.deployment({ namespace: 'calico-system', name: 'calico-typha', on: ['server23', 'server84', 'server85'] })
  seeding.budget('calico-system', 'calico-typha', { maxUnavailable: 1 }, { app: 'calico-typha' })
  seeding.statefulSet({ namespace: 'monitoring', name: 'prometheus-k8s', on: ['server23', 'server86'] })
}

function seedTraps(seeding: Seeding): void {
  seeding.deployment({ namespace: 'acme', name: 'wiki', on: ['server24', 'server84'], emptyDir: 'cache' })
  seeding.deployment({ namespace: 'acme', name: 'build-cache', on: ['server24', 'server85'], emptyDir: 'work' })
  seeding.barePod('debug', 'netshoot', 'server25')
  seeding.deployment({ namespace: 'acme', name: 'billing', on: ['server26', 'server86'], labels: { tier: 'paid' } })
  seeding.budget('acme', 'billing', { maxUnavailable: 1 }, { app: 'billing' })
  seeding.budget('acme', 'paid-services', { maxUnavailable: 1 }, { tier: 'paid' })
  seeding.statefulSet({ namespace: 'acme', name: 'legacy-db', on: ['server27'], claim: 'local', pinned: true })
  seeding.budget('acme', 'legacy-db', { minAvailable: 1 }, { app: 'legacy-db' })
  seeding.deployment({ namespace: 'acme', name: 'old-shop', on: ['server64', 'server84'] })
  seeding.stuck('acme', 'old-shop', 'server64')
}
