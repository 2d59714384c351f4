import { z } from 'zod'
import { answer } from './command.ts'
import { answered, jobNumber } from './job-words.ts'

export const withdraw = answer({
  name: 'withdraw',
  summary: 'Take your vote back, as long as the first step has not started',
  phrases: [
    'withdraw|unapprove [my] [vote|approval] [of|for|on] {job}',
    'withdraw|unapprove [my] [vote|approval]',
    'take back my vote|approval [of|for|on] {job}',
    'take my vote|approval back',
  ],
  args: z.strictObject({ job: jobNumber, reason: z.string().max(500).optional() }),
  examples: ['withdraw 17'],
  manual: ['The same as taking the reaction back.'],
  takes: ['jobs'],
  acts: 'unvote',
  answer: async ({ job, reason }, { jobs, person, event, atMs }) =>
    answered(
      await jobs.vote({
        job,
        ...(reason === undefined ? {} : { reason }),
        choice: 'withdraw',
        person: person.name,
        event,
        atMs,
      }),
    ),
})
