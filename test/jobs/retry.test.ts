import { expect, test } from 'vitest'
import { type Code, ERRORS, isTransient, SluiceError } from '../../src/errors.ts'
import { again, backoffMs } from '../../src/retry.ts'

const error = (code: Code, pauseMs = 1) => new SluiceError(code, 'testing', { pauseMs })
/** Fails so many times, then answers with how often it was called. */
function flaky(failures: number, make: () => Error = () => error('K8S-UNREACHABLE')) {
  let calls = 0
  return async (): Promise<number> => {
    calls += 1
    if (calls <= failures) throw make()
    return calls
  }
}
const forEver = new AbortController().signal

test('what passes by itself is tried again; who watches is told what is waited for, and when it is over', async () => {
  const told: (string | undefined)[] = []
  const onTrouble = (e: SluiceError | undefined) => told.push(e?.code)
  expect(await again(flaky(3), { signal: forEver, onTrouble })).toBe(4)
  expect(told).toEqual(['K8S-UNREACHABLE', 'K8S-UNREACHABLE', 'K8S-UNREACHABLE', undefined])
  expect(await again(flaky(0), { signal: forEver, onTrouble })).toBe(1)
  expect(told).toHaveLength(4)
})

test('only these pass by themselves', () => {
  // Object.keys of a literal table
  const codes = (Object.keys(ERRORS) as Code[]).filter((code) => isTransient(error(code)))
  expect(codes).toEqual(['K8S-UNREACHABLE', 'K8S-BUSY', 'K8S-FAULT', 'K8S-TIMEOUT', 'CLUSTER-HELD', 'SSH-UNREACHABLE'])
})

test.each(['K8S-FORBIDDEN', 'K8S-NOT-FOUND', 'K8S-CONFLICT', 'K8S-ERROR', 'K8S-CREDENTIALS', 'DRAIN-EVICT'] as const)(
  '%s is an answer: asked once',
  async (code) => {
    const no = error(code)
    const work = flaky(1, () => no)
    await expect(again(work, { signal: forEver })).rejects.toBe(no)
    expect(await work()).toBe(2)
  },
)

test('a bug is not tried again', async () => {
  const bug = new TypeError('undefined is not a function')
  await expect(
    again(
      flaky(1, () => bug),
      { signal: forEver },
    ),
  ).rejects.toBe(bug)
})

test('a budget is shared, and ends it with the last error', async () => {
  const budget = { leftMs: 35 }
  const slow = () => flaky(2, () => error('K8S-BUSY', 10))
  expect(await again(slow(), { signal: forEver, budget })).toBe(3)
  expect(budget.leftMs).toBeLessThanOrEqual(15)
  await expect(again(slow(), { signal: forEver, budget })).rejects.toMatchObject({ code: 'K8S-BUSY' })
  expect(await again(flaky(0), { signal: forEver, budget })).toBe(1)
})

test('a pause that is longer than what is left is not begun', async () => {
  const asked = () => error('K8S-BUSY', 60_000)
  await expect(again(flaky(1, asked), { signal: forEver, limitMs: 59_000 })).rejects.toMatchObject({ code: 'K8S-BUSY' })
  await expect(again(flaky(1, asked), { signal: forEver, budget: { leftMs: 59_000 } })).rejects.toMatchObject({
    code: 'K8S-BUSY',
  })
})

test('the signal ends a pause, with its reason', async () => {
  const stop = new AbortController()
  const reason = new SluiceError('CANCELLED', 'testing')
  const onTrouble = () => setImmediate(() => stop.abort(reason))
  const work = flaky(1, () => error('K8S-BUSY', 60_000))
  await expect(again(work, { signal: stop.signal, onTrouble })).rejects.toBe(reason)
})

test('pauses double up to a limit, a random half of them off', () => {
  const all = Array.from({ length: 40 }, (_, n) => backoffMs(n, { firstMs: 100, longestMs: 5_000 }))
  all.forEach((ms, n) => {
    const whole = Math.min(5_000, 100 * 2 ** n)
    expect(ms).toBeGreaterThanOrEqual(whole / 2)
    expect(ms).toBeLessThanOrEqual(whole)
  })
  expect(new Set(all.slice(10)).size).toBeGreaterThan(20)
})
