import { z } from 'zod'
import { answer } from './command.ts'
import { jobNumber, votes } from './job-words.ts'

export const approve = answer({
  name: 'approve',
  summary: 'Agree to a job; the asker never counts',
  phrases: [
    'approve|approved|accept|ok|okay|lgtm|confirm|+1|genehmigt|genehmige {job}',
    'approve|approved|accept|lgtm|confirm|+1|genehmigt',
    'i approve {job}',
  ],
  args: z.strictObject({ job: jobNumber, reason: z.string().max(500).optional() }),
  examples: ['approve 17'],
  manual: ['The same as ✅ on its newest message. It counts for the newest question; `why 17` tells who may.'],
  takes: ['jobs'],
  acts: 'vote',
  answer: (args, { jobs, ...word }) => votes(jobs, 'approve', args, word),
})
