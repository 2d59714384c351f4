import { z } from 'zod'
import { answer } from './command.ts'
import { jobNumber, votes } from './job-words.ts'

export const deny = answer({
  name: 'deny',
  summary: 'Say no to a job, with a reason',
  phrases: [
    'deny|denied|reject|rejected|veto|disapprove|ablehnen {job} [because|reason] [{reason:text}]',
    'deny|reject|veto [because {reason:text}]',
  ],
  args: z.strictObject({ job: jobNumber, reason: z.string().max(500).optional() }),
  examples: ['deny 17 the disk is on its way'],
  manual: ['The same as ❌ on its newest message.'],
  takes: ['jobs'],
  acts: 'vote',
  answer: (args, { jobs, ...word }) => votes(jobs, 'deny', args, word),
})
