import { randomUUID } from 'node:crypto'
import type { Clock } from '../duration.ts'
import { SluiceError } from '../errors.ts'
import type { Gate } from '../steps/step.ts'
import { DAY_S, keys } from '../store/keys.ts'
import { keptValue } from '../store/script.ts'
import type { Client } from '../store/store.ts'
import { digestOf, type Head, headText, keepWords, START, wordsDigest } from './audit-chain.ts'
import { AUDIT_SCHEMA, type AuditNote, jobEntry } from './audit-entry.ts'
import { headOf } from './audit-log.ts'
import type { Asked, JobState, Question, Revision, Vote } from './job.ts'
import { FINAL } from './job.ts'
import { readStamped, stampRecord } from './schema.ts'
import { COMMIT } from './transition.ts'

/** What a job must remember and nobody is shown. */
export type Inner = {
  /** How many questions were asked: `17.1`, `17.2`. */
  readonly questions: number
  /** True from the moment the first effect may have happened. */
  readonly started: boolean
  readonly attempt: number
  readonly chosen: Readonly<Record<string, unknown>>
  readonly gate?: Gate
  /** A gate's choice that waits for the approval of others. */
  readonly proposed?: { readonly word: string; readonly by: string }
  readonly cancel?: { readonly by: string; readonly reason?: string; readonly undo?: 'keep' | 'undo' }
  readonly approvals: readonly Vote[]
  /** The question those votes answered: it opens again when one is taken back in time. */
  readonly answered?: Question
  /** Who typed what policy wanted typed for those approvals. */
  readonly confirmedBy?: string
  /** Who resumed it: policy decides for this person instead of the asker. */
  readonly resumedBy?: string
  /** Whose votes never count: the asker, and who resumed or proposed. */
  readonly own: readonly string[]
  /** The unclear step a person let be repeated. */
  readonly repeat?: string
}
export type JobRecord = { readonly revision: Revision; readonly inner: Inner }

export type Effect = {
  readonly id: string
  readonly queue: 'reads' | 'work' | 'timers'
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  readonly dueAtMs?: number
}

/** One atomic write. `record.revision` is numbered and dated by `commit`. */
export type Mutation = {
  readonly record: JobRecord
  readonly effects?: readonly Effect[]
  /** `strip`: also what the job holds without having asked for it (any more). */
  readonly locks?: 'want' | 'release' | 'strip'
  /** Remembered for 90 days in the same write: what makes an event count once. */
  readonly once?: readonly (readonly [key: string, value: string])[]
  readonly audit?: AuditNote
}
/** A worker's right to write: BullMQ's lock key and its token, and where that matters, that no newer release has been handed out. */
export type Fence = { readonly key: string; readonly token: string; readonly release?: string }

/** What follows a committed write; carried out at once, repaired by the sweep. */
export type Aftermath = {
  readonly effects: readonly Effect[]
  readonly draw: readonly string[]
  readonly cancel?: string
}

export type Records = {
  /** Throws STORE-NEWER when a newer Sluice wrote it, STORE-BAD when somebody else did. */
  readonly get: (job: string) => Promise<JobRecord | undefined>
  readonly release: (job: string) => Promise<string | null>
  /** Makes a job, or answers with the one this event made before. */
  readonly create: (asked: Asked, make: (job: string) => Mutation) => Promise<string>
  /** Read, change, compare-and-set, again on conflict. `undefined` from `change` = leave it. Throws JOB-LOST, JOB-UNKNOWN, STORE-NEWER, STORE-BAD. */
  readonly commit: (job: string, change: (now: JobRecord) => Mutation | undefined, fence?: Fence) => Promise<JobRecord>
}

/** As it is stored. */
export const recordText = ({ revision, inner }: JobRecord): string => stampRecord({ revision, inner })

/** What is stored, brought up to how records are written now. Throws STORE-NEWER, STORE-BAD. */
export const readRecord = (text: string, job: string): JobRecord =>
  // our own JSON, written above or by an older program and brought up since
  readStamped(text, job) as JobRecord

const JOBS_PER_CALL = 200

/** Every job in pages, oldest first, with its text as it is stored. Throws STORE-NEWER, STORE-BAD. */
export async function* allRecords(
  redis: Client,
): AsyncGenerator<readonly { readonly job: string; readonly text: string; readonly record: JobRecord }[]> {
  const count = Number((await redis.get(keys.jobCount)) ?? 0)
  for (let first = 1; first <= count; first += JOBS_PER_CALL) {
    const ids = Array.from({ length: Math.min(JOBS_PER_CALL, count - first + 1) }, (_, i) => String(first + i))
    const texts = await Promise.all(ids.map((job) => redis.hget(keys.job(job), 'record')))
    yield texts.flatMap((text, i) => {
      const job = ids[i] ?? ''
      return text === null ? [] : [{ job, text, record: readRecord(text, job) }]
    })
  }
}

type Reply = readonly [string, string?, string?, string?]
type Draft = {
  readonly job: string
  readonly from: JobRecord | undefined
  readonly mutation: Mutation
  readonly record: JobRecord
  readonly fence: Fence | undefined
  readonly write: string
}

/** The end of the chain as it is stored, and as it is read. */
type Tip = { readonly stored: string; readonly head: Head }
type Sealed = { readonly entry: string; readonly head: Head; readonly words: string }

/** The entry of a draft behind the tip: its text, the head it makes, and the words it only has the digest of. */
function seal({ from, mutation, record }: Draft, { head }: Tip, policy: () => string): Sealed {
  const said = mutation.audit?.words
  const kept = said === undefined ? undefined : keepWords(said)
  const about = jobEntry({ from: from?.revision, to: record.revision, note: mutation.audit }, policy)
  const words = kept === undefined ? {} : { words: { by: kept.by, digest: wordsDigest(kept) } }
  const entry = JSON.stringify({ v: AUDIT_SCHEMA, n: head.n + 1, prev: head.hash, ...about, ...words })
  return {
    entry,
    head: { n: head.n + 1, hash: digestOf(entry) },
    words: kept === undefined ? '' : JSON.stringify(kept),
  }
}

/** The arguments of the commit script: what it compares, sets, appends and lists. */
function argumentsOf(draft: Draft, tip: Tip, sealed: Sealed | undefined): readonly string[] {
  const { fence, from, job, mutation, record, write } = draft
  const { revision } = record
  const was = from?.revision
  const meta = {
    job,
    expect: was?.revision ?? 0,
    rev: revision.revision,
    write,
    create: from === undefined,
    moved: was?.state !== revision.state,
    state: revision.state,
    code: revision.code ?? '',
    was: was?.state ?? '',
    audit: sealed !== undefined,
    prev: tip.stored,
    hash: sealed?.head.hash ?? '',
    head: sealed === undefined ? '' : headText(sealed.head),
    number: String(sealed?.head.n ?? 0),
    words: sealed?.words ?? '',
    effects: (mutation.effects ?? []).map((e) => [e.id, JSON.stringify(e)]),
    locks: mutation.locks ?? '',
    keys: revision.locks,
    once: mutation.once ?? [],
    onceS: 90 * DAY_S,
    atMs: revision.atMs,
    stopped: revision.stopped === undefined ? 0 : 1,
    cancel: record.inner.cancel !== undefined && !FINAL.has(revision.state) ? '1' : '0',
    final: FINAL.has(revision.state),
    fence: fence === undefined ? [] : [fence.key, fence.token, ...(fence.release === undefined ? [] : [fence.release])],
  }
  return [JSON.stringify(meta), recordText(record), sealed?.entry ?? '']
}

function aftermathOf({ from, job, mutation, record }: Draft, granted: string, draw: string): Aftermath {
  const cancelled = record.inner.cancel !== undefined && from?.inner.cancel === undefined ? { cancel: job } : {}
  return {
    // both were written by the script: effects as we write them, keys of the outbox
    effects: [...(mutation.effects ?? []), ...(granted === '' ? [] : (JSON.parse(granted) as Effect[]))],
    draw: [`job/${job}`, ...(draw === '' ? [] : (JSON.parse(draw) as string[]))],
    ...cancelled,
  }
}

type Deps = {
  readonly redis: Client
  readonly clock: Clock
  /** Digest of the policies that are loaded: a decision is written down with it. */
  readonly policy: () => string
  readonly after: (aftermath: Aftermath) => void
}
type Write = (
  job: string,
  from: JobRecord | undefined,
  mutation: Mutation,
  fence?: Fence,
) => Promise<JobRecord | 'conflict'>

/** A change of state is always a link of the chain; what changes no state only where it says so. */
const isAudited = ({ from, mutation, record }: Draft): boolean =>
  from?.revision.state !== record.revision.state || mutation.audit !== undefined

function writer({ redis, clock, policy, after }: Deps): Write {
  let tip: Tip = { stored: '', head: START }
  return async (job, from, mutation, fence) => {
    const revision = { ...mutation.record.revision, revision: (from?.revision.revision ?? 0) + 1, atMs: clock.now() }
    const record: JobRecord = { ...mutation.record, revision }
    const draft: Draft = { job, from, mutation, record, fence, write: randomUUID() }
    for (;;) {
      const sealed = isAudited(draft) ? seal(draft, tip, policy) : undefined
      const args = argumentsOf(draft, tip, sealed)
      // the script answers as its comment says
      const [answer, a = '', b = '', c = ''] = (await COMMIT(redis, [keys.job(job)], args)) as Reply
      if (answer === 'head') {
        tip = { stored: a, head: await headOf(redis, a) }
        continue
      }
      if (answer === 'lost') throw new SluiceError('JOB-LOST', `writing job ${job}`)
      // after a lost connection ioredis sends the script again: our own write is no conflict
      if (answer === 'conflict' && a !== draft.write) return 'conflict'
      if (sealed !== undefined) tip = { stored: headText(sealed.head), head: sealed.head }
      after(aftermathOf(draft, b, c))
      return record
    }
  }
}

/** A job as it is stored. Throws STORE-NEWER, STORE-BAD. */
export async function recordOf(redis: Client, job: string): Promise<JobRecord | undefined> {
  const text = await redis.hget(keys.job(job), 'record')
  return text === null ? undefined : readRecord(text, job)
}

/** Jobs as they are stored, and the one way to change them. */
export function openRecords(deps: Deps): Records {
  const { redis } = deps
  const write = writer(deps)
  // the hash chain has one head: writers of this process take turns instead of failing on each other
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work)
    turn = mine.catch(() => undefined)
    return mine
  }
  const read = (job: string) => recordOf(redis, job)
  const create = async (asked: Asked, make: (job: string) => Mutation): Promise<string> => {
    for (;;) {
      const [existing, count] = await redis.mget(keys.submitted(asked.event), keys.jobCount)
      const known = typeof existing === 'string' ? await keptValue(redis, keys.submitted(asked.event)) : undefined
      if (known !== undefined) return known
      const job = String(Number(count ?? 0) + 1)
      const made = make(job)
      const message = asked.message === undefined ? [] : [[keys.askedBy(asked.message), job] as const]
      const once = [[keys.submitted(asked.event), job] as const, ...message, ...(made.once ?? [])]
      if ((await write(job, undefined, { ...made, once })) !== 'conflict') return job
    }
  }
  const commit = async (job: string, change: (now: JobRecord) => Mutation | undefined, fence?: Fence) => {
    for (;;) {
      const now = await read(job)
      if (now === undefined) throw new SluiceError('JOB-UNKNOWN', `looking for job ${job}`)
      const mutation = change(now)
      if (mutation === undefined) return now
      const written = await write(job, now, mutation, fence)
      if (written !== 'conflict') return written
    }
  }
  return {
    get: read,
    release: (job) => redis.hget(keys.job(job), 'release'),
    create: (asked, make) => inTurn(() => create(asked, make)),
    commit: (job, change, fence) => inTurn(() => commit(job, change, fence)),
  }
}

/** The record with another revision; `state` is often what changes. */
export const revise = (now: JobRecord, revision: Partial<Revision>, inner: Partial<Inner> = {}): JobRecord => ({
  revision: { ...now.revision, ...revision },
  inner: { ...now.inner, ...inner },
})

/** Takes optional fields away, which a spread cannot. */
export function without<T extends object, K extends keyof T>(value: T, ...names: readonly K[]): Omit<T, K> {
  const rest = { ...value }
  for (const name of names) delete rest[name]
  return rest
}

export const isFinal = (state: JobState): boolean => FINAL.has(state)
