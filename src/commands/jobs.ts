import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import type { Revision } from '../jobs/job.ts'
import { say } from '../message.ts'
import { answer } from './command.ts'
import { isOpen, sentenceOf, UNFINISHED } from './job-words.ts'

const RECENT = 10
const jobsArgs = z.strictObject({
  cluster: z.string().optional(),
  person: z.string().optional(),
  recent: z.boolean().optional(),
})
type JobsArgs = z.infer<typeof jobsArgs>

const row = (revision: Revision, nowMs: number): readonly string[] => [
  revision.job,
  revision.code === null ? revision.state : `${revision.state} (${revision.code})`,
  revision.asked.by,
  sentenceOf(revision),
  `${humanSpan(Math.max(nowMs - revision.atMs, 0))} ago`,
]

const wanted = (args: JobsArgs, revision: Revision): boolean =>
  args.person === undefined || revision.asked.by === args.person

export const jobs = answer({
  name: 'jobs',
  summary: 'What Sluice is doing, what waits, and what ended last',
  phrases: [
    '[list|show|get] [me] [all|open|running|waiting] [the] jobs',
    'what are you doing',
    'what do you do now|there',
    'what is running|queued',
    'what is going on',
    'which jobs are|is running|open|waiting|there',
    'was machst du [gerade]',
  ],
  options: ['of|by|from {person}', { say: 'recent|finished|last|all', set: { recent: true } }],
  args: jobsArgs,
  examples: ['jobs', 'what are you doing', 'jobs of fran', 'jobs on p10'],
  takes: ['jobs', 'nowMs'],
  answer: async (args, ctx) => {
    const where = args.cluster === undefined ? {} : { cluster: args.cluster }
    const open = (await ctx.jobs.list({ ...where, states: UNFINISHED, limit: 100 })).filter((r) => wanted(args, r))
    const last = (await ctx.jobs.list({ ...where, limit: RECENT })).filter((r) => !isOpen(r) && wanted(args, r))
    const shown = [...open, ...last]
    if (shown.length === 0) return say('No jobs: nothing runs, nothing waits.')
    const idle =
      open.length === 0 ? [{ kind: 'text' as const, text: 'Nothing runs and nothing waits. The last ones:' }] : []
    return {
      blocks: [
        ...idle,
        {
          kind: 'table',
          columns: ['JOB', 'STATE', 'BY', 'WHAT', 'SINCE'],
          rows: shown.map((r) => row(r, ctx.nowMs())),
        },
      ],
    }
  },
})
