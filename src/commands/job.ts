import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import { isRefusal } from '../errors.ts'
import type { Question, Revision } from '../jobs/job.ts'
import { type Block, type Message, moment, type Text } from '../message.ts'
import { planBlocks } from '../plan-text.ts'
import { answer, type Lag } from './command.ts'
import { findJob, isOpen, jobNumber, neededText, sentenceOf } from './job-words.ts'

const words = ({ job }: Revision, { choices }: Question): string =>
  choices.length === 0 ? '' : `Say ${choices.map((c) => `\`job ${job} ${c.word}\``).join(' or ')}. `

const waitsFor = (revision: Revision, question: Question, nowMs: number): string =>
  question.text === sentenceOf(revision)
    ? neededText(question, nowMs)
    : `${question.text} ${words(revision, question)}From ${neededText(question, nowMs)}`

const behind = (ms: number): string => (ms < 60_000 ? `${Math.round(ms / 1000)} s` : humanSpan(ms))
const lagText = ({ platform, shows, of, behindMs }: Lag): string =>
  behindMs === 0
    ? `${platform} in step`
    : `${platform} shows ${shows === 0 ? 'nothing yet' : `revision ${shows} of ${of}`}, ${behind(behindMs)} behind`

const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`)

type Reader = { readonly timeZone: string; readonly nowMs: number }

function fields(revision: Revision, reader: Reader, lag: readonly Lag[]): Block {
  const { asked, question, behind: holder, offer } = revision
  const { nowMs } = reader
  const ago = humanSpan(Math.max(nowMs - asked.atMs, 0))
  const rows: (readonly [string, Text])[] = [
    ['State', revision.code === null ? revision.state : `${revision.state} (${revision.code})`],
    ['Asked by', [`${asked.by} in ${asked.room}, ${ago} ago (`, moment(asked.atMs, reader), `): ${asked.text}`]],
  ]
  if (asked.ticket !== undefined) rows.push(['Ticket', `#${asked.ticket}`])
  if (question !== undefined) rows.push(['Waits for', waitsFor(revision, question, nowMs)])
  const { trouble } = revision
  if (trouble !== undefined)
    rows.push(['Waits since', [moment(trouble.sinceMs, reader), `: ${trouble.code}: ${trouble.text}`]])
  const { stopped, unlocked } = revision
  if (stopped !== undefined)
    rows.push(['Stopped', [`by ${stopped.by} at `, moment(stopped.atMs, reader), because(stopped.reason)]])
  if (holder !== undefined) rows.push(['Behind', `job ${holder}`])
  if (revision.approvedBy.length > 0) rows.push(['Approved by', revision.approvedBy.join(', ')])
  if (unlocked !== undefined)
    rows.push(['Locks', [`taken away by ${unlocked.by} at `, moment(unlocked.atMs, reader), because(unlocked.reason)]])
  else if (isOpen(revision) && revision.locks.length > 0) rows.push(['Locks', revision.locks.join(', ')])
  if (revision.retryOf !== undefined) rows.push(['Retry of', `job ${revision.retryOf}`])
  if (lag.length > 0) rows.push(['Shown', lag.map(lagText).join('; ')])
  if (offer !== undefined) rows.push(['You may say', offer])
  return { kind: 'fields', rows }
}

function happenings(revision: Revision): readonly Block[] {
  const { steps, result, progress, plan } = revision
  const waiting = progress?.waiting.map((w) => `${w.object}: ${w.why}`) ?? []
  return [
    ...(steps.length > 0 ? [{ kind: 'steps' as const, items: steps }] : []),
    ...(progress !== undefined && steps.some((s) => s.mark === 'running')
      ? [
          {
            kind: 'text' as const,
            text: `${progress.done}/${progress.of}${waiting.length === 0 ? '' : `; waiting: ${waiting.join('; ')}`}`,
          },
        ]
      : []),
    ...(result === undefined
      ? []
      : [
          { kind: 'text' as const, text: result.text },
          { kind: 'list' as const, items: result.details },
        ]),
    ...(result?.next === undefined ? [] : [{ kind: 'text' as const, text: result.next }]),
    ...(steps.length === 0 && plan !== undefined ? planBlocks(plan) : []),
  ]
}

const show = (revision: Revision, reader: Reader, lag: readonly Lag[]): Message => ({
  blocks: [
    { kind: 'heading', text: `Job ${revision.job}: ${sentenceOf(revision)}` },
    fields(revision, reader, lag),
    ...happenings(revision),
  ],
})

export const job = answer({
  name: 'job',
  summary: 'One job: what it does, where it stands, what it waits for',
  phrases: [
    'job [{job}]',
    'show|describe|info job [{job}]',
    'show|describe {job}',
    'status|state|progress [of] job {job}',
    'how is|goes job {job} [doing|going]',
    'what is|does job {job} [doing|do]',
    'what is the status|state of job {job}',
    'progress',
    'how far are you',
    'how is it going',
    'how does it look',
  ],
  args: z.strictObject({ job: jobNumber }),
  examples: ['job 17'],
  takes: ['jobs', 'nowMs', 'lag'],
  answer: async (args, ctx) => {
    const reader = { timeZone: ctx.person.timeZone, nowMs: ctx.nowMs() }
    const revision = await findJob(ctx.jobs, args.job)
    return isRefusal(revision) ? revision : show(revision, reader, await ctx.lag(revision.job))
  },
})
