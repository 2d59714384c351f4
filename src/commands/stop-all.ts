import { z } from 'zod'
import { isRefusal } from '../errors.ts'
import type { Revision } from '../jobs/job.ts'
import type { Block } from '../message.ts'
import { answer } from './command.ts'
import { sentenceOf } from './job-words.ts'
import { mayStartAgain, mayStop } from './whole.ts'

const MOST = 12

const line = (revision: Revision): string => `job ${revision.job}, ${sentenceOf(revision)} (${revision.state})`

function openJobs(open: readonly Revision[]): readonly Block[] {
  if (open.length === 0) return [{ kind: 'text', text: 'No job runs or waits.' }]
  const more = open.length > MOST ? [`and ${open.length - MOST} more`] : []
  return [
    { kind: 'text', text: 'Their cards say when they have halted:' },
    { kind: 'list', items: [...open.slice(0, MOST).map(line), ...more] },
  ]
}

export const stopAll = answer({
  name: 'stop all',
  summary: 'Halt every job at its next safe point; nothing disruptive begins until `start again`',
  phrases: [
    'stop|halt|freeze|pause all|everything|alles [now|immediately]',
    'stop|halt|freeze|pause all|every [the] jobs|job|work|changes|operations|drains [now|immediately]',
    'stop|halt|freeze|pause [the] world|fleet',
    'emergency|panic stop',
    'notstopp|notaus|nothalt',
    'alles stoppen|anhalten',
    'stoppe|stopp|halte alles|alle [jobs] [an]',
  ],
  options: ['because|reason|weil {reason:text}'],
  args: z.strictObject({ reason: z.string().max(500).optional() }),
  examples: ['stop all', 'stop everything because there is smoke in rack 4', 'halt all jobs'],
  manual: [
    'Whoever may ask for any change may say it, at once and without approvals; `start again` needs what your policies say.',
    'It holds for every room, every bot on the same Redis, and over restarts. Jobs that wait for people or for locks go on waiting.',
    'Reads, votes and `cancel` work as ever, and so do changes that disturb nothing (`cordon`, `uncordon`) when they are asked for afterwards.',
  ],
  takes: ['jobs', 'decide', 'people', 'inventory', 'commands', 'nowMs'],
  acts: 'stop',
  answer: async ({ reason }, ctx) => {
    const { jobs, person, event, atMs } = ctx
    const no = mayStop(ctx, person)
    if (no !== undefined) return no
    const why = reason === undefined ? {} : { reason }
    const stopped = await jobs.stopAll({ ...why, person: person.name, event, atMs })
    if (isRefusal(stopped)) return stopped
    const open = await jobs.list({ states: ['running', 'queued', 'waiting'], limit: 100 })
    const able = mayStartAgain(ctx)
    const next: Block =
      able.length === 0
        ? {
            kind: 'note',
            tone: 'warn',
            text: 'No policy lets anybody say `start again`: an operator has to add a rule for it to policies.yaml.',
          }
        : { kind: 'text', text: `\`start again\` lets it go on; it may be asked by ${able.join(', ')}.` }
    return { blocks: [{ kind: 'note', tone: 'warn', text: stopped.text }, ...openJobs(open), next] }
  },
})
