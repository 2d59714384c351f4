import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import type { Question, Revision } from '../jobs/job.ts'
import { say } from '../message.ts'
import { answer } from './command.ts'
import { approvalsOf, sentenceOf } from './job-words.ts'

type Open = { readonly revision: Revision; readonly question: Question }

const row = ({ revision, question }: Open, nowMs: number): readonly string[] => {
  const have = approvalsOf(question)
  const words = question.choices.map((c) => c.word)
  return [
    revision.job,
    sentenceOf(revision),
    revision.asked.by,
    words.length > 0 ? words.join(' | ') : `${question.needs.approvals} of ${question.needs.from.join(', ')}`,
    have.length === 0 ? '-' : have.join(', '),
    question.expiresAtMs > nowMs ? humanSpan(question.expiresAtMs - nowMs) : 'none',
  ]
}

export const approvals = answer({
  name: 'approvals',
  summary: 'What waits for people: for whom, who has agreed, how much time is left',
  phrases: [
    '[list|show|get] [me] [all|the|my] [open|pending] approvals|questions',
    'pending|waiting',
    'what waits|pends [for approval]',
    'what is waiting|pending [for] [approval|people]',
    'what needs|wants [an] approval',
    { say: 'what waits for me', set: { mine: true } },
    { say: 'what is waiting for me', set: { mine: true } },
    { say: 'what can|may|must|should i approve', set: { mine: true } },
    'who has|needs to approve',
  ],
  args: z.strictObject({ mine: z.boolean().optional() }),
  examples: ['approvals', 'what is waiting for me'],
  takes: ['jobs', 'nowMs'],
  answer: async (args, ctx) => {
    const waiting = await ctx.jobs.list({ states: ['waiting'], limit: 100 })
    const open = waiting.flatMap((revision) =>
      revision.question === undefined ? [] : [{ revision, question: revision.question }],
    )
    const mine =
      args.mine === true
        ? open.filter(
            ({ revision, question }) =>
              revision.asked.by !== ctx.person.name && question.needs.from.includes(ctx.person.name),
          )
        : open
    if (mine.length === 0) return say(args.mine === true ? 'Nothing waits for you.' : 'Nothing waits for anybody.')
    const rows = mine.map((o) => row(o, ctx.nowMs()))
    return {
      blocks: [
        { kind: 'table', columns: ['JOB', 'WHAT', 'BY', 'NEEDS', 'HAS', 'LEFT'], rows },
        { kind: 'text', text: 'Say `approve N`, `deny N reason` or `why N`, or react on its card.' },
      ],
    }
  },
})
