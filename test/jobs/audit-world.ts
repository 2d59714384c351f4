import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type AuditCheck, verifyAudit } from '../../src/jobs/audit.ts'
import { type AuditEntry, readEntry } from '../../src/jobs/audit-entry.ts'
import { openExport } from '../../src/jobs/audit-file.ts'
import { baseOf, type LogLine, pages } from '../../src/jobs/audit-log.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, needs, toyStep, until, word } from './toy.ts'

/** The audit log of a store, as it is and as somebody who may write into Redis would have it. Call it at the top of a test file. */
export type AuditWorld = {
  readonly all: () => Promise<LogLine[]>
  readonly entries: () => Promise<readonly AuditEntry[]>
  readonly verify: (files?: readonly string[]) => Promise<AuditCheck>
  /** Puts other entries there, in this order. */
  readonly forge: (lines: readonly Pick<LogLine, 'entry' | 'hash'>[]) => Promise<void>
  /** A new name in a folder that is gone after the tests. */
  readonly path: () => string
}

export function auditWorld(store: () => Store): AuditWorld {
  const home = mkdtempSync(join(tmpdir(), 'sluice-audit-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  let names = 0
  const all = async (): Promise<LogLine[]> => {
    const found: LogLine[] = []
    for await (const page of pages(store().redis, await baseOf(store().redis))) found.push(...page)
    return found
  }
  return {
    all,
    entries: async () => (await all()).map(({ entry, n }) => readEntry(entry, n)),
    verify: async (files = []) => verifyAudit(store().redis, await Promise.all(files.map(openExport))),
    forge: async (lines) => {
      await store().redis.del(keys.audit)
      for (const { entry, hash } of lines) await store().redis.xadd(keys.audit, '*', 'entry', entry, 'hash', hash)
    },
    path: () => join(home, String(++names)),
  }
}

/** One of them; it is there, or the test is wrong. */
export const at = <T>(list: readonly T[], i: number): T => {
  const found = list[i]
  if (found === undefined) throw new Error(`there is none at ${i}`)
  return found
}

export const changes = { change: change([toyStep('cordon'), toyStep('evict')]), decide: () => needs() }

/** A job of `changes` that nico asked for, fran let go, and that ran. */
export async function drained(jobs: Jobs, text = 'pls drain server23 on p10, it smokes'): Promise<string> {
  const job = await jobs.submit(asked({ text, args: { cluster: 'p10', reason: 'it smokes' }, ticket: '1234' }))
  await until(jobs, job, 'waiting')
  await jobs.vote({ job, choice: 'approve', reason: 'go on', ...word('fran') })
  await until(jobs, job, 'done', 'failed')
  return job
}
