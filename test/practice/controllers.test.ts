import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Json, listAt, numberAt, textAt } from '../../src/practice/json.ts'
import { openTestWorld, type TestWorld, until } from './open-practice.ts'

let world: TestWorld
beforeEach(async () => {
  world = await openTestWorld()
})
afterEach(() => world.stop())

const MERGE = 'application/merge-patch+json'
const get = async (path: string): Promise<Json> => (await world.api('p10', 'GET', path)).body
const podsOn = async (node: string): Promise<Json[]> =>
  listAt(await get(`/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`), 'items')
const nameOf = (object: Json): string => textAt(object, 'metadata', 'name') ?? ''
const ownerOf = (pod: Json): string | undefined => textAt(pod, 'metadata', 'ownerReferences', 0, 'kind')
const cordon = (node: string, unschedulable = true): Promise<unknown> =>
  world.api('p10', 'PATCH', `/api/v1/nodes/${node}`, { spec: { unschedulable } }, MERGE)
const budgets = async (namespace: string): Promise<string[]> =>
  listAt(await get(`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`), 'items').map(nameOf)

/** Evicts until everything that may move has moved, as a drain does. */
async function drain(node: string): Promise<void> {
  await cordon(node)
  await until(
    async () => {
      const left = (await podsOn(node)).filter((pod) => ownerOf(pod) !== 'DaemonSet')
      for (const pod of left) {
        const path = `/api/v1/namespaces/${textAt(pod, 'metadata', 'namespace')}/pods/${nameOf(pod)}/eviction`
        await world.api('p10', 'POST', path, {
          kind: 'Eviction',
          apiVersion: 'policy/v1',
          metadata: { name: nameOf(pod) },
        })
      }
      return left.length
    },
    (left) => left === 0,
  )
}

it('has a server23 that shows a drain: 17 pods to move, 6 of daemon sets, no emptyDir, all owned', async () => {
  const pods = await podsOn('server23')
  const movable = pods.filter((pod) => ownerOf(pod) !== 'DaemonSet')
  expect([movable.length, pods.length - movable.length]).toEqual([17, 6])
  expect(movable.map(nameOf)).toEqual(expect.arrayContaining(['gitea-acme-0', 'redmine-db-0']))
  expect(movable.every((pod) => ownerOf(pod) !== undefined)).toBe(true)
  expect(JSON.stringify(pods)).not.toContain('emptyDir')
})

it('drains server23: what moved runs elsewhere, stateful sets under their old names', async () => {
  await drain('server23')
  const gitea = await until(
    () => get('/api/v1/namespaces/acme/pods/gitea-acme-0'),
    (pod) => textAt(pod, 'status', 'phase') === 'Running',
  )
  expect(textAt(gitea, 'spec', 'nodeName')).not.toBe('server23')
  const shop = await until(
    () => get('/apis/apps/v1/namespaces/acme/deployments/shop-web'),
    (deployment) => numberAt(deployment, 'status', 'readyReplicas') === 3,
  )
  expect(numberAt(shop, 'spec', 'replicas')).toBe(3)
  expect((await podsOn('server23')).map(ownerOf)).toEqual(Array.from({ length: 6 }, () => 'DaemonSet'))
})

it("plays Rook's switch: the other hosts are blocked while server23 drains, and free when it is back", async () => {
  const ceph = '/apis/ceph.rook.io/v1/namespaces/rook-ceph/cephclusters/rook-ceph'
  const healthy = (health: string) =>
    until(
      () => get(ceph),
      (body) => textAt(body, 'status', 'ceph', 'health') === health,
    )
  await healthy('HEALTH_OK')
  await drain('server23')
  await healthy('HEALTH_WARN')
  const blocking = ['22', '24', '25', '26', '27'].map((number) => `rook-ceph-osd-host-server${number}`)
  expect(await budgets('rook-ceph')).toEqual(['rook-ceph-mon-pdb', ...blocking])
  const [osd] = (await podsOn('server24')).filter((pod) => nameOf(pod).startsWith('rook-ceph-osd'))
  const path = `/api/v1/namespaces/rook-ceph/pods/${nameOf(osd ?? null)}/eviction`
  const refused = await world.api('p10', 'POST', path, { kind: 'Eviction', metadata: { name: nameOf(osd ?? null) } })
  expect(refused.status).toBe(429)
  await cordon('server23', false)
  await until(
    () => budgets('rook-ceph'),
    (names) => names.join() === 'rook-ceph-mon-pdb,rook-ceph-osd',
  )
  await healthy('HEALTH_OK')
})

it('makes Ceph as ill as a test wants it', async () => {
  await world.tell({ event: 'health', cluster: 'p10', health: 'HEALTH_ERR' })
  await until(
    () => get('/apis/ceph.rook.io/v1/cephclusters'),
    (list) => textAt(list, 'items', 0, 'status', 'ceph', 'health') === 'HEALTH_ERR',
  )
})

it('loses the power of a node: NotReady, its pods too, no lease renewed, its port closed', async () => {
  await world.tell({ event: 'node', cluster: 'p10', node: 'server63', down: true })
  const node = await until(
    () => get('/api/v1/nodes/server63'),
    (body) => JSON.stringify(body).includes('NodeStatusUnknown'),
  )
  expect(listAt(node, 'spec', 'taints').map((taint) => textAt(taint, 'key'))).toContain(
    'node.kubernetes.io/unreachable',
  )
  const etcd = await until(
    () => get('/api/v1/namespaces/kube-system/pods/etcd-server63'),
    (pod) => JSON.stringify(pod).includes('"type":"Ready","status":"False"'),
  )
  expect(textAt(etcd, 'metadata', 'labels', 'component')).toBe('etcd')
  expect(textAt(etcd, 'metadata', 'annotations', 'kubeadm.kubernetes.io/etcd.advertise-client-urls')).toContain(':2379')
})

it('keeps the stuck pod of server64, until it is deleted with force', async () => {
  const [stuck] = (await podsOn('server64')).filter((pod) => textAt(pod, 'metadata', 'deletionTimestamp') !== undefined)
  const path = `/api/v1/namespaces/acme/pods/${nameOf(stuck ?? null)}`
  expect((await world.api('p10', 'DELETE', path, { gracePeriodSeconds: 30 })).status).toBe(200)
  expect((await world.api('p10', 'GET', path)).status).toBe(200)
  await world.api('p10', 'DELETE', path, { gracePeriodSeconds: 0 })
  expect((await world.api('p10', 'GET', path)).status).toBe(404)
})

it('holds a pod with a finalizer until the finalizer goes', async () => {
  const [pod] = (await podsOn('server85')).filter((one) => nameOf(one).startsWith('nextcloud'))
  const path = `/api/v1/namespaces/acme/pods/${nameOf(pod ?? null)}`
  await world.api('p10', 'PATCH', path, { metadata: { finalizers: ['example.org/wait'] } }, MERGE)
  await world.api('p10', 'DELETE', path)
  const held = await until(
    () => get(path),
    (body) => numberAt(body, 'metadata', 'deletionGracePeriodSeconds') === 0,
  )
  expect(nameOf(held)).toBe(nameOf(pod ?? null))
  await world.api('p10', 'PATCH', path, { metadata: { finalizers: null } }, MERGE)
  expect((await world.api('p10', 'GET', path)).status).toBe(404)
})

it('makes the pods of a deployment that is created, and takes them with it', async () => {
  const labels = { app: 'fresh' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } }
  const spec = { replicas: 2, selector: { matchLabels: labels }, template }
  await world.api('p10', 'POST', '/apis/apps/v1/namespaces/acme/deployments', { metadata: { name: 'fresh' }, spec })
  await until(
    () => get('/apis/apps/v1/namespaces/acme/deployments/fresh'),
    (deployment) => numberAt(deployment, 'status', 'readyReplicas') === 2,
  )
  await world.api('p10', 'DELETE', '/apis/apps/v1/namespaces/acme/deployments/fresh')
  await until(
    async () => listAt(await get('/api/v1/namespaces/acme/pods?labelSelector=app%3Dfresh'), 'items').length,
    (count) => count === 0,
  )
})

it('empties a namespace that is deleted', async () => {
  await world.api('p10', 'DELETE', '/api/v1/namespaces/debug')
  await until(
    async () => (await world.api('p10', 'GET', '/api/v1/namespaces/debug')).status,
    (status) => status === 404,
  )
  expect(listAt(await get('/api/v1/namespaces/debug/pods'), 'items')).toEqual([])
})

it('makes a mirror pod again that was deleted', async () => {
  const path = '/api/v1/namespaces/kube-system/pods/etcd-server65'
  const before = textAt(await get(path), 'metadata', 'uid')
  await world.api('p10', 'DELETE', path, { gracePeriodSeconds: 0 })
  const after = await until(
    () => get(path),
    (pod) => textAt(pod, 'status', 'phase') === 'Running',
  )
  expect(textAt(after, 'metadata', 'uid')).not.toBe(before)
})
