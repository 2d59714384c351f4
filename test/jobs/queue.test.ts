import { Queue, QueueEvents, Worker } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { openJournal } from '../../src/jobs/journal.ts'
import { pauseAfter } from '../../src/jobs/queue.ts'
import { accept, finish, nextOf } from '../../src/store/inbox.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { asked, change, engineOn, latch, SHORT, toyStep, until } from './toy.ts'

const { store, start } = engines()

describe('the keyed queues of the bot', () => {
  test('a room is handled by one worker at a time, in order, over two replicas; what comes meanwhile is handled too', async () => {
    const handled: string[] = []
    let at = 0
    let most = 0
    const inbox = async (room: string): Promise<void> => {
      most = Math.max(most, ++at)
      for (let item = await nextOf(store(), room); item !== undefined; item = await nextOf(store(), room)) {
        handled.push(item.event)
        await finish(store(), item)
      }
      at--
    }
    const processors = { inbox, outbox: () => Promise.resolve() }
    const all = [await start({ processors }), await start({ processors })]
    const events = Array.from({ length: 40 }, (_, i) => `e${i}`)
    for (const [i, event] of events.entries()) {
      await accept(store(), { event, room: 'ops', json: '{}' })
      void all[i % 2]?.wake('inbox', 'ops')
    }
    await expect.poll(() => handled.length).toBe(events.length)
    expect(handled).toEqual(events)
    expect(most).toBe(1)
    await expect.poll(async () => (await all[0]?.idle())?.idle).toBe(true)
  })

  test('an event that was accepted by a process that died before it woke anybody is handled', async () => {
    const handled: string[] = []
    const inbox = async (room: string): Promise<void> => {
      const item = await nextOf(store(), room)
      if (item === undefined) return
      handled.push(item.event)
      await finish(store(), item)
    }
    await accept(store(), { event: 'e1', room: 'ops', json: '{}' })
    await start({ processors: { inbox, outbox: () => Promise.resolve() } })
    await expect.poll(() => handled).toEqual(['e1'])
  })

  test('every job is drawn in its last state, and a throw is tried again', async () => {
    const drawn: string[] = []
    let fail = true
    const engine = await start({
      change: change([toyStep('a')]),
      processors: {
        inbox: () => Promise.resolve(),
        outbox: async (key) => {
          const state = (await engine.jobs.get(key.slice('job/'.length)))?.state ?? ''
          if (state === 'done' && fail) {
            fail = false
            throw Object.assign(new Error('slow down'), { retryAfterMs: 10 })
          }
          drawn.push(`${key} ${state}`)
        },
      },
    })
    const job = await engine.jobs.submit(asked())
    await until(engine.jobs, job, 'done')
    await expect.poll(() => drawn.at(-1)).toBe(`job/${job} done`)
    await expect.poll(async () => (await engine.idle()).idle).toBe(true)
  })

  test('a key that pauses as it wished is no failed attempt, and goes on at once when it is woken for now', async () => {
    const attempts: number[] = []
    const outbox = async (): Promise<void> => {
      const [id = ''] = await store().redis.keys('{sluice}:outbox:k-*:lock')
      attempts.push(Number((await store().redis.hget(id.replace(/:lock$/, ''), 'atm')) ?? 0))
      if (attempts.length < 3) throw Object.assign(new Error('not yet'), { retryAfterMs: 600_000 })
    }
    const engine = await start({ processors: { inbox: () => Promise.resolve(), outbox } })
    const queue = new Queue('outbox', { connection: store().redis, prefix: '{sluice}' })
    const pauses = () => expect.poll(() => queue.getDelayedCount()).toBe(1)
    await engine.wake('outbox', 'draw/1/slack:C1')
    await pauses()
    await engine.wake('outbox', 'draw/1/slack:C1', true)
    await expect.poll(() => attempts.length).toBe(2)
    await pauses()
    await engine.wake('outbox', 'draw/1/slack:C1')
    await pauses()
    expect(attempts.length, 'woken, but not for now').toBe(2)
    await engine.wake('outbox', 'draw/1/slack:C1', true)
    await expect.poll(async () => (await engine.idle()).idle).toBe(true)
    expect(attempts).toEqual([0, 0, 0])
    await queue.close()
  })

  test('a key that the queue hands out again after a stall waits for the one who is still at it', async () => {
    const begun = latch()
    const hold = latch()
    const seen: string[] = []
    let at = 0
    const outbox = async (key: string): Promise<void> => {
      seen.push(`${key} ${++at}`)
      begun.open()
      await hold.opened
      at--
    }
    const engine = await start({
      processors: { inbox: () => Promise.resolve(), outbox },
      limits: { ...SHORT, atOnce: 0 },
    })
    await engine.wake('outbox', 'job/1')
    await begun.opened
    const [lock = ''] = await store().redis.keys('{sluice}:outbox:k-*:lock')
    const queue = new Queue('outbox', { connection: store().redis, prefix: '{sluice}' })
    const events = new QueueEvents('outbox', { connection: store().blocking(), prefix: '{sluice}' })
    await events.waitUntilReady()
    const stalled = new Promise((resolve) => events.once('stalled', resolve))
    await store().redis.del(lock)
    await stalled
    await engine.wake('outbox', 'job/1')
    await expect.poll(() => queue.getActiveCount()).toBe(1)
    hold.open()
    await expect.poll(async () => (await engine.idle()).idle).toBe(true)
    expect(seen).toEqual(['job/1 1', 'job/1 1'])
    await events.close()
    await queue.close()
  })

  test('pauses between attempts: the platform’s wish, else growing to 30 s', () => {
    expect(pauseAfter(1, { retryAfterMs: 1234 })).toBe(1234)
    const longest = { 1: 250, 2: 500, 3: 1000, 20: 30_000 }
    for (const [n, ms] of Object.entries(longest)) {
      const pauseMs = pauseAfter(Number(n), new Error('x'))
      expect(pauseMs).toBeLessThanOrEqual(ms)
      expect(pauseMs).toBeGreaterThanOrEqual(ms / 2)
    }
  })
})

describe('the journal', () => {
  test('it writes only with BullMQ’s lock, under the name BullMQ gives it', async () => {
    const seen = latch()
    const hold = latch()
    const connection = store().blocking()
    const queue = new Queue('work', { connection: store().redis, prefix: '{sluice}' })
    const worker = new Worker(
      'work',
      async (job, token) => {
        const fence = { key: keys.workLock(job.id ?? ''), token: token ?? '' }
        const journal = await openJournal({ redis: store().redis, job: '7', fence })
        await journal.write([{ step: 'a', key: '', kind: 'intent' }])
        seen.open()
        await hold.opened
      },
      { connection, prefix: '{sluice}', lockDuration: 5_000 },
    )
    await queue.add('run', {}, { jobId: 'job-7-1' })
    await seen.opened
    expect(await store().redis.hlen(keys.journal('7'))).toBe(1)
    const late = await openJournal({
      redis: store().redis,
      job: '7',
      fence: { key: keys.workLock('job-7-1'), token: 'another' },
    })
    await expect(late.write([{ step: 'a', key: '', kind: 'evidence' }])).rejects.toMatchObject({ code: 'JOB-LOST' })
    await expect(late.check()).rejects.toMatchObject({ code: 'JOB-LOST' })
    expect(await store().redis.hlen(keys.journal('7'))).toBe(1)
    hold.open()
    await worker.close()
    await queue.close()
  })

  test('what is written at once is one write', async () => {
    await store().redis.set(keys.workLock('x'), 't')
    const writes: string[] = []
    const journal = await openJournal({
      redis: store().redis,
      job: '8',
      fence: { key: keys.workLock('x'), token: 't' },
      onJournalWrite: (when) => void writes.push(when),
    })
    const steps = journal.of('evict')
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => steps.intent([{ key: `pod-${i}`, data: { uid: `u${i}` } }])),
    )
    expect(writes).toEqual(['before', 'after'])
    expect((await steps.read()).get('pod-99')).toEqual({ intent: { uid: 'u99' } })
  })
})

describe('stop', () => {
  test('a running job is handed over at its next safe point and goes on elsewhere, without an effect twice', async () => {
    const begun = latch()
    const effects: string[] = []
    const step = toyStep('b', {
      done: async () => (effects.includes('b') ? { kind: 'evidence', text: 'b' } : undefined),
      run: async ({ signal, job }) => {
        begun.open()
        if (job.attempt === 1) await new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason)))
        effects.push('b')
        return { kind: 'evidence', text: 'b' }
      },
    })
    const first = engineOn({
      store: store(),
      change: change([
        toyStep('a', { run: async () => ({ kind: 'evidence', text: String(effects.push('a')) }) }),
        step,
      ]),
    })
    await first.start()
    const job = await first.jobs.submit(asked())
    await begun.opened
    await first.stop()
    expect((await first.jobs.get(job))?.state).toBe('running')
    const second = await start({ change: change([toyStep('a'), step]) })
    await until(second.jobs, job, 'done', 'failed')
    expect(effects).toEqual(['a', 'b'])
  })
})
