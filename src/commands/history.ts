import { z } from 'zod'
import { clockText } from '../duration.ts'
import { type Refusal, refuse } from '../errors.ts'
import { type Deed, type History, type HistoryFilter, SIGNS } from '../jobs/job.ts'
import { type Message, say } from '../message.ts'
import { answer } from './command.ts'
import { pastSpan, type Span } from './past.ts'

const DEFAULT = 'yesterday'

const historyArgs = z.strictObject({
  cluster: z.string().optional(),
  node: z.string().optional(),
  person: z.string().optional(),
  mine: z.boolean().optional(),
  /** From then on; `during` is that day or week alone. */
  since: z.string().optional(),
  until: z.string().optional(),
  during: z.string().optional(),
})
type HistoryArgs = z.infer<typeof historyArgs>
type Reader = { readonly timeZone: string; readonly nowMs: number }

const unclear = (text: string): Refusal =>
  refuse('PARSE-ARGUMENT', `I do not know when "${text}" was.`, {
    next: 'Say it like `since yesterday`, `since monday`, `today`, `since 2 hours ago`, `since 20.11.`.',
  })

/** The time that is meant, in the reader's zone; without one, since yesterday. */
function spanOf({ since, until, during }: HistoryArgs, { nowMs, timeZone }: Reader): Span | Refusal {
  const said = during ?? since ?? DEFAULT
  const from = pastSpan(said, nowMs, timeZone)
  if (from === undefined) return unclear(said)
  const to = until === undefined ? undefined : pastSpan(until, nowMs, timeZone)
  if (until !== undefined && to === undefined) return unclear(until)
  const toMs = to === undefined ? (during === undefined ? undefined : from.toMs) : (to.toMs ?? to.fromMs)
  return { fromMs: from.fromMs, ...(toMs === undefined ? {} : { toMs }) }
}

const outcome = ({ state, code, endedBy }: Deed): string => {
  const by = endedBy === undefined ? '' : ` by ${endedBy}`
  const why = code === null || code === 'CANCELLED' ? '' : ` (${code})`
  return `${SIGNS[state].words}${by}${why}`
}

const row = (deed: Deed, { timeZone, nowMs }: Reader): readonly string[] => [
  clockText(deed.atMs, timeZone, nowMs),
  deed.job,
  deed.asker,
  deed.sentence,
  deed.approvals.length === 0 ? '-' : deed.approvals.join(', '),
  outcome(deed),
  deed.ticket === undefined ? '-' : `#${deed.ticket}`,
]

/** What the log cannot say: it begins later than was asked. */
function missing({ sinceMs, trimmed }: History, { fromMs }: Span, { timeZone, nowMs }: Reader): string | undefined {
  if (sinceMs === undefined) return 'The audit log is empty.'
  if (sinceMs <= fromMs) return undefined
  const begins = clockText(sinceMs, timeZone, nowMs)
  return trimmed
    ? `Of the time before ${begins} there is no audit here: it was exported to files (\`sluice audit show --with FILE\`).`
    : `Of the time before ${begins} there is no audit: it begins then.`
}

function asMessage(history: History, span: Span, about: string, reader: Reader): Message {
  const lacks = missing(history, span, reader)
  const { timeZone, nowMs } = reader
  const to = span.toMs === undefined || span.toMs > nowMs ? '' : ` until ${clockText(span.toMs, timeZone, nowMs)}`
  const when = `since ${clockText(span.fromMs, timeZone, nowMs)}${to}`
  const note = lacks === undefined ? [] : [{ kind: 'note' as const, tone: 'warn' as const, text: lacks }]
  if (history.deeds.length === 0)
    return { blocks: [...say(`Nobody changed anything${about} ${when}.`).blocks, ...note] }
  const more = history.more ? [{ kind: 'text' as const, text: 'There is more: ask for a shorter time.' }] : []
  const columns = ['WHEN', 'JOB', 'PERSON', 'WHAT', 'APPROVED BY', 'OUTCOME', 'TICKET']
  return {
    blocks: [
      { kind: 'text', text: `Who did what${about} ${when}:` },
      { kind: 'table', columns, rows: history.deeds.map((deed) => row(deed, reader)) },
      ...more,
      ...note,
    ],
  }
}

export const history = answer({
  name: 'history',
  summary: 'Who did what: person, sentence, approvals, outcome and ticket, from the audit log',
  phrases: [
    '[show] history|verlauf [of|von|for|für] {node}',
    'what happened|happens [to|with] {node}',
    'was ist mit {node} passiert|geschehen',
    '[show] who did|does|changed what',
    '[show] who has done|changed what',
    'who [has] changed anything|something',
    '[show] [the] audit [log|trail]',
    '[show] history|verlauf',
    'what happened|changed',
    'what has|have happened|changed',
    'what was|were done|changed',
    'what did {person} do|change',
    'what has {person} done|changed',
    { say: 'what did|have i do|done|change|changed', set: { mine: true } },
    'was ist|war passiert|geschehen|los',
    'was wurde gemacht|geändert|getan',
    'was passierte|geschah',
    'was hat {person} gemacht|getan|geändert',
    { say: 'was habe|hab ich gemacht|getan|geändert', set: { mine: true } },
    'wer hat was gemacht|getan|geändert',
    'wer hat etwas gemacht|getan|geändert',
  ],
  options: [
    'since|seit|from|ab {since:past}',
    'until|till|to|bis {until:past}',
    '{during:past}',
    'by|durch {person}',
    '[of|von] person {person}',
  ],
  args: historyArgs,
  // a year of entries takes a while to read: beside the room
  asksCluster: true,
  examples: ['who did what on p10 since yesterday', 'what did fran do on p10 today', 'history of p10 since monday'],
  takes: ['jobs', 'nowMs'],
  answer: async (args, ctx) => {
    const reader = { timeZone: ctx.person.timeZone, nowMs: ctx.nowMs() }
    const span = spanOf(args, reader)
    if ('refused' in span) return span
    const person = args.mine === true ? ctx.person.name : args.person
    const filter: HistoryFilter = {
      ...span,
      ...(args.cluster === undefined ? {} : { cluster: args.cluster }),
      ...(args.node === undefined ? {} : { node: args.node }),
      ...(person === undefined ? {} : { person }),
    }
    const where = args.node ?? args.cluster
    const about = `${person === undefined ? '' : ` with ${person} in it`}${where === undefined ? '' : ` on ${where}`}`
    return asMessage(await ctx.jobs.history(filter), span, about, reader)
  },
})
