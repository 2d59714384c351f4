import { z } from 'zod'
import { answer } from './command.ts'
import { answered, jobNumber } from './job-words.ts'

export const retry = answer({
  name: 'retry',
  summary: 'Ask for the same as a finished job again, as a new job of yours',
  phrases: ['retry|repeat|rerun|redo {job}', 'try {job} again', 'retry|repeat|rerun|redo [it]', 'try [it] again'],
  args: z.strictObject({ job: jobNumber }),
  examples: ['retry 17'],
  takes: ['jobs'],
  acts: 'start',
  answer: async ({ job }, { jobs, person, room, event, atMs }) =>
    answered(await jobs.retry({ job, room, person: person.name, event, atMs })),
})
