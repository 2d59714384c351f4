import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf, headText, type Head, keepWords, START, wordsDigest } from '../../src/jobs/audit-chain.ts'
import { baseOf, pages } from '../../src/jobs/audit-log.ts'
import { OPEN } from '../../src/jobs/restored.ts'
import { silentLog } from '../../src/log.ts'
import { backupParts, type Part } from '../../src/store/backup.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import { restoreParts } from '../../src/store/restore.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, needs, toyStep, until } from '../jobs/toy.ts'

/** As many pods as a busy node has: findings of the plan, and sub-entries of the journal. */
const PODS = Array.from({ length: 30 }, (_, i) => `acme/web-6d4cf56db6-${i}`)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const EVENT = 'event-of-the-request'
const VOTE = 'event-of-the-vote'
const TEXT = 'pls drain server23 on p10, it smokes'

/** A job as a drain leaves it, once through the real engine: what is in the store of it, and its entries of the log. */
type Template = { readonly parts: readonly Part[]; readonly entries: readonly Readonly<Record<string, unknown>>[] }

const drain = change([
  toyStep('cordon'),
  toyStep('evict', {
    preview: async () =>
      PODS.map((pod) => ({
        key: `evict/${pod}`,
        object: pod,
        verdict: 'do',
        reason: 'evicted, under budget web',
        topic: 'pods',
      })),
    run: async ({ journal }) => {
      await journal.intent(PODS.map((key) => ({ key })))
      await journal.evidence(PODS.map((key) => ({ key, data: { text: 'gone' } })))
      return { kind: 'evidence', text: `${PODS.length} pods evicted` }
    },
  }),
])

async function template(): Promise<Template> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const store = await openStore({ dir, log: silentLog })
  const engine = engineOn({ store, change: drain, decide: () => needs() })
  try {
    await engine.start()
    const { jobs } = engine
    const job = await jobs.submit(asked({ event: EVENT, text: TEXT, message: EVENT, ticket: '1234', atMs: Date.now() }))
    await until(jobs, job, 'waiting')
    await jobs.vote({ job, choice: 'approve', person: 'fran', event: VOTE, atMs: Date.now() })
    await until(jobs, job, 'done')
    const parts: Part[] = []
    const mine = [keys.job(job), keys.journal(job), keys.submitted(EVENT), keys.askedBy(EVENT), keys.answered(VOTE)]
    for await (const part of backupParts(store.redis, OPEN, Date.now))
      if (mine.includes(part.key) && parts.every(({ key }) => key !== part.key)) parts.push(part)
    const entries: Template['entries'][number][] = []
    // the log's own JSON
    for await (const page of pages(store.redis, await baseOf(store.redis)))
      for (const { entry } of page) entries.push(JSON.parse(entry) as Readonly<Record<string, unknown>>)
    return { parts, entries }
  } finally {
    await engine.stop()
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The template's job under another number. */
function renumbered(text: string, job: string): string {
  return text
    .replace(/^(\{sluice\}:(?:job|journal):)1$/, `$1${job}`)
    .replaceAll('"job":"1"', `"job":"${job}"`)
    .replaceAll(EVENT, `r${job}`)
    .replaceAll(VOTE, `v${job}`)
}
const copy = ({ key, rows, ...rest }: Part, job: string): Part => ({
  ...rest,
  key: renumbered(key, job),
  rows: rows.map((row) =>
    row.map((value) => (/^(submitted|asked-by):/.test(key.slice('{sluice}:'.length)) ? job : renumbered(value, job))),
  ),
})

/** Links of one job on top of the head, with the words beside them. */
function links(
  { entries }: Template,
  job: string,
  atMs: number,
  from: Head,
): { readonly parts: readonly Part[]; readonly head: Head } {
  let head = from
  const rows: string[][] = []
  const words: string[][] = []
  for (const entry of entries) {
    const said = entry['words'] === undefined ? undefined : keepWords({ by: 'nico', text: TEXT })
    const n = head.n + 1
    const text = JSON.stringify({
      ...entry,
      n,
      prev: head.hash,
      job,
      atMs,
      ...(said === undefined ? {} : { words: { by: said.by, digest: wordsDigest(said) } }),
    })
    head = { n, hash: digestOf(text) }
    rows.push([`${n}-1`, 'entry', text, 'hash', head.hash])
    if (said !== undefined) words.push([String(n), JSON.stringify(said)])
  }
  return {
    head,
    parts: [
      { key: keys.audit, type: 'stream', rows, more: true },
      { key: keys.auditWords, type: 'hash', rows: words, more: true },
    ],
  }
}

/** So many entries stay in Redis by default. */
const LOG_ENTRIES = 100_000

/** `old` jobs of the year before last week, then `recent` ones of the last hours; all of them drains that are done. */
async function* manyJobs(of: Template, old: number, recent: number): AsyncGenerator<Part> {
  const nowMs = Date.now()
  const total = old + recent
  let head: Head = START
  for (let n = 1; n <= total; n++) {
    const job = String(n)
    const atMs =
      n <= old
        ? nowMs - 7 * DAY_MS - Math.round(((old - n) / old) * 350 * DAY_MS)
        : nowMs - ((total - n) * HOUR_MS) / recent
    for (const part of of.parts) yield copy(part, job)
    yield { key: keys.jobsIn('done'), type: 'zset', rows: [[job, job]], more: true }
    if ((total - n) * of.entries.length > LOG_ENTRIES) continue
    const { head: next, parts } = links(of, job, Math.round(atMs), head)
    head = next
    yield* parts
  }
  yield { key: keys.jobCount, type: 'string', rows: [[String(total)]] }
  yield { key: keys.auditHead, type: 'string', rows: [[headText(head)]] }
}

/** Makes seeders of stores: jobs that the engine ran once, and that were copied since. */
export async function oldJobs(): Promise<(store: Store, old: number, recent: number) => Promise<void>> {
  const of = await template()
  return (store, old, recent) => restoreParts(store.redis, manyJobs(of, old, recent), Date.now())
}
