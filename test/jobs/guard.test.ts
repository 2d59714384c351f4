import { afterAll, beforeAll, expect, test } from 'vitest'
import { unlock } from '../../src/commands/unlock.ts'
import { refuse } from '../../src/errors.ts'
import { openGuard } from '../../src/jobs/guard.ts'
import { keys } from '../../src/store/keys.ts'
import { silentLog } from '../../src/log.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Cluster } from '../../src/systems/kubernetes/port.ts'
import { openTestWorld, type TestWorld } from '../practice/open-practice.ts'
import { engines } from './engines.ts'
import { again, startAgain, stop } from './stop-world.ts'
import { asked, change, latch, toyStep, until } from './toy.ts'

const { start, store } = engines()
let practice: TestWorld
let cluster: Cluster
beforeAll(async () => {
  practice = await openTestWorld()
  const { server = '', caPem = '', token = '' } = practice.file.clusters.p10 ?? {}
  cluster = openCluster({
    name: 'p10',
    credentials: { server, ca: caPem, token },
    userAgent: 'sluice-test',
    requestTimeoutMs: 10_000,
    clock: { now: Date.now },
  })
})
afterAll(async () => {
  await cluster.close()
  await practice.stop()
})
const holder = async () => (await cluster.lease('kube-system', 'sluice'))?.holder
const guard = () => openGuard({ store: store(), cluster: () => cluster, log: silentLog })

test('replicas are one holder: both run jobs there, and it is given back after the last one, whoever ran it', async () => {
  const jobs = { '1': { here: latch(), go: latch() }, '2': { here: latch(), go: latch() } }
  const step = toyStep('a', {
    run: async (ctx) => {
      const { here, go } = jobs[ctx.job.id as keyof typeof jobs] // there are two
      here.open()
      await go.opened
      return { kind: 'evidence', text: 'a' }
    },
  })
  const replica = () =>
    start({ change: change([step], { locks: () => [] }), guard: guard(), limits: { concurrency: 1, lockMs: 5_000 } })
  const first = await replica()
  expect(await first.jobs.submit(asked())).toBe('1')
  await jobs[1].here.opened
  const second = await replica()
  expect(await second.jobs.submit(asked())).toBe('2')
  await jobs[2].here.opened
  const name = await holder()
  expect(name).toMatch(/^sluice-[0-9a-f-]{36}$/)
  jobs[1].go.open()
  await until(first.jobs, '1', 'done')
  await first.stop()
  expect(await holder()).toBe(name)
  jobs[2].go.open()
  await until(second.jobs, '2', 'done')
  await second.stop()
  expect(await holder()).toBeUndefined()
})

test('where nobody may take it, nothing is changed', async () => {
  const { server = '', caPem = '' } = practice.file.clusters.p10 ?? {}
  const stranger = openCluster({
    name: 'p10',
    credentials: { server, ca: caPem, token: 'nobody' },
    userAgent: 'sluice-test',
    requestTimeoutMs: 10_000,
    clock: { now: Date.now },
  })
  const ran: string[] = []
  const step = toyStep('a', {
    run: async () => {
      ran.push('a')
      return { kind: 'evidence', text: 'a' }
    },
  })
  const strangers = openGuard({ store: store(), cluster: () => stranger, log: silentLog })
  const engine = await start({ change: change([step]), guard: strangers })
  const job = await engine.jobs.submit(asked())
  expect(await until(engine.jobs, job, 'failed')).toMatchObject({ code: 'K8S-CREDENTIALS' })
  expect(ran).toEqual([])
  await engine.stop()
  await stranger.close()
})

test('what changes Sluice itself asks no cluster for its Lease: it works while they are away', async () => {
  const away = openGuard({ store: store(), cluster: () => refuse('K8S-UNREACHABLE'), log: silentLog })
  const { jobs } = await start({ changes: { unlock, 'start again': startAgain }, guard: away })
  await stop(jobs)
  expect(await until(jobs, await jobs.submit(again()), 'done', 'failed')).toMatchObject({ state: 'done' })
  await store().redis.hset(keys.locksHeld, 'cluster/p10', '999')
  const taking = asked({ command: 'unlock', args: { cluster: 'p10', reason: 'looked by hand' }, by: 'fran' })
  expect(await until(jobs, await jobs.submit(taking), 'done', 'failed')).toMatchObject({ state: 'done' })
  expect(await jobs.holders()).toEqual([])
})
