import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { type Log, silentLog } from '../../src/log.ts'
import { accept, finish, nextOf } from '../../src/store/inbox.ts'
import { complaints } from '../../src/store/checks.ts'
import { openStore } from '../../src/store/open.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
const folder = async (deep = ''): Promise<string> => {
  const dir = await mkdtemp(path.join(tmpdir(), 'sluice-store-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  return path.join(dir, deep)
}
const open = async (dir: string, more: Partial<Parameters<typeof openStore>[0]> = {}) => {
  const store = await openStore({ dir, log: silentLog, ...more })
  ends.push(() => store.close())
  return store
}
const pidOf = async (store: Awaited<ReturnType<typeof openStore>>): Promise<number> =>
  Number(/process_id:(\d+)/.exec(await store.redis.info('server'))?.[1])
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('the embedded server', () => {
  test('it keeps what it was told, is shared by who comes later, and ends with its last user', async () => {
    const dir = await folder()
    const one = await openStore({ dir, log: silentLog })
    expect(one.server).toMatchObject({ embedded: true })
    expect(await complaints(one.redis)).toEqual([])
    const pid = await pidOf(one)
    await one.redis.set('{sluice}:x', 'kept')
    const two = await openStore({ dir, log: silentLog })
    expect(await pidOf(two)).toBe(pid)
    await two.close()
    await one.close()
    await expect.poll(() => alive(pid)).toBe(false)
    const three = await open(dir)
    expect(await pidOf(three)).not.toBe(pid)
    expect(await three.redis.get('{sluice}:x')).toBe('kept')
  })

  test('five bots that start at once get one server', async () => {
    const dir = await folder()
    const stores = await Promise.all(Array.from({ length: 5 }, () => open(dir)))
    expect(new Set(await Promise.all(stores.map(pidOf))).size).toBe(1)
  })

  test('killed, it comes back by itself with everything that was acknowledged', async () => {
    const store = await open(await folder())
    const pid = await pidOf(store)
    for (let i = 0; i < 50; i++) await store.redis.rpush('{sluice}:acknowledged', String(i))
    process.kill(pid, 'SIGKILL')
    const patient = store.blocking()
    await expect.poll(() => patient.llen('{sluice}:acknowledged'), { timeout: 10_000 }).toBe(50)
    expect(await pidOf(store)).not.toBe(pid)
  })

  test('a folder whose name is too long for a socket', async () => {
    const store = await open(await folder('a'.repeat(100)))
    expect(await store.redis.ping()).toBe('PONG')
  })

  test('left alone it ends by itself', async () => {
    const dir = await folder()
    const store = await openStore({ dir, log: silentLog, idleMs: 1_000 })
    const pid = await pidOf(store)
    // the embedded store is one server
    ;(store.redis as Redis).options.retryStrategy = () => null
    // as after a kill -9 of the bot: the connection is gone, nobody stops the server
    store.redis.disconnect()
    await expect.poll(() => alive(pid), { timeout: 15_000, interval: 50 }).toBe(false)
  })
})

describe('a given server', () => {
  test('one that may lose data is complained about, or refused', async () => {
    const dir = await folder()
    const own = await open(dir)
    const url = `unix://${path.join(dir, 'redis.sock')}`
    await own.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const said: unknown[] = []
    const log: Log = { ...silentLog, warn: (what: unknown) => void said.push(what) }
    await open(dir, { url, log })
    expect(JSON.stringify(said)).toContain('allkeys-lru')
    await expect(openStore({ dir, url, log: silentLog, unsafe: 'throw' })).rejects.toMatchObject({
      code: 'STORE-UNSAFE',
    })
    await own.redis.config('SET', 'maxmemory-policy', 'noeviction')
  })

  test('one that is not there', async () => {
    const url = 'unix:///nonexistent/redis.sock'
    await expect(openStore({ dir: '.', url, log: silentLog, signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      code: 'STORE-UNREACHABLE',
    })
  })
})

describe('the inbox', () => {
  test('each event once, each room in its own order, nothing goes before it is finished', async () => {
    const store = await open(await folder())
    const item = (event: string, room = 'ops') => ({ event, room, json: JSON.stringify({ event }) })
    expect(await accept(store, item('e1'))).toBe('new')
    expect(await accept(store, item('e2'))).toBe('new')
    expect(await accept(store, item('e1'))).toBe('again')
    expect(await accept(store, item('e3', 'p10'))).toBe('new')
    expect(await nextOf(store, 'ops')).toEqual(item('e1'))
    expect(await nextOf(store, 'ops')).toEqual(item('e1'))
    await finish(store, item('e1'))
    await finish(store, item('e1'))
    expect((await nextOf(store, 'ops'))?.event).toBe('e2')
    await finish(store, item('e2'))
    expect(await nextOf(store, 'ops')).toBeUndefined()
    expect((await nextOf(store, 'p10'))?.event).toBe('e3')
    expect(await accept(store, item('e1'))).toBe('again')
  })
})
