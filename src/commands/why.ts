import { z } from 'zod'
import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Jobs, Question, Revision } from '../jobs/job.ts'
import type { Block, Text } from '../message.ts'
import { answer } from './command.ts'
import { approvalsOf, findJob, jobNumber, neededText, sentenceOf } from './job-words.ts'

/** The job a bare `why` is about: the speaker's newest, else the room's newest. */
async function newest(jobs: Jobs, person: string, room: string): Promise<Revision | Refusal> {
  const last = await jobs.list({ limit: 50 })
  const newestFirst = last.toSorted((a, b) => Number(b.job) - Number(a.job))
  return (
    newestFirst.find((r) => r.asked.by === person) ??
    newestFirst.find((r) => r.asked.room === room) ??
    refuse('JOB-UNKNOWN', 'There is no job to explain yet.')
  )
}

function rules(revision: Revision): readonly Text[] {
  const { decision } = revision
  if (decision === undefined) return ['No rule has been asked yet: it is still being planned.']
  const names = decision.rules.length === 0 ? 'none' : decision.rules.join('; ')
  if (decision.kind === 'allow') return [`Rules that match: ${names}. They let ${revision.asked.by} do it alone.`]
  if (decision.kind === 'deny')
    return [
      `Rules that match: ${names}.`,
      `Refused (${decision.code}): ${decision.reason.replace(/\.$/, '')}.`,
      ...(decision.help === undefined ? [] : [decision.help]),
    ]
  const { approvals, from, ticket, confirm } = decision.needs
  return [
    `Rules that match: ${names}.`,
    `They ask for ${approvals} approval${approvals === 1 ? '' : 's'} of ${from.join(', ')}${ticket === 'required' ? ', an open ticket' : ''}${confirm === 'typed' ? ', and its name typed by the asker' : ''}.`,
  ]
}

function votes(question: Question, asker: string, nowMs: number): readonly Text[] {
  const have = approvalsOf(question)
  const denied = question.votes
    .filter((v) => v.choice === 'deny')
    .map((v) => `${v.person}${v.reason === undefined ? '' : ` (${v.reason})`}`)
  const may = question.needs.from.filter((name) => name !== asker && !have.includes(name))
  const missing = Math.max(question.needs.approvals - have.length, 0)
  return [
    `Open question: ${question.text}`,
    `Needs ${neededText(question, nowMs)}.`,
    ...(missing > 0
      ? [
          `Missing: ${missing}, from ${may.length === 0 ? 'nobody who is left' : may.join(' or ')}. ${asker} asked and does not count.`,
        ]
      : []),
    ...(denied.length > 0 ? [`Against: ${denied.join(', ')}.`] : []),
    ...(question.choices.length > 0 ? [`Words it takes: ${question.choices.map((c) => c.word).join(', ')}.`] : []),
  ]
}

function reasons(revision: Revision, nowMs: number): readonly Text[] {
  const { question, behind, result, code, approvedBy } = revision
  return [
    ...rules(revision),
    ...(question === undefined ? [] : votes(question, revision.asked.by, nowMs)),
    ...(approvedBy.length > 0 ? [`Approved by ${approvedBy.join(', ')}.`] : []),
    ...(revision.stopped === undefined
      ? []
      : [
          `It waits for \`start again\`: ${revision.stopped.by} stopped everything${revision.stopped.reason === undefined ? '' : `: ${revision.stopped.reason}`}.`,
        ]),
    ...(behind === undefined ? [] : [`It waits behind job ${behind}: say \`job ${behind}\`.`]),
    ...(result === undefined
      ? []
      : [
          `It ended ${revision.state}${code === null ? '' : ` (${code})`}: ${result.text}`,
          ...result.details,
          ...(result.next === undefined ? [] : [result.next]),
        ]),
  ]
}

export const why = answer({
  name: 'why',
  summary: 'Which rules matched, who may approve, who has, and what is missing',
  phrases: [
    'why|warum [is|was|did|does] {job} [waiting|refused|denied|failed|stuck|queued|fail|wait|blocked|cancelled|expired|allowed]',
    'why|warum [not|nicht]',
    'why is|was it|that|this waiting|refused|denied|stuck|queued|blocked',
    'why is|was|did my|the drain|cordon|uncordon|job|request waiting|refused|denied|stuck|queued|blocked|failed|fail',
    'explain {job}',
    'who approved|denied {job}',
    'who may|can|must|should approve {job}',
    'who may|can|must|should approve [it|this|that]',
  ],
  args: z.strictObject({ job: jobNumber.optional() }),
  examples: ['why 17', 'why'],
  takes: ['jobs', 'nowMs'],
  answer: async (args, ctx) => {
    const revision =
      args.job === undefined ? await newest(ctx.jobs, ctx.person.name, ctx.room) : await findJob(ctx.jobs, args.job)
    if (isRefusal(revision)) return revision
    const blocks: Block[] = [
      { kind: 'heading', text: `Job ${revision.job}: ${sentenceOf(revision)} (${revision.state})` },
      { kind: 'list', items: reasons(revision, ctx.nowMs()) },
    ]
    return { blocks }
  },
})
