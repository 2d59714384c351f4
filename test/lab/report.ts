import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'
import type { Ledger } from './broker.ts'

function readLedger(): Ledger {
  const file = join(process.env.SLUICE_LAB ?? '', 'ledger.json')
  if (!existsSync(file)) return { used: [], missing: [] }
  return JSON.parse(readFileSync(file, 'utf8')) as Ledger // written by broker.ts
}

type Sum = { passed: number; failed: number; skipped: number }

/** Counts tests; a file or suite that failed beside its tests counts as one failure more. */
export function count(modules: readonly TestModule[], unhandled: number): Sum {
  const sum: Sum = { passed: 0, failed: unhandled, skipped: 0 }
  for (const module of modules) {
    sum.failed += module.errors().length
    for (const suite of module.children.allSuites()) sum.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'pending') sum.failed += 1
      else sum[state] += 1
    }
  }
  return sum
}

const brief = (error: { readonly message: string } | undefined): string =>
  (error?.message ?? 'never ended').replace(/\s+/g, ' ').slice(0, 400)

/** One line for each thing that failed, short: whoever has only the end of a log still learns what it was. */
export function failures(modules: readonly TestModule[], unhandled: readonly { readonly message: string }[]): string[] {
  const lines = unhandled.map((error) => `FAILED outside any test: ${brief(error)}`)
  for (const module of modules) {
    const say = (name: string, error?: { readonly message: string }) =>
      lines.push(`FAILED ${module.relativeModuleId}${name}: ${brief(error)}`)
    for (const error of module.errors()) say('', error)
    for (const suite of module.children.allSuites())
      for (const error of suite.errors()) say(` > ${suite.fullName}`, error)
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result()
      if (state === 'failed' || state === 'pending') say(` > ${test.fullName}`, errors?.[0])
    }
  }
  return lines
}

/** The end of `make test`: real servers with versions, tiers not run, what failed, and the sum as the very last line. */
export class Report implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const { used, missing } = readLedger()
    const out: string[] = ['']
    if (used.length > 0) out.push('Real servers used:')
    for (const { name, version, readyMs } of used)
      out.push(`  ${name.padEnd(16)} ${version.padEnd(32)} ready in ${readyMs} ms`)
    for (const { name, why } of missing) out.push(`!!! NOT RUN: the tests on a real ${name}: ${why}`)
    out.push(...failures(modules, unhandled))
    const { passed, failed, skipped } = count(modules, unhandled.length)
    out.push('', `${passed} passed, ${failed} failed, ${skipped} skipped`)
    process.stdout.write(`${out.join('\n')}\n`)
  }
}
