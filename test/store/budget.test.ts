import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Asking, type Bucket, type Grant, probed, sendLimited, takeSend } from '../../src/store/budget.ts'
import { tempStore } from '../jobs/toy.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
beforeEach(() => temp.store.redis.flushall())
afterAll(() => temp.stop())

const START = 1_763_740_000_000
const room: Bucket = { name: 'room', rate: { burst: 3, everyMs: 1_000 } }
const synapse: Bucket = { name: 'matrix:all', rate: { burst: 10, everyMs: 5_000, learned: true } }
const ask = (bucket: Bucket | readonly Bucket[], atMs: number, more: Partial<Asking> = {}): Promise<Grant> =>
  takeSend(temp.store, [bucket].flat(), { who: 'a', rank: 0, keep: 0, ...more }, START + atMs)
const waits = async (...asked: Parameters<typeof ask>): Promise<number> => (await ask(...asked)).waitMs
const limit = (bucket: Bucket, retryAfterMs: number, atMs: number): Promise<void> =>
  sendLimited(temp.store, [bucket], retryAfterMs, START + atMs)
const hour = 3_600_000

/** Sends that a bucket let through: never more than the burst and what has come since, in any window. */
function keepsTo(burst: number, everyMs: number, atMs: readonly number[]): void {
  for (const [i, from] of atMs.entries())
    for (const [j, to] of atMs.entries())
      if (j >= i) expect(j - i + 1, `from ${from} to ${to}`).toBeLessThanOrEqual(burst + (to - from) / everyMs)
}

const step = fc.record({
  gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 300, max: 20_000 })),
  who: fc.constantFrom('a', 'b', 'c', 'd'),
  rank: fc.integer({ min: 0, max: 3 }),
  keep: fc.integer({ min: 0, max: 12 }),
  refused: fc.integer({ min: 0, max: 9 }),
})
const steps = fc.array(step, { minLength: 1, maxLength: 60 })

describe('a bucket', () => {
  test('lets never more through than its burst and one per interval, whoever asks and when', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4_000 }),
        async (all, burst, everyMs) => {
          await temp.store.redis.flushall()
          let at = 0
          const through: number[] = []
          for (const { gapMs, ...asking } of all) {
            at += gapMs
            if ((await waits({ name: 'x', rate: { burst, everyMs } }, at, asking)) === 0) through.push(at)
          }
          keepsTo(burst, everyMs, through)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('that was asked to wait lets nothing through before that has passed, and then keeps to its pace', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await temp.store.redis.flushall()
        let [at, closedUntil] = [0, 0]
        let through: number[] = []
        for (const { gapMs, refused, ...asking } of all) {
          at += gapMs
          if ((await waits(synapse, at, asking)) > 0) continue
          expect(at).toBeGreaterThanOrEqual(closedUntil)
          if (refused > 1) through.push(at)
          else {
            await limit(synapse, 4_011, at)
            closedUntil = at + 4_011
            through = []
          }
        }
        if (closedUntil === 0) return
        for (const [i, to] of through.entries()) expect(i + 1).toBeLessThanOrEqual(1 + (to - closedUntil) / 5_000)
      }),
      { numRuns: 60 },
    )
  })

  test('goes on where it stood, whichever replica asks: its state is in the store', async () => {
    for (const who of ['a', 'b', 'c']) expect(await waits(room, 0, { who })).toBe(0)
    expect(await waits(room, 0)).toBe(1_000)
    expect(await waits(room, 999)).toBe(1)
    expect(await waits(room, 1_000)).toBe(0)
    expect(await waits(room, 1_000, { who: 'b' })).toBe(1_000)
  })

  test('goes by the clock of Redis when no time is given', async () => {
    const grants = [1, 2, 3, 4].map(() => takeSend(temp.store, [room], { who: 'a', rank: 0, keep: 0 }))
    const waited = (await Promise.all(grants)).map((g) => g.waitMs)
    expect(waited.slice(0, 3)).toEqual([0, 0, 0])
    expect(waited[3]).toBeGreaterThan(0)
  })

  test('takes out of all buckets or out of none', async () => {
    const account: Bucket = { name: 'all', rate: { burst: 1, everyMs: 10_000 } }
    expect(await waits([room, account], 0)).toBe(0)
    expect(await waits([room, account], 0)).toBe(5_000)
    expect(await waits(room, 0)).toBe(0)
    expect(await waits(room, 0), 'the refused one had taken nothing').toBe(0)
    expect(await waits(room, 0)).toBeGreaterThan(0)
  })

  test('lets the more urgent go first, then who came first, and forgets who does not come back', async () => {
    for (let i = 0; i < 3; i++) await ask(room, 0)
    expect(await waits(room, 10, { who: 'card', rank: 2 })).toBe(990)
    expect(await waits(room, 20, { who: 'answer', rank: 1 })).toBe(980)
    expect(await waits(room, 30, { who: 'end', rank: 0 })).toBe(970)
    expect(await waits(room, 1_000, { who: 'card', rank: 2 })).toBe(2_000)
    expect(await waits(room, 1_000, { who: 'answer', rank: 1 })).toBe(1_000)
    expect(await waits(room, 1_000, { who: 'end', rank: 0 })).toBe(0)
    expect(await waits(room, 2_000, { who: 'card', rank: 2 })).toBe(1_000)
    expect(await waits(room, 60_000, { who: 'late', rank: 3 }), 'the others are gone').toBe(0)
  })

  test('keeps as much for others as it is told, but for the last one of a full bucket', async () => {
    expect(await waits(room, 0, { keep: 1 })).toBe(0)
    expect(await waits(room, 0, { keep: 1 })).toBe(0)
    expect(await waits(room, 0, { keep: 1 })).toBe(1_000)
    expect(await waits(room, 0)).toBe(0)
    expect(await waits(room, 4_000, { keep: 99 })).toBe(0)
  })

  test('without a rate it only knows that it was asked to wait', async () => {
    const free = { name: 'free' }
    for (let i = 0; i < 50; i++) expect(await waits(free, 0)).toBe(0)
    await limit(free, 2_500, 0)
    expect(await waits(free, 2_499)).toBe(1)
    expect(await waits(free, 2_500)).toBe(0)
  })
})

describe('a learned rate', () => {
  const spendBurst = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) expect(await ask(synapse, 0)).toEqual({ waitMs: 0 })
  }

  test('beyond it one send at a time tries whether the platform takes more; when it does, nobody waits for an hour', async () => {
    await spendBurst()
    for (const probe of ['step', 'step', 'proof'] as const) {
      expect(await ask(synapse, 0)).toEqual({ waitMs: 0, probe })
      expect(await waits(synapse, 10, { who: 'b', rank: 1 })).toBe(100)
      await probed(temp.store, [synapse], probe, START + 20)
    }
    for (let i = 0; i < 30; i++) expect(await ask(synapse, 30, { rank: 3, keep: 9 })).toEqual({ waitMs: 0 })
    expect((await ask(synapse, 30 + hour)).probe, 'it is tried anew').toBeUndefined()
  })

  test('a send that was taken late, when the platform had room again, proves nothing', async () => {
    await spendBurst()
    for (let at = 0; at < 60_000; at += 6_000) {
      const { probe } = await ask(synapse, at)
      expect(probe).not.toBe('proof')
      if (probe !== undefined) await probed(temp.store, [synapse], probe, START + at + 5_000)
    }
  })

  test('once the platform asks to wait it is kept to, and an hour later it is tried anew', async () => {
    await spendBurst()
    expect((await ask(synapse, 0)).probe).toBe('step')
    await limit(synapse, 4_000, 500)
    const through: number[] = []
    for (let at = 500; at < 40_000; at += 50) if ((await waits(synapse, at)) === 0) through.push(at)
    expect(through[0]).toBeGreaterThanOrEqual(4_500)
    keepsTo(1, 5_000, through)
    expect(through.length).toBe(8)
    await temp.store.redis.del('{sluice}:bucket-line:matrix:all')
    for (let i = 0; i < 10; i++) await ask(synapse, 500 + hour)
    expect(await ask(synapse, 500 + hour)).toEqual({ waitMs: 0, probe: 'step' })
  })

  test('a homeserver that asks for more than the default is believed', async () => {
    await limit(synapse, 20_000, 0)
    const through: number[] = []
    for (let at = 0; at < 90_000; at += 250) if ((await waits(synapse, at)) === 0) through.push(at)
    expect(through).toEqual([20_250, 40_250, 60_250, 80_250])
  })

  test('before anything is known, what should be kept for others goes at twice the pace', async () => {
    const card = (at: number) => waits(synapse, at, { rank: 2, keep: 7 })
    expect([await card(0), await card(0), await card(0), await card(0)]).toEqual([0, 0, 0, 0])
    expect(await card(10)).toBe(2_490)
    expect(await waits(synapse, 10, { who: 'end' }), 'the end of a job does not wait').toBe(0)
    expect(await card(2_500)).toBe(0)
  })
})
