import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import stringWidth from 'string-width'
import { afterEach, describe, expect, it } from 'vitest'
import { inTerminal, type Terminal } from '../lab/terminal.ts'
import { dataFolder } from './console-process.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const [UP, CTRL_C, CTRL_D] = ['\u001b[A', '\u0003', '\u0004']
const RULE = /^─+$/
const terminals: Terminal[] = []
const folders: { remove: () => void }[] = []
afterEach(async () => {
  for (const terminal of terminals.splice(0)) await terminal.stop()
  for (const folder of folders.splice(0)) folder.remove()
})

const folder = (): string => {
  const f = dataFolder()
  folders.push(f)
  return f.dir
}
async function open(dir: string, columns = 90, rows = 30): Promise<Terminal> {
  const terminal = await inTerminal(`${process.execPath} ${main} console --practice --data ${dir}`, { columns, rows })
  terminals.push(terminal)
  await terminal.sees(/^sluice>$/m)
  return terminal
}
/** What stands below the rule: cards that are not over, and the prompt. */
const below = (rows: readonly string[]): readonly string[] => {
  const rule = rows.findLastIndex((row) => RULE.test(row))
  return rule < 0 ? [] : rows.slice(rule + 1).filter((row) => row !== '')
}
/** What stands at the prompt now. */
const typed =
  (text: string) =>
  (rows: readonly string[]): boolean =>
    rows.findLast((row) => row !== '') === `sluice>${text === '' ? '' : ` ${text}`}`
const belowSays = (what: RegExp) => (rows: readonly string[]) => what.test(below(rows).join('\n'))

describe('the console in a terminal', { timeout: 240_000 }, () => {
  it('completes, asks, keeps the card in place while it runs, and lets it scroll away when it is done', async () => {
    const dir = folder()
    const t = await open(dir)
    t.type('dra\t')
    await t.sees(typed('drain'))
    t.type('server23 on p10 #1234\r')
    await t.sees(belowSays(/#1 drain server23 on p10\n⚠ waiting for people(.*\n)+· verify .*\nsluice>$/))
    await t.sees(/may it start\?(.*\n)*\[Approve\] \[Deny\]/)
    t.type('as fran: ✅ 1\r')
    await t.sees(belowSays(/✔ cordon server23.*\n▸ evict the pods/))
    await t.sees(/done in \d+/)
    await t.sees((rows) => below(rows).length === 0)
    const all = t.all()
    expect(all.filter((row) => row.startsWith('▸'))).toEqual([])
    expect(all.filter((row) => RULE.test(row))).toEqual([])
    expect(all.filter((row) => row.startsWith('✔ evict the pods of server23'))).toHaveLength(1)
    expect(all.filter((row) => row === 'sluice> drain server23 on p10 #1234')).toHaveLength(1)
    t.type(CTRL_D)
    expect(await t.ended()).toBe(0)
  })

  it('folds to 40 columns when it is made narrower, and says twice what goes on before it leaves', async () => {
    const dir = folder()
    const t = await open(dir)
    t.type('drain server23 on p10\r')
    await t.sees(belowSays(/waiting for people/))
    t.resize(40, 30)
    await t.sees((rows) => RULE.test(rows.find((row) => RULE.test(row)) ?? '') && below(rows).length > 2)
    t.type('list nodes p10\r')
    await t.sees(/^server86\n {2}STATUS Ready/m)
    await t.sees(belowSays(/^#1 drain server23 on p10\n/))
    expect(t.screen().every((row) => stringWidth(row) <= 40)).toBe(true)
    expect(t.screen().filter((row) => RULE.test(row))).toEqual(['─'.repeat(39)])
    t.type(CTRL_C)
    await t.sees(/Ctrl-C again, or Ctrl-D, leaves/)
    expect(t.screen().join('\n')).toMatch(/- #1 drain server23 on p10: waits for\n {2}people/)
    t.type(CTRL_C)
    expect(await t.ended()).toBe(0)
  })

  it('has the lines of the last start behind the key that goes up, and no secret', async () => {
    const dir = folder()
    const first = await open(dir)
    first.type('jobs\r')
    await first.sees(/^sluice> jobs\n/m)
    first.type('help token=abcdef0123456789\r')
    await first.sees(/^sluice> help token=/m)
    await first.sees(typed(''))
    first.type(UP)
    await first.sees(typed('jobs'))
    first.type(CTRL_C)
    await first.sees(typed(''))
    first.type(CTRL_D)
    expect(await first.ended()).toBe(0)
    expect(readFileSync(join(dir, 'console-history'), 'utf8')).toBe('jobs\n')
    const second = await open(dir)
    second.type(UP)
    await second.sees(typed('jobs'))
    second.type(`${CTRL_C}${CTRL_D}`)
    expect(await second.ended()).toBe(0)
  })
})
