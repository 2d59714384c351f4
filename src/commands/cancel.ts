import { z } from 'zod'
import { refuse } from '../errors.ts'
import { answer } from './command.ts'
import { answered, jobNumber, offerOf, sentenceOf, UNFINISHED } from './job-words.ts'

export const cancel = answer({
  name: 'cancel',
  summary: 'Stop a job at its next safe point and say what is left',
  phrases: [
    'cancel|stop|abort|halt|kill {job} [because|reason] [{reason:text}]',
    'cancel|stop|abort|halt|abbrechen [it|this|that]',
    'cancel|abort|abbrechen everything|alles',
    'cancel|stop|abort [because|reason] {reason:text}',
    '{job} abbrechen',
  ],
  args: z.strictObject({ job: jobNumber.optional(), reason: z.string().max(500).optional() }),
  examples: ['cancel 17', 'stop!'],
  manual: ["In a job's thread `stop` means that job. Elsewhere Sluice asks which one."],
  takes: ['jobs'],
  acts: 'stop',
  answer: async ({ job, reason }, { jobs, person, event, atMs }) => {
    const why = reason === undefined ? {} : { reason }
    if (job !== undefined) return answered(await jobs.cancel({ job, ...why, person: person.name, event, atMs }))
    const mine = (await jobs.list({ states: UNFINISHED, limit: 100 })).filter((r) => r.asked.by === person.name)
    const choices = mine.map((r) => offerOf(`cancel ${r.job}`))
    const [only] = mine
    if (only === undefined) return refuse('JOB-STATE', 'No job of yours runs or waits. Say `jobs` for those of others.')
    return mine.length === 1
      ? refuse('PARSE-MISSING', `Cancel job ${only.job}, \`${sentenceOf(only)}\` (${only.state})?`, {
          choices,
          next: `Say \`cancel ${only.job}\`.`,
        })
      : refuse('PARSE-MISSING', `Which job? ${mine.map((r) => `${r.job}: ${sentenceOf(r)}`).join('; ')}`, {
          choices,
          next: 'Say `cancel` and its number.',
        })
  },
})
