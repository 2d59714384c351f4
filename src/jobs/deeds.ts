import type { Client } from '../store/store.ts'
import { keys } from '../store/keys.ts'
import { type KeptWords, readWords } from './audit-chain.ts'
import { type AuditEntry, readEntry } from './audit-entry.ts'
import { newest, oldest } from './audit-log.ts'
import { type Deed, FINAL, type History, type HistoryFilter } from './job.ts'

/** Entries of the same moment in several replicas may stand a little out of order. */
const SKEW_MS = 60_000
const LIMIT = 500

type Told = AuditEntry & { readonly said?: KeptWords | undefined }

/** Entries with their words, from the newest back to `fromMs`. */
async function* back(redis: Client, fromMs: number): AsyncGenerator<Told> {
  for await (const page of newest(redis)) {
    const told = page.map((line) => ({
      ...readEntry(line.entry, line.n),
      said: line.words === undefined ? undefined : readWords(line.words),
    }))
    yield* told.filter(({ atMs }) => atMs >= fromMs)
    if ((told.at(-1)?.atMs ?? fromMs) < fromMs - SKEW_MS) return
  }
}

const nodeNames = (sentence: string): readonly string[] =>
  sentence.split(/[\s,]+/).map((word) => word.split('.')[0] ?? word)

/** Entries of one job, oldest first, as one deed. */
function deedOf(entries: readonly Told[]): Deed | undefined {
  const [first] = entries
  const last = entries.at(-1)
  if (first?.job === undefined || last?.state === undefined) return undefined
  const at = <K extends keyof Told>(key: K): Told[K] | undefined => entries.findLast((e) => e[key] !== undefined)?.[key]
  const asked = entries.find(({ what }) => what === 'received')
  const votes = at('votes') ?? []
  const endedBy = FINAL.has(last.state) && last.state !== 'done' ? last.by : undefined
  const ticket = at('ticket')
  return {
    job: first.job,
    atMs: first.atMs,
    asker: first.asker ?? first.by ?? '?',
    sentence: at('sentence') ?? asked?.said?.text ?? asked?.command ?? '(its words are not here)',
    state: last.state,
    code: last.code ?? null,
    approvals: votes.filter(({ choice }) => choice === 'approve').map(({ person }) => person),
    ...(endedBy === undefined ? {} : { endedBy }),
    ...(ticket === undefined ? {} : { ticket }),
  }
}

/** It is about no job, and about all of them. */
const stopOf = ({ what, atMs, by = '?' }: Told): readonly Deed[] =>
  what === 'stop all'
    ? [{ job: '-', atMs, asker: by, sentence: 'stop all', state: 'done', code: null, approvals: [] }]
    : []

const fits = (entries: readonly Told[], deed: Deed, { cluster, node, person, job }: HistoryFilter): boolean =>
  (job === undefined || deed.job === job) &&
  (cluster === undefined || entries.some((e) => e.cluster === cluster)) &&
  (node === undefined || nodeNames(deed.sentence).includes(node.split('.')[0] ?? node)) &&
  (person === undefined || deed.asker === person || entries.some((e) => e.by === person))

async function beginning(redis: Client): Promise<number | undefined> {
  const line = await oldest(redis)
  return line === undefined ? undefined : readEntry(line.entry, line.n).atMs
}

/** Who did what between two times, newest first. Throws STORE-NEWER, STORE-BAD. */
export async function readHistory(redis: Client, filter: HistoryFilter): Promise<History> {
  const { fromMs, toMs = Number.POSITIVE_INFINITY, limit = LIMIT } = filter
  const byJob = new Map<string, Told[]>()
  const stops: Deed[] = []
  for await (const entry of back(redis, fromMs)) {
    if (entry.job === undefined && entry.atMs < toMs) stops.push(...stopOf(entry))
    if (entry.job !== undefined && entry.atMs < toMs) {
      const known = byJob.get(entry.job)
      if (known === undefined) byJob.set(entry.job, [entry])
      else known.push(entry)
    }
  }
  const deeds = [...byJob.values()].flatMap((newestFirst) => {
    const entries = newestFirst.toReversed()
    const deed = deedOf(entries)
    return deed !== undefined && fits(entries, deed, filter) ? [deed] : []
  })
  if (filter.job === undefined)
    deeds.push(...stops.filter(({ asker }) => filter.person === undefined || asker === filter.person))
  const sinceMs = await beginning(redis)
  return {
    deeds: deeds.toSorted((a, b) => b.atMs - a.atMs || Number(b.job) - Number(a.job)).slice(0, limit),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    trimmed: (await redis.exists(keys.auditBase)) === 1,
    more: deeds.length > limit,
  }
}
