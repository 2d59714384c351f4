import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../src/log.ts'
import type { Topology } from '../../src/store/connect.ts'
import { accept, finish, inboxLength, nextOf } from '../../src/store/inbox.ts'
import { openStore } from '../../src/store/open.ts'
import { takeSend } from '../../src/store/budget.ts'
import { countRequest, peekOut, popOut, pushOut, rememberMessage } from '../../src/store/messages.ts'
import { asked, change, engineOn, history, revised, toyStep, until, word } from '../jobs/toy.ts'
import { lab, real } from '../lab/need.ts'
import { type OwnRedis, startRedis } from '../lab/redis.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
const open = async (topology: Topology) => {
  const store = await openStore({ topology, dir: '.', log: silentLog, unsafe: 'throw' })
  await store.redis.flushdb()
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

    test('nothing waits for a replica, because there is none', async () => {
      expect((await open(topology())).replicated()).toBe(false)
    })
  })
}
await real(['redis-sentinel'], 'Redis behind Sentinels', ({ master, sentinels }) => {
  const topology = { kind: 'sentinel', master, nodes: sentinels } as const
  everything(() => topology)

  test('what must not be lost waits for a replica', async () => {
    expect((await open(topology)).replicated()).toBe(true)
  })
})
await real(['redis-cluster'], 'Redis Cluster', ({ nodes }) => {
  const topology = { kind: 'cluster', nodes } as const
  everything(() => topology)

  test('what must not be lost waits for a replica', async () => {
    expect((await open(topology)).replicated()).toBe(true)
  })
})
