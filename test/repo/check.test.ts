import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..')
const copy = mkdtempSync(join(tmpdir(), 'sluice-check-'))
for (const name of ['src', 'scripts', '.oxlintrc.json', 'package.json', 'tsconfig.json'])
  cpSync(join(root, name), join(copy, name), { recursive: true })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
afterAll(() => rmSync(copy, { recursive: true }))

/** `make check` on the copy, narrowed to the checks whose name holds a word. */
function check(word: string): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/check.ts', '--root', copy, word], {
    cwd: copy,
    encoding: 'utf8',
  })
  return { code: status, said: stdout + stderr }
}

test('an import from steps to bot makes it fail', () => {
  const complaint = 'steps must not import from bot (bot/chat.ts)'
  writeFileSync(join(copy, 'src/steps/planted.ts'), "export type { Chat } from '../bot/chat.ts'\n")
  const { code, said } = check('import table')
  expect(said.split('\n').filter((line) => line.includes('src/steps/planted.ts'))).toContainEqual(
    expect.stringContaining(complaint),
  )
  expect(code).toBe(1)
}, 120_000)

test('a command file missing from the list makes it fail', () => {
  const complaint = 'src/commands/planted.ts defines "ping node"'
  expect(check('list of commands')).toMatchObject({ code: 0 })
  writeFileSync(join(copy, 'src/commands/planted.ts'), "export const planted = { kind: 'answer', name: 'ping node' }\n")
  const { code, said } = check('list of commands')
  expect(said).toContain(complaint)
  expect(code).toBe(1)
})

test('a listed command without a file makes it fail', () => {
  const index = join(copy, 'src/commands/index.ts')
  appendFileSync(index, "\nexport const nowhere = { kind: 'answer', name: 'from nowhere' }\n")
  const { code, said } = check('list of commands')
  expect(said).toContain('lists "from nowhere"')
  expect(code).toBe(1)
})
