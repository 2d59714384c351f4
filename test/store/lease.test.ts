import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLease } from '../../src/store/lease.ts'
import { matrixState } from '../../src/store/matrix-state.ts'
import { until } from '../lab/process.ts'
import { tempStore } from '../jobs/toy.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
afterAll(() => temp.stop())
const free = (lease: ReturnType<typeof openLease>) =>
  until('the lease is free', 10_000, async () => ((await lease.take()) === 0 ? true : undefined))

test('one at a time, and each turn has a higher number', async () => {
  const [a, b] = [openLease(temp.store, 'x'), openLease(temp.store, 'x')]
  const answers = await Promise.all([a.take(), b.take()])
  expect(answers.filter((leftMs) => leftMs === 0)).toHaveLength(1)
  const [mine, other] = answers[0] === 0 ? [a, b] : [b, a]
  expect([mine.isOurs(), other.isOurs()]).toEqual([true, false])
  expect(Math.max(...answers)).toBeGreaterThan(4_000)
  expect(Math.max(...answers)).toBeLessThanOrEqual(5_000)
  await mine.release()
  expect(mine.isOurs()).toBe(false)
  expect(await other.take()).toBe(0)
  expect(other.turn()).toBeGreaterThan(mine.turn())
  expect(await mine.renew()).toBe(false)
  expect(await other.renew()).toBe(true)
  // one that was before lets nobody in
  await mine.release()
  expect(await mine.take()).toBeGreaterThan(0)
})

test('one that ran out goes on when nobody took it, and is over when somebody did', async () => {
  const [a, b] = [openLease(temp.store, 'y', 600), openLease(temp.store, 'y', 600)]
  expect(await a.take()).toBe(0)
  await until('it ran out', 10_000, () => (a.isOurs() ? undefined : true))
  expect(await a.renew()).toBe(true)
  expect(a.isOurs()).toBe(true)
  await free(b)
  expect(a.isOurs()).toBe(false)
  expect(await a.renew()).toBe(false)
  expect(a.isOurs()).toBe(false)
})

test('what an earlier holder saves late is refused; it can read', async () => {
  const [a, b] = [openLease(temp.store, 'matrix', 600), openLease(temp.store, 'matrix', 600)]
  const [old, now] = [matrixState(temp.store, a), matrixState(temp.store, b)]
  await expect(old.save('token', 's0')).rejects.toThrow(/CHAT-ELSEWHERE/)
  expect(await a.take()).toBe(0)
  await old.save('token', 's1')
  await free(b)
  await now.save('token', 's2')
  await expect(old.save('token', 's1')).rejects.toThrow(/CHAT-ELSEWHERE/)
  await expect(old.save('reaction/$1', '{}')).rejects.toThrow(/CHAT-ELSEWHERE/)
  expect(await old.load('token')).toBe('s2')
  expect(await old.load('reaction/$1')).toBeUndefined()
  await now.save('reaction/$1', '{"on":"x"}')
  expect(await old.load('reaction/$1')).toBe('{"on":"x"}')
})
