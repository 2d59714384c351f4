import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { backUp, restoreFrom } from '../../src/cli/backup.ts'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { silentLog } from '../../src/log.ts'
import { namesOf } from '../../src/store/backup.ts'
import type { Topology } from '../../src/store/connect.ts'
import { accept, finish, inboxLength, nextOf } from '../../src/store/inbox.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { takeSend } from '../../src/store/budget.ts'
import { countRequest, peekOut, popOut, pushOut, rememberMessage } from '../../src/store/messages.ts'
import { asked, change, engineOn, history, needs, revised, toyStep, until, word } from '../jobs/toy.ts'
import { lab, real } from '../lab/need.ts'
import { type OwnRedis, startRedis } from '../lab/redis.ts'

const never = new AbortController().signal
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
const open = async (topology: Topology) => {
  const store = await openStore({ topology, dir: '.', log: silentLog, unsafe: 'throw' })
  // a Cluster has no word for all of its nodes
  for (const node of store.redis instanceof Redis ? [store.redis] : store.redis.nodes('master')) await node.flushdb()
  ends.push(() => store.close())
  return store
}

/** Everything the store does, and a job from its event to its end: on whatever the store is. */
function everything(topology: () => Topology): void {
  test('events are accepted once, kept in order and finished', async () => {
    const store = await open(topology())
    const item = (event: string) => ({ event, room: 'ops', json: '{}' })
    expect(await Promise.all(['a', 'b', 'a'].map((e) => accept(store, item(e))))).toEqual(['new', 'new', 'again'])
    expect(await inboxLength(store.redis)).toBe(2)
    const first = await nextOf(store, 'ops')
    expect(first).toEqual(item('a'))
    await finish(store, item('a'))
    expect(await nextOf(store, 'ops')).toEqual(item('b'))
  })

  test('what takes several keys at once, and what has no key', async () => {
    const store = await open(topology())
    await rememberMessage(store, 'console:ops:1', { job: '1', question: '1.1' })
    expect(await countRequest(store, 'nico', 0)).toBe(1)
    await pushOut(store, 'list', { a: 1 })
    expect(await peekOut(store, 'list')).toEqual([{ a: 1 }])
    await popOut(store, 'list', { a: 1 })
    expect(await peekOut(store, 'list')).toEqual([])
    const buckets = ['one', 'two'].map((name) => ({ name, rate: { burst: 1, everyMs: 60_000 } }))
    expect(await takeSend(store, buckets, { who: 'a', rank: 0, keep: 0 })).toEqual({ waitMs: 0 })
    expect((await takeSend(store, buckets, { who: 'b', rank: 0, keep: 0 })).waitMs).toBeGreaterThan(0)
    expect(await store.redis.ping()).toBe('PONG')
  })

  test('a job from its request to its end, and a cancel that is heard in the worker', async () => {
    const store = await open(topology())
    const begun = Promise.withResolvers<void>()
    const long = toyStep('long', {
      run: (ctx) =>
        new Promise((_, reject) => {
          begun.resolve()
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true })
        }),
    })
    const engine = engineOn({
      store,
      changes: { toy: change([toyStep('a'), toyStep('b')]), long: change([long], { name: 'long' }) },
    })
    await engine.start()
    ends.push(() => engine.stop())
    const job = await engine.jobs.submit(asked())
    expect(await until(engine.jobs, job, 'done')).toMatchObject({ steps: [{ mark: 'done' }, { mark: 'done' }] })
    expect(await history(store, job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
    const other = await engine.jobs.submit(asked({ command: 'long' }))
    await begun.promise
    await engine.jobs.cancel({ job: other, ...word('nico') })
    expect((await revised(engine.jobs, other, (now) => now.state === 'cancelled')).state).toBe('cancelled')
  })
}

/** What one server kept goes into any other: here from what the store is into a Redis of its own, and back. */
function movedThere(topology: () => Topology): void {
  test('a backup goes into a Redis alone and from there back, and the job that waited runs to its end', async () => {
    const store = await open(topology())
    const setting = { change: change([toyStep('a')]), decide: () => needs() }
    const first = engineOn({ store, ...setting })
    await first.start()
    const job = await first.jobs.submit(asked())
    await until(first.jobs, job, 'waiting')
    await first.stop()
    const dir = await mkdtemp(join(tmpdir(), 'sluice-topology-'))
    ends.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
    const other = await openStore({ dir, log: silentLog })
    ends.push(() => other.close())
    const [there, back] = [join(dir, 'there'), join(dir, 'back')]
    await backUp(there, store.redis, never)
    await expect(restoreFrom(there, store.redis, false, never)).rejects.toMatchObject({ code: 'STORE-NOT-EMPTY' })
    await restoreFrom(there, other.redis, false, never)
    await backUp(back, other.redis, never)
    for (const key of await keysOf(store)) await store.redis.del(key)
    expect(await restoreFrom(back, store.redis, false, never)).toMatchObject({ jobs: 1 })
    const { jobs, start, stop } = engineOn({ store, ...setting })
    await start()
    ends.push(stop)
    expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
    await until(jobs, job, 'done')
    expect(await verifyAudit(store.redis)).toMatchObject({ ok: true })
  })
}

async function keysOf({ redis }: Store): Promise<readonly string[]> {
  const all: string[] = []
  for await (const names of namesOf(redis)) all.push(...names)
  return all
}

/** The shared ones are not emptied: a server of this file's own. */
function alone(program: 'redis-server' | 'valkey-server'): () => Topology {
  let own: OwnRedis | undefined
  beforeAll(async () => {
    own = await startRedis(lab(), program)
  })
  afterAll(() => own?.stop())
  return () => ({ kind: 'url', url: `unix://${own?.socket}` })
}

for (const name of ['redis', 'valkey'] as const) {
  await real([name], `a ${name} alone`, ({ program }) => {
    const topology = alone(program === 'valkey-server' ? program : 'redis-server')
    everything(topology)
    movedThere(topology)

    test('nothing waits for a replica, because there is none', async () => {
      expect((await open(topology())).replicated()).toBe(false)
    })
  })
}
await real(['redis-sentinel'], 'Redis behind Sentinels', ({ master, sentinels }) => {
  const topology = { kind: 'sentinel', master, nodes: sentinels } as const
  everything(() => topology)
  movedThere(() => topology)

  test('what must not be lost waits for a replica', async () => {
    expect((await open(topology)).replicated()).toBe(true)
  })
})
await real(['redis-cluster'], 'Redis Cluster', ({ nodes }) => {
  const topology = { kind: 'cluster', nodes } as const
  everything(() => topology)
  movedThere(() => topology)

  test('what must not be lost waits for a replica', async () => {
    expect((await open(topology)).replicated()).toBe(true)
  })
})
