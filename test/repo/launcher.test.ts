import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
afterAll(() => rmSync(home, { recursive: true }))

/** A folder with a program `node` that only knows its version. */
function fakeNode(version: string): string {
  const folder = join(home, version)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'node'),
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\necho "node ${version} runs $*"\n`,
  )
  chmodSync(join(folder, 'node'), 0o755)
  return folder
}

function run(
  program: string,
  args: readonly string[],
  path: string,
  cache: string,
): { code: number | null; said: string } {
  const env = { PATH: `${path}:/usr/bin:/bin`, HOME: home, XDG_CACHE_HOME: join(home, cache) }
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' })
  return { code: status, said: stdout + stderr }
}

const nodeSh = join(root, 'scripts', 'node.sh')

test.each(['v24.12.0', 'v24.21.0', 'v26.0.0'])('a machine with Node %s is good enough', (version) => {
  const folder = fakeNode(version)
  expect(run('sh', [nodeSh], folder, version)).toEqual({ code: 0, said: `${join(folder, 'node')}\n` })
})

test.each(['v20.20.2', 'v24.11.9', 'v9.0.0'])('a machine with Node %s only is told what to run', (version) => {
  const { code, said } = run('sh', [nodeSh], fakeNode(version), version)
  expect(code).toBe(1)
  expect(said).toContain('make setup')
})

test('the launcher runs src/cli/main.ts through a chain of links', () => {
  const folder = fakeNode('v24.13.0')
  const [first, second] = [join(home, 'first'), join(home, 'second')]
  symlinkSync(join(root, 'bin', 'sluice'), first)
  symlinkSync('first', second)
  const { code, said } = run(second, ['help'], folder, 'links')
  expect(code).toBe(0)
  expect(said).toMatch(/^node v24\.13\.0 runs (--\S+ )*\S*\/src\/cli\/main\.ts help\n$/)
})

test('a Node that has gone since it was chosen is looked for again', () => {
  const [gone, here] = [fakeNode('v24.14.0'), fakeNode('v24.15.0')]
  run('sh', [nodeSh], gone, 'gone')
  rmSync(gone, { recursive: true })
  expect(run(join(root, 'bin', 'sluice'), [], here, 'gone').said).toContain('node v24.15.0 runs')
})
