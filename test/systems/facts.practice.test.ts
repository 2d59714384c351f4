import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeReadFacts } from '../../src/systems/facts/adapter.ts'
import type { FactName, ReadFacts } from '../../src/systems/facts/port.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Cluster } from '../../src/systems/kubernetes/port.ts'
import { openTickets } from '../../src/systems/redmine/adapter.ts'
import { openTestWorld, type TestWorld, until } from '../practice/open-practice.ts'

let world: TestWorld
let cluster: Cluster
let readFacts: ReadFacts
beforeAll(async () => {
  world = await openTestWorld()
  const target = world.file.clusters.p10
  if (target === undefined) throw new Error('the practice world has no p10')
  cluster = openCluster({
    name: 'p10',
    credentials: { server: target.server, ca: target.caPem, token: target.token },
    userAgent: 'sluice/0.1 (nico)',
    requestTimeoutMs: 10_000,
    clock: { now: Date.now },
  })
  readFacts = makeReadFacts({
    cluster: async (name) => (name === 'p10' ? cluster : Promise.reject(new Error(`${name} cannot be reached`))),
    tickets: openTickets(world.file.redmine),
    pinnedUid: () => target.uid,
  })
})
afterAll(async () => {
  await cluster.close()
  await world.stop()
})

const read = (names: readonly FactName[], nodes: readonly string[], more: { ticket?: string; cluster?: string } = {}) =>
  readFacts(names, { cluster: 'p10', person: 'nico', nodes, ...more }, AbortSignal.timeout(20_000))

it('reads the voters of etcd and who of the targets is one', async () => {
  const { quorum } = await read(['quorum'], ['server63', 'server23'])
  expect(quorum).toMatchObject({ ok: true, value: { targets: ['server63'] } })
  if (quorum?.ok !== true) throw new Error('no quorum')
  expect(quorum.value.voters.map((v) => v.node).toSorted()).toEqual(['server63', 'server65', 'server83'])
  expect(quorum.value.voters.filter((v) => !v.healthy)).toEqual([])
})

it('holds identity against what was pinned', async () => {
  const { identity } = await read(['identity'], [])
  const uid = world.file.clusters.p10?.uid
  expect(identity).toEqual({ ok: true, value: { uid, pinned: uid } })
})

it('reads tickets: open, closed, none', async () => {
  expect(await read(['ticket'], [], { ticket: '1234' })).toMatchObject({
    ticket: { value: { exists: true, open: true } },
  })
  expect(await read(['ticket'], [], { ticket: '2000' })).toMatchObject({
    ticket: { value: { exists: true, open: false } },
  })
  expect(await read(['ticket'], [], { ticket: '7' })).toMatchObject({ ticket: { value: { exists: false } } })
})

it('reads storage, capacity and the nodes that are not ready', async () => {
  const osd = (await cluster.pods({ labelSelector: 'app=rook-ceph-osd' })).items.find((p) => p.node !== undefined)
  const facts = await read(['storage', 'capacity', 'not-ready'], [osd?.node ?? ''])
  expect(facts.storage).toMatchObject({ ok: true, value: { touches: true, targetDomains: [osd?.node], draining: [] } })
  expect(facts.capacity).toMatchObject({ ok: true, value: { fits: true } })
  expect(facts['not-ready']).toMatchObject({ ok: true })
})

it('says why a fact cannot be read, and never throws', async () => {
  const facts = await read(['quorum', 'storage', 'capacity', 'identity', 'not-ready', 'ticket'], ['server23'], {
    cluster: 'c9',
  })
  for (const fact of Object.values(facts))
    expect(fact).toMatchObject({ ok: false, why: expect.stringMatching(/c9 cannot be reached|names no ticket/) })
  expect(Object.keys(facts)).toHaveLength(6)
})

it('sees a voter that went down and a storage cluster that is not well', async () => {
  const renewed = new Date(Date.now() - 25_000).toISOString().replace('Z', '000Z')
  await world.tell({ event: 'health', cluster: 'p10', health: 'HEALTH_WARN' })
  await until(
    () => read(['storage'], []),
    ({ storage }) => storage?.ok === true && !storage.value.healthy,
  )
  await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet', 'rook', 'disruption'] })
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'server65', namespace: 'kube-node-lease' },
    spec: { holderIdentity: 'server65', leaseDurationSeconds: 40, renewTime: renewed },
  }
  expect(await world.tell({ event: 'apply', cluster: 'p10', object: lease })).toBe(200)
  const { quorum } = await read(['quorum'], [])
  if (quorum?.ok !== true) throw new Error('no quorum')
  expect(quorum.value.voters.filter((v) => !v.healthy)).toMatchObject([
    { node: 'server65', why: expect.stringContaining('last heard') },
  ])

  const domains = [
    ...new Set((await cluster.pods({ labelSelector: 'app=rook-ceph-osd' })).items.map((p) => p.node ?? '')),
  ]
  const [draining, ...others] = domains
  for (const host of others) {
    const pdb = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: `rook-ceph-osd-host-${host}`, namespace: 'rook-ceph' },
      spec: { maxUnavailable: 0, selector: { matchLabels: { 'topology-location-host': host } } },
    }
    expect(await world.tell({ event: 'apply', cluster: 'p10', object: pdb })).toBe(200)
  }
  const { storage } = await read(['storage'], [others[0] ?? ''])
  expect(storage).toMatchObject({
    ok: true,
    value: { healthy: false, health: 'HEALTH_WARN', draining: [draining], targetDomains: [others[0]] },
  })
})
