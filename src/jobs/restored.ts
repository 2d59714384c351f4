import type { Clock } from '../duration.ts'
import { clockText } from '../duration.ts'
import { keys } from '../store/keys.ts'
import type { Client } from '../store/store.ts'
import { append } from './audit-log.ts'
import type { JobState } from './job.ts'
import { STATES } from './job.ts'
import { ended, fromViews, timersOf } from './moves.ts'
import { allRecords, isFinal, type JobRecord, type Mutation, type Records, revise, without } from './record.ts'

/** What a restored store lacks beside its keys: the lists of jobs by state, and a word on every job that was not over when the backup was taken. */

export const OPEN: readonly JobState[] = STATES.filter((state) => !isFinal(state))

/** `moved`: nothing was done with the old store since, so that jobs may go on where they were. */
export type Since = { readonly takenAtMs: number; readonly moved: boolean; readonly by: string; readonly file: string }
export type Settled = { readonly jobs: number; readonly told: readonly { readonly job: string; readonly what: Told }[] }
type Told = 'goes on' | 'asked anew' | 'needs a human' | 'ended'

type Case = { readonly now: JobRecord; readonly since: Since; readonly atMs: number }

const when = ({ takenAtMs }: Since, atMs: number): string => clockText(takenAtMs, 'UTC', atMs)
const unknown = ({ since, atMs }: Case): string =>
  `Sluice was restored from a backup of ${when(since, atMs)}, and does not know what happened after it.`

/** It had begun: its journal may be behind the world, so somebody looks first. It keeps its locks. */
function needsHuman(of: Case): Mutation {
  const { now } = of
  const { job, state, steps } = now.revision
  const base: JobRecord = {
    revision: without(now.revision, 'question', 'progress', 'trouble', 'stopped', 'behind'),
    inner: without(now.inner, 'gate', 'proposed'),
  }
  const result = {
    text: `${unknown(of)} The job was ${state} then.`,
    details: fromViews(steps),
    next: `Look at the system, then \`resume ${job}\` (each step asks first what is so already) or \`cancel ${job}\`.`,
  }
  return { record: revise(base, { state: 'needs-human', code: 'RESTORED', result }), audit: { what: 'restored' } }
}

/** It had not begun; it may have since, and a second time must not happen by itself. */
function notBegun(of: Case): Mutation {
  const { job, state } = of.now.revision
  const result = {
    text: `${unknown(of)} The job was ${state} then and had not begun.`,
    details: [],
    next: `Look at the system, then \`retry ${job}\` if it is still wanted.`,
  }
  return ended(of.now, of.atMs, { state: 'cancelled', code: 'RESTORED', result })
}

/** Votes and buttons on the old message may be told again by the platform: they are for a question that is no longer asked. */
function askedAnew(of: Case): Mutation | undefined {
  const { now, atMs } = of
  const { job, question, revision } = now.revision
  if (question === undefined || question.expiresAtMs <= atMs) return undefined
  const number = now.inner.questions + 1
  const typed = question.typed === undefined ? {} : { typed: { word: question.typed.word } }
  const fresh = {
    ...without(question, 'taken', 'remindedAtMs', 'typed'),
    ...typed,
    id: `${job}.${number}`,
    details: [unknown(of), ...question.details],
    votes: [],
    askedAtMs: atMs,
  }
  return {
    record: revise(now, { question: fresh }, { questions: number }),
    effects: timersOf(job, fresh, revision),
    audit: { what: 'asked anew', text: fresh.id },
  }
}

/** Timers lay in a queue that no backup has. */
function goesOn({ now }: Case): Mutation | undefined {
  const { job, question, revision } = now.revision
  return question === undefined ? undefined : { record: now, effects: timersOf(job, question, revision) }
}

function word(of: Case): { readonly what: Told; readonly mutation: Mutation } | undefined {
  const { now, since } = of
  const { state } = now.revision
  if (isFinal(state) || state === 'needs-human') return undefined
  if (since.moved) return { what: 'goes on', mutation: goesOn(of) ?? { record: now } }
  const anew = state === 'waiting' ? askedAnew(of) : undefined
  if (anew !== undefined) return { what: 'asked anew', mutation: anew }
  return now.inner.started
    ? { what: 'needs a human', mutation: needsHuman(of) }
    : { what: 'ended', mutation: notBegun(of) }
}

async function listed(
  redis: Client,
  jobs: readonly { readonly job: string; readonly record: JobRecord }[],
): Promise<void> {
  const line = redis.pipeline()
  for (const { job, record } of jobs) line.zadd(keys.jobsIn(record.revision.state), job, job)
  const failed = (await line.exec())?.find(([error]) => error !== null)?.[0]
  if (failed !== undefined && failed !== null) throw failed
}

/**
 * Makes the lists of jobs by state from the records, writes into the audit log that this store was restored, and decides for each job that was not over what
 * becomes of it. Nobody else may write meanwhile. Throws STORE-NEWER, STORE-BAD.
 */
export async function settleRestored(redis: Client, records: Records, clock: Clock, since: Since): Promise<Settled> {
  const open: string[] = []
  let jobs = 0
  for await (const page of allRecords(redis)) {
    await listed(redis, page)
    jobs += page.length
    for (const { job, record } of page) if (!isFinal(record.revision.state)) open.push(job)
  }
  const text = `${since.file}, of ${new Date(since.takenAtMs).toISOString()}${since.moved ? ', moved' : ''}`
  await append(redis, { atMs: clock.now(), what: 'restored', by: since.by, text })
  const told: { job: string; what: Told }[] = []
  for (const job of open) {
    await records.commit(job, (now) => {
      const said = word({ now, since, atMs: clock.now() })
      if (said !== undefined) told.push({ job, what: said.what })
      return said?.mutation
    })
  }
  return { jobs, told }
}
