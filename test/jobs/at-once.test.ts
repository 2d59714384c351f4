import { Queue, QueueEvents } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openAtOnce } from '../../src/jobs/at-once.ts'
import { LIMITS } from '../../src/jobs/deps.ts'
import { keyedId, keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { latch, SHORT } from './toy.ts'

const { store, start } = engines()
const nothing = () => Promise.resolve()
const KEY = 'place/slack:C1'

/** An engine whose outbox does `work`; `held`: what Redis knows of the key whenever it is worked off. */
async function outboxDoing(work: (key: string, signal: AbortSignal) => Promise<void>, limits = {}) {
  const held: string[] = []
  const outbox = async (key: string, signal: AbortSignal): Promise<void> => {
    const known = await Promise.all([
      store().redis.exists(keys.begun('outbox', key)),
      store().redis.exists(keys.keyedJob('outbox', key)),
    ])
    held.push(`${key} ${known[0] === 1 ? 'begun' : ''}${known[1] === 1 ? 'queued' : ''}`)
    await work(key, signal)
  }
  const engine = await start({ processors: { inbox: nothing, outbox }, limits })
  const idle = () => expect.poll(async () => (await engine.idle()).idle).toBe(true)
  return { engine, held, idle }
}
/** What the queue of the outbox is given and has done from now on. */
async function outboxEvents() {
  const events = new QueueEvents('outbox', { connection: store().blocking(), prefix: '{sluice}' })
  await events.waitUntilReady()
  const seen = { added: 0, completed: 0 }
  events.on('added', () => void seen.added++)
  events.on('completed', () => void seen.completed++)
  return { seen, close: () => events.close() }
}
const isFree = () => expect.poll(() => store().redis.exists(keys.begun('outbox', KEY))).toBe(0)

describe('a key that nobody has is begun where it was woken', () => {
  test('without its queue, and nothing stays behind', async () => {
    const { engine, held, idle } = await outboxDoing(nothing)
    await engine.wake('outbox', KEY)
    await idle()
    expect(held).toEqual([`${KEY} begun`])
    await isFree()
    expect(await store().redis.hlen(keys.due('outbox'))).toBe(0)
  })

  test('what is marked meanwhile is worked off once more, by the same one', async () => {
    const hold = latch()
    const begun = latch()
    const { engine, held, idle } = await outboxDoing(() => (begun.open(), hold.opened))
    await engine.wake('outbox', KEY)
    await begun.opened
    await engine.wake('outbox', KEY)
    await engine.wake('outbox', KEY)
    hold.open()
    await idle()
    expect(held).toEqual([`${KEY} begun`, `${KEY} begun`])
  })

  test('the queue works off what is more than its limit', async () => {
    const hold = latch()
    const { engine, held, idle } = await outboxDoing(() => hold.opened, { atOnce: 1 })
    await engine.wake('outbox', KEY)
    await engine.wake('outbox', 'job/1')
    await expect.poll(() => held.length).toBe(2)
    hold.open()
    await idle()
    expect(held).toEqual([`${KEY} begun`, 'job/1 queued'])
  })

  test('what failed goes to the queue, after the pause it asked for', async () => {
    let fails = true
    const { engine, held, idle } = await outboxDoing(async () => {
      if (fails) throw Object.assign(new Error('slow down'), { retryAfterMs: 600_000 })
    })
    const queue = new Queue('outbox', { connection: store().redis, prefix: '{sluice}' })
    await engine.wake('outbox', KEY)
    await expect.poll(() => queue.getDelayedCount()).toBe(1)
    await isFree()
    await engine.wake('outbox', KEY)
    expect(held, 'pausing, and not woken for now').toEqual([`${KEY} begun`])
    fails = false
    await engine.wake('outbox', KEY, true)
    await idle()
    expect(held).toEqual([`${KEY} begun`, `${KEY} queued`])
    await queue.close()
  })

  test('while it is under way neither sweep nor another engine touches it, however long it takes', async () => {
    const hold = latch()
    const begun = latch()
    const { engine, held, idle } = await outboxDoing(() => (begun.open(), hold.opened), { lockMs: 150, sweepMs: 20 })
    const other = await start({ processors: { inbox: nothing, outbox: nothing } })
    await engine.wake('outbox', KEY)
    await begun.opened
    const { seen, close } = await outboxEvents()
    const expiries = async () => store().redis.pttl(keys.begun('outbox', KEY))
    // renewed again and again: its time to live grows where it only could fall
    for (let renewals = 0, before = await expiries(); renewals < 5; ) {
      const now = await expiries()
      if (now > before) renewals++
      before = now
    }
    await other.wake('outbox', KEY)
    const { added } = seen
    hold.open()
    await idle()
    expect(added).toBe(0)
    expect(held).toEqual([`${KEY} begun`, `${KEY} begun`])
    await close()
  })

  test('one that died leaves it to the sweep, when its lease has run out', async () => {
    await store().redis.set(keys.begun('outbox', KEY), 'of a process that is gone', 'PX', 300)
    const { engine, held, idle } = await outboxDoing(nothing, { sweepMs: 20 })
    await engine.wake('outbox', KEY)
    expect(await store().redis.hexists(keys.due('outbox'), KEY)).toBe(1)
    await idle()
    expect(held).toEqual([`${KEY} queued`])
  })

  test('one that lost its lease is told so, and takes the other’s lease away from nobody', async () => {
    const begun = latch()
    let told = false
    const { engine, held } = await outboxDoing(
      (_key, signal) =>
        new Promise((resolve) => {
          begun.open()
          signal.addEventListener('abort', () => ((told = true), resolve()))
        }),
      { lockMs: 150 },
    )
    await engine.wake('outbox', KEY)
    await begun.opened
    await store().redis.set(keys.begun('outbox', KEY), 'another')
    await expect.poll(() => told).toBe(true)
    await engine.stop()
    expect(await store().redis.get(keys.begun('outbox', KEY))).toBe('another')
    expect(held).toEqual([`${KEY} begun`])
  })

  test('a worker that gets a key somebody has begun leaves it alone; the sweep brings it back when that one is gone', async () => {
    const { seen, close } = await outboxEvents()
    const { held, idle } = await outboxDoing(nothing, { sweepMs: 20 })
    const queue = new Queue('outbox', { connection: store().redis, prefix: '{sluice}' })
    await store().redis.set(keys.begun('outbox', KEY), 'another')
    await store().redis.hincrby(keys.due('outbox'), KEY, 1)
    await queue.add('outbox', { key: KEY }, { jobId: keyedId(KEY), removeOnComplete: true })
    await expect.poll(() => seen.completed).toBe(1)
    expect(held).toEqual([])
    await store().redis.del(keys.begun('outbox', KEY))
    await idle()
    expect(held).toEqual([`${KEY} queued`])
    await Promise.all([queue.close(), close()])
  })

  test('what is marked after the last look goes to the queue, and nothing else does', async () => {
    const queued: string[] = []
    const redis = store().redis
    const atOnce = openAtOnce(
      { store: store(), log: silentLog, limits: LIMITS, isHere: () => true, queueOf: (name) => name },
      async (name, key) => {
        await redis.hdel(keys.due(name), key)
        if (key === KEY) await redis.hincrby(keys.due(name), key, 1)
      },
      async (name, key, error) => void queued.push(`${name} ${key} ${error === undefined ? 'now' : 'after a pause'}`),
    )
    expect(await atOnce.begin('outbox', KEY, true)).toBe(true)
    expect(await atOnce.begin('outbox', 'job/1', true)).toBe(true)
    await atOnce.ended()
    expect(queued).toEqual([`outbox ${KEY} now`])
  })

  test('what became another replica’s while Redis was asked is left to that one', async () => {
    const handled: string[] = []
    const outbox = async (key: string): Promise<void> => void handled.push(key)
    const engine = await start({ processors: { inbox: nothing, outbox }, isAlone: () => true })
    await engine.alone(true)
    const woken = engine.wake('outbox', KEY)
    await engine.alone(false)
    await woken
    await isFree()
    expect(handled).toEqual([])
    await engine.alone(true)
    await expect.poll(() => handled).toEqual([KEY])
  })

  test('a stop waits for it', async () => {
    const hold = latch()
    const begun = latch()
    let hasEnded = false
    const { engine } = await outboxDoing(async () => {
      begun.open()
      await hold.opened
      // longer than closing the workers takes
      for (let i = 0; i < 300; i++) await store().redis.ping()
      hasEnded = true
    })
    await engine.wake('outbox', KEY)
    await begun.opened
    const stopped = engine.stop()
    hold.open()
    await stopped
    expect(hasEnded).toBe(true)
  })

  test('a stop does not wait for ever for what hangs; it stays marked for others', async () => {
    const begun = latch()
    const { engine } = await outboxDoing(() => (begun.open(), new Promise<never>(() => {})), { stopMs: 100 })
    await engine.wake('outbox', KEY)
    await begun.opened
    await engine.stop()
    expect(await store().redis.hexists(keys.due('outbox'), KEY)).toBe(1)
  })

  test('what hangs in a worker of the queue when its process ends is taken up by another', async () => {
    const begun = latch()
    const hangs = () => (begun.open(), new Promise<never>(() => {}))
    const { engine } = await outboxDoing(hangs, { ...SHORT, stopMs: 100, atOnce: 0 })
    await engine.wake('outbox', KEY)
    await begun.opened
    const { held } = await outboxDoing(nothing, SHORT)
    await engine.stop()
    await expect.poll(() => held, { timeout: 15_000 }).toEqual([`${KEY} queued`])
  })
})
