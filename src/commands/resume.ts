import { z } from 'zod'
import { answer } from './command.ts'
import { answered, jobNumber } from './job-words.ts'

export const resume = answer({
  name: 'resume',
  summary: 'Go on with a job that stopped; what is done already is not done again',
  phrases: ['resume|continue|unpause {job}', 'go|carry on [with] {job}', 'resume|continue', 'go|carry on'],
  args: z.strictObject({ job: jobNumber }),
  examples: ['resume 17'],
  takes: ['jobs'],
  acts: 'start',
  answer: async ({ job }, { jobs, person, event, atMs }) =>
    answered(await jobs.resume({ job, person: person.name, event, atMs })),
})
