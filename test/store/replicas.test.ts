import { afterEach, expect, test } from 'vitest'
import { openJournal } from '../../src/jobs/journal.ts'
import { type Log, silentLog } from '../../src/log.ts'
import type { Topology } from '../../src/store/connect.ts'
import { accept, inboxLength } from '../../src/store/inbox.ts'
import { keys } from '../../src/store/keys.ts'
import { type OpenStoreOptions, openStore } from '../../src/store/open.ts'
import { kept } from '../../src/store/script.ts'
import type { Member } from '../lab/member.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { startCluster, startSentinels } from '../lab/redis-set.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function open(topology: Topology, more: Partial<OpenStoreOptions> = {}) {
  const said: unknown[] = []
  const log: Log = { ...silentLog, warn: (what: unknown) => void said.push(what) }
  const store = await openStore({ topology, dir: '.', log, unsafe: 'throw', ...more })
  closing.push(() => store.close())
  let events = 0
  /** What became of one event: `new`, `again`, or a code. */
  const send = (event = `e${++events}`): Promise<string> =>
    accept(store, { event, room: 'ops', json: '{}' }).catch((error: unknown) =>
      error instanceof Error && 'code' in error ? String(error.code) : String(error),
    )
  return { store, send, said: () => JSON.stringify(said) }
}

const becomes = (what: string, send: () => Promise<string>): Promise<true> =>
  until(`accepting gives ${what}`, 20_000, async () => ((await send()) === what ? true : undefined))

async function replicasOf(master: Member, servers: readonly Member[]): Promise<readonly Member[]> {
  const roles = await Promise.all(
    servers.map(async (server) => {
      const redis = server.ask()
      const text = await redis.info('replication')
      redis.disconnect()
      return text.includes('role:slave') && text.includes(`master_port:${master.announced.port}`)
    }),
  )
  return servers.filter((_, i) => roles[i])
}

await real(['redis'], 'when no replica answers', () => {
  test('behind Sentinels nothing is accepted, whatever the master sees; the event that comes again counts once', async () => {
    const set = await startSentinels(lab(), 'redis-server', false)
    closing.push(() => set.stop())
    const { store, send } = await open({ kind: 'sentinel', master: set.master, nodes: set.sentinels })
    expect(await send()).toBe('new')
    const replicas = await replicasOf(await set.masterNow(), set.servers)
    expect(replicas).toHaveLength(2)
    const fence = { key: keys.workLock('job-1-1'), token: 'mine' }
    await store.redis.set(fence.key, fence.token)
    const journal = await openJournal({ redis: store.redis, job: '1', fence })
    expect(await journal.check()).toBe('go')
    for (const replica of replicas) replica.freeze()
    await expect(journal.check(), 'a safe point, though the lock is ours here').rejects.toMatchObject({
      code: 'STORE-NOT-REPLICATED',
    })
    expect(await send('late')).toBe('STORE-NOT-REPLICATED')
    expect(await send('late')).toBe('STORE-NOT-REPLICATED')
    for (const replica of replicas) replica.thaw()
    await becomes('again', () => send('late'))
    expect(await inboxLength(store.redis)).toBe(2)
    for (const replica of replicas) await replica.kill9()
    expect(await send()).toBe('STORE-NOT-REPLICATED')
  })

  test('what writes nothing is no proof either, on a line on which nothing was written yet', async () => {
    const set = await startSentinels(lab(), 'redis-server', false)
    closing.push(() => set.stop())
    const at = { kind: 'sentinel', master: set.master, nodes: set.sentinels } as const
    const before = await open(at)
    const nothing = kept(`return redis.call('GET', KEYS[1]) or 'nothing'`)
    await until('a replica confirms', 20_000, () =>
      nothing(before.store.redis, [keys.jobCount], []).then(
        () => true,
        () => undefined,
      ),
    )
    for (const replica of await replicasOf(await set.masterNow(), set.servers)) replica.freeze()
    const { store } = await open(at)
    await expect(nothing(store.redis, [keys.jobCount], [])).rejects.toMatchObject({ code: 'STORE-NOT-REPLICATED' })
  })

  test('a server given by its address is believed that it is alone, unless a replica is required', async () => {
    const set = await startSentinels(lab(), 'redis-server', false)
    closing.push(() => set.stop())
    const master = await set.masterNow()
    const topology = { kind: 'url', url: `redis://${master.direct.host}:${master.direct.port}` } as const
    const [one, strict] = [await open(topology), await open(topology, { replicas: 'required' })]
    expect(one.store.replicated()).toBe(true)
    const replicas = await replicasOf(master, set.servers)
    for (const replica of replicas) replica.freeze()
    expect(await one.send()).toBe('STORE-NOT-REPLICATED')
    for (const replica of replicas) await replica.kill9()
    await becomes('new', () => one.send())
    expect(one.said()).toContain('STORE-ALONE')
    expect(await strict.send()).toBe('STORE-NOT-REPLICATED')
  })

  test('in a Cluster it is the majority that says whether a master is alone', async () => {
    const set = await startCluster(lab())
    closing.push(() => set.stop())
    const { store, send, said } = await open({ kind: 'cluster', nodes: set.nodes })
    expect(await send()).toBe('new')
    const [replica] = await replicasOf(await set.masterNow(), set.servers)
    replica?.freeze()
    expect(await send(), 'it may be the master that is cut off').toBe('STORE-NOT-REPLICATED')
    await becomes('new', () => send())
    expect(said()).toContain('STORE-ALONE')
    expect(store.replicated()).toBe(false)
    replica?.thaw()
    await until('it waits again', 20_000, () => (store.replicated() ? true : undefined))
    await becomes('new', () => send())
  })
})
