import { z } from 'zod'
import { isRefusal, refuse } from '../errors.ts'
import type { Answer, Jobs, Revision, Speaker } from '../jobs/job.ts'
import { answer } from './command.ts'
import { answered, findJob, jobNumber, offerOf } from './job-words.ts'
import { nearest } from './suggest.ts'

type Say = (jobs: Jobs, job: string, room: string, speaker: Speaker) => Promise<Answer>

/** What people say where no gate asks for a word of its own. */
const WORDS: Readonly<Record<string, Say>> = {
  approve: (jobs, job, _room, speaker) => jobs.vote({ job, choice: 'approve', ...speaker }),
  deny: (jobs, job, _room, speaker) => jobs.vote({ job, choice: 'deny', ...speaker }),
  cancel: (jobs, job, _room, speaker) => jobs.cancel({ job, ...speaker }),
  resume: (jobs, job, _room, speaker) => jobs.resume({ job, ...speaker }),
  retry: (jobs, job, room, speaker) => jobs.retry({ job, room, ...speaker }),
}
const ALSO: Readonly<Record<string, string>> = {
  ok: 'approve',
  lgtm: 'approve',
  reject: 'deny',
  stop: 'cancel',
  abort: 'cancel',
  continue: 'resume',
}

/** Words of the open question: a gate's choices, or the name an approval wants typed. */
const choiceWords = ({ question }: Revision): readonly string[] => [
  ...(question?.choices.map((c) => c.word) ?? []),
  ...(question?.typed === undefined || question.typed.by !== undefined ? [] : [question.typed.word]),
]

export const choose = answer({
  name: 'choose',
  summary: 'Answer the question of a job with one of its words',
  phrases: ['job {job} {word}', 'confirm {job} {word}', 'choose|pick {word} [for|in|on] {job}', 'choose|pick {word}'],
  args: z.strictObject({ job: jobNumber, word: z.string().max(60) }),
  examples: ['job 17 longer', 'job 17 abort'],
  manual: [
    'Where policy wants a typed confirmation, the word is the name of what is acted on: `job 17 server23`, said by who asked.',
    '`job 17` shows the words its question takes; without a question, `cancel`, `approve`, `deny`, `resume` and `retry` work this way too.',
  ],
  takes: ['jobs'],
  acts: 'vote',
  answer: async (args, ctx) => {
    const revision = await findJob(ctx.jobs, args.job)
    if (isRefusal(revision)) return revision
    const speaker = { person: ctx.person.name, event: ctx.event, atMs: ctx.atMs }
    const spoken = args.word.toLowerCase()
    const words = choiceWords(revision)
    const word = words.find((w) => w.toLowerCase() === spoken)
    if (word !== undefined) return answered(await ctx.jobs.choose({ job: args.job, word, ...speaker }))
    const plain = WORDS[ALSO[spoken] ?? spoken]
    if (plain !== undefined) return answered(await plain(ctx.jobs, args.job, ctx.room, speaker))
    const offered = words.length === 0 ? [] : [...new Set([...nearest(spoken, words), ...words])]
    return refuse(
      'PARSE-ARGUMENT',
      words.length === 0
        ? `Job ${args.job} asks nothing that \`${args.word}\` answers.`
        : `Job ${args.job} takes: ${words.join(', ')}.`,
      {
        choices: offered.map((w) => offerOf(`job ${args.job} ${w}`)),
      },
    )
  },
})
