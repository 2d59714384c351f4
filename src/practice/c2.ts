import { fixedUid, type NodeSeed } from './seed-shapes.ts'
import { Seeding } from './seeding.ts'
import type { Store } from './store.ts'

/** The eight nodes of c2; server60 was cordoned by a person. */
const NODES: readonly NodeSeed[] = [47, 48, 49, 50, 59, 60, 61, 62].map((number) => ({
  name: `server${number}`,
  address: `2a0a:e5c0:2:11:0:62ff:fe0b:1a${number}`,
  version: 'v1.22.0',
  controlPlane: [47, 48, 59].includes(number),
  cordoned: number === 60,
}))

export const C2 = {
  name: 'c2',
  host: 'c2-api.k8s.ooo',
  version: 'v1.22.0',
  kubeSystemUid: fixedUid('c2/Namespace//kube-system'),
  nodes: NODES,
  seed: seedC2,
}

/** Fills a store with c2: small, without storage. */
export function seedC2(store: Store): void {
  const seeding = new Seeding('c2', store, 82)
  seeding.namespaces('default', 'kube-system', 'kube-node-lease', 'kube-public', 'calico-system', 'web')
  for (const node of NODES) seeding.node(node)
  for (const node of NODES.filter((one) => one.controlPlane)) seeding.staticPods(node)
  seeding.daemonSet({ namespace: 'calico-system', name: 'calico-node', everywhere: true })
  seeding.daemonSet({ namespace: 'kube-system', name: 'kube-proxy', everywhere: true })
  seeding.deployment({ namespace: 'kube-system', name: 'coredns', on: ['server49', 'server61'] })
  seeding.deployment({ namespace: 'web', name: 'blog', on: ['server49', 'server50', 'server62'] })
  seeding.budget('web', 'blog', { maxUnavailable: 1 }, { app: 'blog' })
  seeding.statefulSet({ namespace: 'web', name: 'mail', on: ['server50'], claim: 'network' })
}
