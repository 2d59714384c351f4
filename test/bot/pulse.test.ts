import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { openPulse } from '../../src/bot/pulse.ts'

const LIMIT_MS = 50
const BEAT_MS = LIMIT_MS / 5
const JOB_LOST = expect.objectContaining({ code: 'JOB-LOST' })
const over: AbortController[] = []
afterEach(() => {
  for (const one of over.splice(0)) one.abort()
})
function pulse() {
  const stop = new AbortController()
  over.push(stop)
  const clock = { ms: 0 }
  return { clock, ...openPulse(LIMIT_MS, stop.signal, () => clock.ms) }
}

test('what was begun before this process stood still is not its own, though no timer has fired yet', () => {
  const { clock, begin } = pulse()
  const before = begin('sending')
  clock.ms += LIMIT_MS + 1
  expect(before).toThrow(JOB_LOST)
  const after = begin('sending')
  expect(before).toThrow(JOB_LOST)
  expect(after).not.toThrow()
})

test('nor after the timers that were due have set the clock anew', async () => {
  const { clock, begin } = pulse()
  const before = begin('sending')
  clock.ms += LIMIT_MS + 1
  await pause(3 * BEAT_MS)
  clock.ms += BEAT_MS
  expect(before).toThrow(JOB_LOST)
})

test('time that passes while it runs is no pause', async () => {
  const { clock, begin } = pulse()
  const mine = begin('sending')
  for (let i = 0; i < 4; i++) {
    clock.ms += LIMIT_MS / 2
    await pause(3 * BEAT_MS)
  }
  expect(mine).not.toThrow()
})
