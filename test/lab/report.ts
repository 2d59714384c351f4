import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** The end of `make test`: real servers with versions, tiers not run, and the sum as the very last line. */
export class Report implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const { used, missing } = readLedger()
    const out: string[] = ['']
    if (used.length > 0) out.push('Real servers used:')
    for (const { name, version, readyMs } of used)
      out.push(`  ${name.padEnd(16)} ${version.padEnd(32)} ready in ${readyMs} ms`)
    for (const { name, why } of missing) out.push(`!!! NOT RUN: the tests on a real ${name}: ${why}`)
    const { passed, failed, skipped } = count(modules, unhandled.length)
    out.push('', `${passed} passed, ${failed} failed, ${skipped} skipped`)
    process.stdout.write(`${out.join('\n')}\n`)
  }
}
