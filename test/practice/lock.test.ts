import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { dropLock, takeLock } from '../../src/practice/lock.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it('is held by one while that one lives, and free when given back', () => {
  const path = join(dir, 'lock')
  expect([takeLock(path), takeLock(path)]).toEqual([true, false])
  dropLock(path)
  expect(takeLock(path)).toBe(true)
})

it.each([
  ['a process that is gone', '2147483646 1'],
  ['a process that has the pid of this one, but is older', `${process.pid} 1`],
  ['nobody', ''],
])('is taken from %s, and nothing is left beside it', (_who, holder) => {
  const path = join(dir, 'lock')
  writeFileSync(path, holder)
  expect(takeLock(path)).toBe(true)
  expect(takeLock(path)).toBe(false)
  expect(readdirSync(dir)).toEqual(['lock'])
})

it('is not given back by who does not hold it', () => {
  const path = join(dir, 'lock')
  writeFileSync(path, '1 1')
  dropLock(path)
  expect(readdirSync(dir)).toEqual(['lock'])
})
