import { pastSpan } from '../commands/past.ts'
import { clockText } from '../duration.ts'
import { SluiceError } from '../errors.ts'
import { readWords } from '../jobs/audit-chain.ts'
import { type AuditEntry, readEntry } from '../jobs/audit-entry.ts'
import { openExport } from '../jobs/audit-file.ts'
import { baseOf, type Line, pages } from '../jobs/audit-log.ts'
import { plainTable } from '../message.ts'
import { type AuditOptions, files, withLog } from './audit.ts'

export type ShowOptions = AuditOptions & {
  readonly cluster?: string
  readonly person?: string
  readonly job?: string
  readonly since?: string
  readonly until?: string
  readonly json?: boolean
}
type Shown = AuditEntry & { readonly said: string | undefined }
type Wanted = { readonly fromMs: number; readonly toMs: number }

function timeOf(
  option: string,
  text: string | undefined,
  nowMs: number,
  zone: string,
): { fromMs: number; toMs?: number } | undefined {
  if (text === undefined) return undefined
  const span = pastSpan(text, nowMs, zone)
  if (span === undefined)
    throw new SluiceError('PARSE-ARGUMENT', `reading --${option}`, {
      text: `"${text}" is no time`,
      next: 'Say it like yesterday, monday, "2 days ago", 2026-11-20 or 2026-11-20T10:00.',
    })
  return span
}

/** What was typed, or that it was taken away. */
function saidOf(entry: AuditEntry, { words }: Line): string | undefined {
  if (entry.words === undefined) return undefined
  // whether it is what was said is the matter of `verify`
  return words === undefined ? '(taken away)' : (readWords(words)?.text ?? '(not readable)')
}

const has = ({ cluster, job, person }: ShowOptions, entry: AuditEntry): boolean =>
  (cluster === undefined || entry.cluster === cluster) &&
  (job === undefined || entry.job === job) &&
  (person === undefined ||
    [entry.by, entry.asker, entry.forgot?.person].includes(person) ||
    (entry.votes ?? []).some((vote) => vote.person === person))

/** What an entry says beyond who and when, in a line. */
function told(entry: Shown): string {
  const { decision, exported, forgot, outcome, plan, policy, said, sentence, steps, text, votes } = entry
  const digest = (hash: string): string => hash.slice(0, 'sha256:'.length + 12)
  return [
    ...(said === undefined ? [] : [JSON.stringify(said)]),
    ...(text === undefined ? [] : [text]),
    ...(sentence === undefined || said !== undefined ? [] : [sentence]),
    ...(plan === undefined ? [] : [`plan ${digest(plan)}`]),
    ...(decision === undefined
      ? []
      : [`${decision.kind} (${decision.rules.join('; ')}) by policy ${digest(policy ?? '')}`]),
    ...(votes === undefined ? [] : [`votes: ${votes.map((v) => `${v.person} ${v.choice}`).join(', ') || 'none'}`]),
    ...(steps ?? []).map((s) => `${s.id} ${s.mark}${s.evidence === undefined ? '' : ` ${digest(s.evidence)}`}`),
    ...(outcome === undefined ? [] : [outcome]),
    ...(forgot === undefined ? [] : [`${forgot.texts} texts of ${forgot.person}`]),
    ...(exported === undefined ? [] : [`up to entry ${exported.n} in ${exported.file}`]),
  ].join(' | ')
}

const row = (entry: Shown, zone: string, nowMs: number): readonly string[] => [
  String(entry.n),
  clockText(entry.atMs, zone, nowMs),
  entry.job ?? '-',
  entry.state ?? '-',
  entry.by ?? '-',
  entry.what,
  told(entry),
]

/** Entries of the files and of the log, each number once, oldest first. */
async function* all(
  options: ShowOptions,
  log: AsyncIterable<readonly Line[]>,
  from: number,
): AsyncGenerator<{ n: number; line: Line }> {
  const exported = await Promise.all((await files(options.with)).map(openExport))
  let done = 0
  for (const file of exported.toSorted((a, b) => a.from.n - b.from.n)) {
    let n = file.from.n
    for await (const line of file.lines()) if (++n > done) yield { n: (done = n), line }
  }
  let n = from
  for await (const page of log) for (const line of page) if (++n > done) yield { n, line }
}

/** `sluice audit show`: entries as a table, or as JSON lines; those that fit the filters. Throws PARSE-ARGUMENT, AUDIT-FILE, STORE-NEWER. */
export async function runShow(options: ShowOptions, signal: AbortSignal): Promise<number> {
  return withLog(options, signal, async (redis, { timeZone }) => {
    const nowMs = Date.now()
    const [since, until] = [
      timeOf('since', options.since, nowMs, timeZone),
      timeOf('until', options.until, nowMs, timeZone),
    ]
    const wanted: Wanted = {
      fromMs: since?.fromMs ?? 0,
      toMs: until?.toMs ?? until?.fromMs ?? Number.POSITIVE_INFINITY,
    }
    const base = await baseOf(redis)
    const shown: Shown[] = []
    for await (const { n, line } of all(options, pages(redis, base), base.n)) {
      const entry = readEntry(line.entry, n)
      if (entry.atMs < wanted.fromMs || entry.atMs >= wanted.toMs || !has(options, entry)) continue
      const one = { ...entry, said: saidOf(entry, line) }
      if (options.json === true) process.stdout.write(`${JSON.stringify(one)}\n`)
      else shown.push(one)
    }
    if (options.json === true) return 0
    const columns = ['ENTRY', 'WHEN', 'JOB', 'STATE', 'BY', 'DID', 'WHAT']
    const rows = shown.map((entry) => row(entry, timeZone, nowMs))
    process.stdout.write(rows.length === 0 ? 'No entry fits.\n' : `${plainTable(columns, rows)}\n`)
    return 0
  })
}
