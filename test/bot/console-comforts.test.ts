import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openHistory } from '../../src/cli/history.ts'
import { isPerson, wantsColours } from '../../src/cli/terminal.ts'
import { silentLog } from '../../src/log.ts'

const [tty, pipe] = [{ isTTY: true }, { isTTY: false }]

test.each([
  [{}, tty, true],
  [{}, pipe, false],
  [{ TERM: 'dumb' }, tty, false],
  [{ NO_COLOR: '1' }, tty, false],
  [{ NO_COLOR: '' }, tty, true],
  [{ FORCE_COLOR: '1' }, pipe, true],
  [{ FORCE_COLOR: '0' }, tty, false],
  [{ FORCE_COLOR: '' }, pipe, false],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, tty, false],
])('colours with %j on %j: %j', (env, output, wanted) => expect(wantsColours(env, output)).toBe(wanted))

test('a person sits at both ends of a terminal that can move its cursor', () => {
  expect(isPerson({}, tty, tty)).toBe(true)
  expect([isPerson({}, pipe, tty), isPerson({}, tty, pipe), isPerson({ TERM: 'dumb' }, tty, tty)]).toEqual([
    false,
    false,
    false,
  ])
})

test('lines are kept in the folder, newest first, for nobody else to read, and not for ever', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-history-'))
  try {
    openHistory(dir, silentLog).keep('one')
    openHistory(dir, silentLog).keep('two\nlines')
    expect(openHistory(dir, silentLog).history).toEqual(['two lines', 'one'])
    const file = join(dir, 'console-history')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    writeFileSync(file, Array.from({ length: 1_200 }, (_, i) => `line ${i}\n`).join(''))
    expect(openHistory(dir, silentLog).history).toHaveLength(500)
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(501)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
