import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '../store/store.ts'
import { keys } from '../store/keys.ts'
import { script } from '../store/script.ts'
import { readWords } from './audit-chain.ts'
import { openExport, rewriteExport } from './audit-file.ts'
import { append } from './audit-log.ts'
import { allRecords, isFinal, type JobRecord, recordText, without } from './record.ts'
import type { Question, Vote } from './job.ts'

/** What stands where a person's words were. */
export const TAKEN = '(taken away on request)'

export type Found = {
  /** Numbers of the entries with words of the person. */
  readonly entries: readonly string[]
  /** Finished jobs that repeat them. */
  readonly jobs: readonly string[]
  /** Jobs that still need them. */
  readonly open: readonly string[]
  /** Exported file -> how many texts of the person it holds. */
  readonly files: ReadonlyMap<string, number>
}

const isBy =
  (person: string) =>
  (words: string): boolean =>
    readWords(words)?.by === person

async function entriesOf(redis: Client, person: string): Promise<readonly string[]> {
  const found: string[] = []
  const mine = isBy(person)
  let cursor = '0'
  do {
    const [next, fields] = await redis.hscan(keys.auditWords, cursor, 'COUNT', 500)
    cursor = next
    for (let i = 0; i < fields.length; i += 2) if (mine(fields[i + 1] ?? '')) found.push(fields[i] ?? '')
  } while (cursor !== '0')
  return [...new Set(found)]
}

const silent = (votes: readonly Vote[], person: string): readonly Vote[] =>
  votes.map((vote) => (vote.person === person ? without(vote, 'reason') : vote))

const quiet = (question: Question, person: string): Question => ({ ...question, votes: silent(question.votes, person) })

/** `fran said no: too late.` -> `fran said no.`: the sentences of words.ts and attempt.ts. */
const unsaid = (text: string, person: string): string => {
  const said = [`${person} said no`, `Cancelled by ${person}`].find((start) => text.startsWith(`${start}:`))
  return said === undefined ? text : `${said}.${text.endsWith(' Nothing was changed.') ? ' Nothing was changed.' : ''}`
}

/** The record without what the person typed; the same object when there was nothing. */
export function scrubbed(record: JobRecord, person: string): JobRecord {
  const { revision, inner } = record
  const { asked, plan, question, result } = revision
  const mine = (asked.saidBy ?? asked.by) === person
  const clean: JobRecord = {
    revision: {
      ...revision,
      ...(mine ? { asked: { ...asked, text: TAKEN, args: without({ ...asked.args }, 'reason') } } : {}),
      ...(mine && plan !== undefined
        ? { plan: { ...plan, target: { ...plan.target, args: without({ ...plan.target.args }, 'reason') } } }
        : {}),
      ...(question === undefined ? {} : { question: quiet(question, person) }),
      ...(revision.unlocked?.by === person ? { unlocked: without(revision.unlocked, 'reason') } : {}),
      ...(result === undefined ? {} : { result: { ...result, text: unsaid(result.text, person) } }),
    },
    inner: {
      ...inner,
      approvals: silent(inner.approvals, person),
      ...(inner.answered === undefined ? {} : { answered: quiet(inner.answered, person) }),
      ...(inner.cancel?.by === person ? { cancel: without(inner.cancel, 'reason') } : {}),
    },
  }
  return JSON.stringify(clean) === JSON.stringify(record) ? record : clean
}

async function inFile(file: string, person: string): Promise<number> {
  const mine = isBy(person)
  let texts = 0
  for await (const { words } of (await openExport(file)).lines()) if (words !== undefined && mine(words)) texts++
  return texts
}

/** What there is of a person's words in the store and in exported files. Changes nothing. Throws AUDIT-FILE. */
export async function findWords(redis: Client, person: string, files: readonly string[]): Promise<Found> {
  const [jobs, open]: [string[], string[]] = [[], []]
  for await (const page of allRecords(redis))
    for (const { job, record } of page)
      if (scrubbed(record, person) !== record) (isFinal(record.revision.state) ? jobs : open).push(job)
  const inFiles = new Map<string, number>()
  for (const file of files) inFiles.set(file, await inFile(file, person))
  return { entries: await entriesOf(redis, person), jobs, open, files: inFiles }
}

export const textsIn = ({ entries, files }: Found): number =>
  [...files.values()].reduce((sum, texts) => sum + texts, entries.length)

/** Only where nobody has written meanwhile: a job that goes on keeps what it needs. */
const REPLACE = script(`
if redis.call('HGET', KEYS[1], 'record') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[2])
return 1`)

/**
 * Takes away what a person typed: beside the audit log, in exported files, and in finished jobs. The chain first says so (so that what is
 * missing is known to have been asked for), and holds as before: it never had more than digests. Running it again takes what an
 * interrupted run left. Throws AUDIT-FILE.
 */
export async function forgetWords(
  redis: Client,
  person: string,
  found: Found,
  by: string,
  atMs: number,
): Promise<void> {
  const texts = textsIn(found)
  if (texts > 0) await append(redis, { atMs, what: 'words taken away', by, forgot: { person, texts } })
  if (found.entries.length > 0) await redis.hdel(keys.auditWords, ...found.entries)
  const mine = isBy(person)
  for (const [file, some] of found.files) if (some > 0) await rewriteExport(file, (words) => !mine(words), atMs)
  for await (const page of allRecords(redis))
    for (const { job, text, record } of page) {
      const clean = isFinal(record.revision.state) ? scrubbed(record, person) : record
      if (clean !== record) await REPLACE(redis, [keys.job(job)], [text, recordText(clean)])
    }
}

/** The exports the bot made in its folder, oldest first; [] where there is none. */
export async function exportsIn(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch((): readonly string[] => [])
  return names
    .filter((name) => /^audit-\d+-\d+\.jsonl$/.test(name))
    .toSorted()
    .map((name) => join(dir, name))
}
