import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeLab } from './kube/lab.ts'
import { until } from './kube/run.ts'
import { bringKube } from './kube.ts'
import { bringRook, playRook, ROOK } from './rook.ts'
import {
  apply,
  daemonSet,
  deployment,
  jobPod,
  localVolume,
  mirrorPod,
  nakedPod,
  namespace,
  podsOn,
  removeNamespace,
  statefulSet,
  waitRunning,
} from './workloads.ts'

// A lab of its own: these tests drain nodes while others count pods.
let lab: KubeLab
beforeAll(async () => {
  lab = await bringKube({ dir: await mkdtemp(join(tmpdir(), 'sluice-w-')) })
}, 900_000)
afterAll(() => lab?.stop())

const drain = (node: string, ...flags: readonly string[]) =>
  lab.kubectl(['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', ...flags])
const gone = (what: string, argv: readonly string[]) =>
  until(what, async () => ((await lab.kubectl(['get', ...argv, '-o', 'name'])).stdout === '' ? true : undefined))

describe('fixtures', () => {
  const ns = 'fixtures'
  const at = { namespace: ns, node: 'server23' }

  test('every kind of pod comes up where it was asked for', async () => {
    await apply(lab.kubectl, [
      namespace(ns),
      ...deployment({ ...at, name: 'web', replicas: 3, pdb: { maxUnavailable: 1 } }),
      ...deployment({ ...at, name: 'twice', replicas: 1, pdbs: [{ maxUnavailable: 1 }, { minAvailable: 0 }] }),
      ...deployment({ ...at, name: 'scratch', replicas: 1, emptyDir: true }),
      ...deployment({ ...at, name: 'stuck', replicas: 1, stuck: true }),
      ...deployment({ ...at, name: 'held', replicas: 1, finalizer: 'lab.example/hold' }),
      ...statefulSet({ ...at, name: 'db', replicas: 2 }),
      ...localVolume({ ...at, name: 'disk' }),
      ...nakedPod({ ...at, name: 'naked' }),
      ...mirrorPod({ ...at, name: 'static-server23' }),
      ...jobPod({ ...at, name: 'once' }),
    ])
    await waitRunning(lab.kubectl, ns, 12, { node: 'server23' })
    const succeeded = () => lab.kubectl(['get', 'job', 'once', '-n', ns, '-o', 'jsonpath={.status.succeeded}'])
    await until('the job to be done', async () => ((await succeeded()).stdout === '1' ? true : undefined))
  }, 180_000)

  test('a drain meets them as it would meet real ones', async () => {
    const refused = await drain('server23')
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('naked') })
    const stays = await drain('server23', '--force', '--timeout=12s')
    expect(stays.code).toBe(1)
    expect(stays.stderr).toContain('more than one PodDisruptionBudget')
    expect([...(await podsOn(lab.kubectl, 'server23'))].map((name) => name.replace(/-.*/, ''))).toEqual(
      expect.arrayContaining([`${ns}/held`, `${ns}/stuck`, `${ns}/twice`]),
    )
    const disk = await lab.kubectl(['get', 'pod', 'disk-0', '-n', ns, '-o', 'jsonpath={.status.phase}'])
    expect(disk.stdout).toBe('Pending')
  }, 120_000)

  test('and the namespace can be removed with all of it', async () => {
    await removeNamespace(lab.kubectl, ns)
    await gone('the namespace to be gone', ['namespace', ns, '--ignore-not-found'])
    expect((await lab.kubectl(['uncordon', 'server23'])).code).toBe(0)
  }, 120_000)

  test('a DaemonSet has a pod on every worker, also on a cordoned one', async () => {
    await lab.kubectl(['cordon', 'server27'])
    await apply(lab.kubectl, [namespace('daemons'), ...daemonSet({ namespace: 'daemons', name: 'exporter' })])
    await waitRunning(lab.kubectl, 'daemons', 11)
    await removeNamespace(lab.kubectl, 'daemons')
    await lab.kubectl(['uncordon', 'server27'])
  }, 120_000)
})

test('Rook: while a storage host drains, all other hosts are blocked; back when it returns', async () => {
  await bringRook(lab.kubectl)
  const stopping = new AbortController()
  const playing = playRook(lab.kubeconfig, stopping.signal)
  const budgets = async () =>
    (await lab.kubectl(['get', 'pdb', '-n', ROOK, '-o', 'jsonpath={.items[*].metadata.name}'])).stdout
  const health = async () =>
    (await lab.kubectl(['get', 'cephcluster', ROOK, '-n', ROOK, '-o', 'jsonpath={.status.ceph.health}'])).stdout
  const are = (names: string, ceph: string) =>
    until(`budgets ${names}, ${ceph}`, async () =>
      (await budgets()) === names && (await health()) === ceph ? true : undefined,
    )
  try {
    await are('rook-ceph-osd', 'HEALTH_OK')
    expect(await drain('server23', '--timeout=90s')).toMatchObject({ code: 0 })
    await are('rook-ceph-osd-host-server22 rook-ceph-osd-host-server24', 'HEALTH_WARN')
    await lab.kubectl(['uncordon', 'server23'])
    await are('rook-ceph-osd', 'HEALTH_OK')
  } finally {
    stopping.abort()
    await playing
  }
}, 240_000)
