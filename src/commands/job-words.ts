import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import { isRefusal, type Refusal, refuse } from '../errors.ts'
import {
  type Answer,
  FINAL,
  type Jobs,
  type JobState,
  type Question,
  type Revision,
  type Speaker,
} from '../jobs/job.ts'
import { type Message, say } from '../message.ts'
import type { Person } from '../person.ts'

/** A job's number as people write it. */
export const jobNumber = z.string().regex(/^[1-9]\d{0,8}$/, 'a job is a number')

export const UNFINISHED: readonly JobState[] = ['received', 'planned', 'waiting', 'queued', 'running', 'needs-human']
export const isOpen = (revision: Revision): boolean => !FINAL.has(revision.state)

/** `drain server23 on p10`: as resolved, else as asked. */
export const sentenceOf = (revision: Revision): string => revision.plan?.target.sentence ?? revision.asked.text

/** What jobs answered, for people. */
export const answered = (answer: Answer): Message | Refusal => (isRefusal(answer) ? answer : say(answer.text, 'ok'))

/** One person's vote on a job, as what it answers. */
export async function votes(
  jobs: Jobs,
  choice: 'approve' | 'deny',
  { job, reason }: { readonly job: string; readonly reason?: string | undefined },
  { person, event, atMs }: Omit<Speaker, 'person'> & { readonly person: Person },
): Promise<Message | Refusal> {
  const why = reason === undefined ? {} : { reason }
  return answered(await jobs.vote({ job, ...why, choice, person: person.name, event, atMs }))
}

/** The job, or JOB-UNKNOWN. */
export async function findJob(jobs: Jobs, job: string): Promise<Revision | Refusal> {
  return (await jobs.get(job)) ?? refuse('JOB-UNKNOWN', `There is no job ${job}.`)
}

/** Approvals given, the asker's left out. */
export const approvalsOf = (question: Question): readonly string[] =>
  question.votes.filter((v) => v.choice === 'approve').map((v) => v.person)

/** `1 of fran, amal; has nobody yet; 24m left`. */
export function neededText(question: Question, nowMs: number): string {
  const have = approvalsOf(question)
  const { approvals, from } = question.needs
  const left = question.expiresAtMs > nowMs ? `${humanSpan(question.expiresAtMs - nowMs)} left` : 'time is up'
  const typed =
    question.typed === undefined
      ? ''
      : question.typed.by === undefined
        ? `; the asker has not typed \`${question.typed.word}\` yet`
        : `; confirmed by ${question.typed.by}`
  if (from.length === 0) return `the asker, or anybody who may ask the same; ${left}`
  return `${approvals} of ${from.join(', ')}; ${have.length === 0 ? 'nobody yet' : `has ${have.join(', ')}`}${typed}; ${left}`
}

/** A sentence as a button that repeats it. */
export const offerOf = (text: string): { readonly label: string; readonly text: string } => ({ label: text, text })
