import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'

/** A program of node_modules, or one of ours; a non-zero exit is a failure. */
type Check = { readonly name: string; readonly argv: readonly string[] }
type Outcome = { readonly check: Check; readonly failed: boolean; readonly output: string; readonly ms: number }

const SOURCES = ['src', 'test', 'scripts', 'vitest.config.ts']
const CHECKS: readonly Check[] = [
  { name: 'types', argv: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  {
    name: 'lint, import table',
    argv: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '-f', 'unix', ...SOURCES],
  },
  { name: 'format', argv: ['node_modules/@biomejs/biome/bin/biome', 'format', '--max-diagnostics=5'] },
  { name: 'dead code', argv: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'] },
  { name: 'list of commands', argv: ['scripts/check-commands.ts'] },
]

function run(root: string, check: Check): Promise<Outcome> {
  const began = performance.now()
  return new Promise((done) => {
    const child = spawn(process.execPath, check.argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
    child.on('close', (code) => done({ check, failed: code !== 0, output, ms: Math.round(performance.now() - began) }))
  })
}

function print({ check, failed, output, ms }: Outcome): void {
  console.log(`${failed ? 'FAILED' : 'ok    '} ${check.name.padEnd(20)} ${String(ms).padStart(6)} ms`)
  if (failed) console.log(output.trimEnd().replace(/^/gm, '       '))
}

// check.ts [--root DIR] [NAME...]: all checks, or those whose name holds one of the words.
const args = process.argv.slice(2)
const root = args[0] === '--root' ? resolve(args[1] ?? '.') : join(import.meta.dirname, '..')
const words = args[0] === '--root' ? args.slice(2) : args
const chosen = CHECKS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const outcomes: Outcome[] = []
for (const check of chosen) {
  const outcome = await run(root, check)
  print(outcome)
  outcomes.push(outcome)
}
process.exitCode = chosen.length > 0 && outcomes.every(({ failed }) => !failed) ? 0 : 1
