import { humanSpan } from '../duration.ts'
import type { Revision } from '../jobs/job.ts'
import type { Block, Message, Span } from '../message.ts'
import { sentenceOf } from './cards.ts'

/** Where the message of a job's question is, for a link. */
export type Linked = { readonly revision: Revision; readonly url?: string }
export type Home = {
  readonly title: string
  /** Questions the person may answer. */
  readonly waiting: readonly Linked[]
  /** What the person asked for, newest first. */
  readonly mine: readonly Revision[]
  readonly nowMs: number
  readonly timeZone: string
}

/** Questions that wait for this person: named by policy, and not asked by them. */
export const waitsFor = ({ question, asked, state }: Revision, person: string): boolean =>
  state === 'waiting' &&
  question !== undefined &&
  (question.needs.from.includes(person)
    ? asked.by !== person
    : question.needs.from.length === 0 && asked.by === person) &&
  !question.votes.some((vote) => vote.person === person)

const clock = (ms: number, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(ms)

function waitingLine({ revision, url }: Linked, home: Home): readonly Span[] {
  const { question, asked, job } = revision
  const label = `#${job} ${sentenceOf(revision)}`
  const leftMs = Math.max(0, (question?.expiresAtMs ?? home.nowMs) - home.nowMs)
  return [
    url === undefined ? { bold: label } : { link: label, url },
    ` asked by ${asked.by}, until ${clock(question?.expiresAtMs ?? home.nowMs, home.timeZone)} (${humanSpan(leftMs)} left). Say `,
    { code: `approve ${job}` },
    ' or ',
    { code: `deny ${job} reason` },
    ', or react under its message.',
  ]
}

const mineLine = (revision: Revision, home: Home): readonly Span[] => [
  { bold: `#${revision.job}` },
  ` ${sentenceOf(revision)}: ${revision.state}${revision.code === null ? '' : ` (${revision.code})`}, ${clock(revision.atMs, home.timeZone)}`,
]

const list = (items: readonly (readonly Span[])[], empty: string): Block =>
  items.length === 0 ? { kind: 'text', text: empty } : { kind: 'list', items }

/** A person's own page: what waits for them, and what they asked for. Pure. */
export const homePage = (home: Home): Message => ({
  blocks: [
    { kind: 'heading', text: `What waits for you, ${home.title}` },
    list(
      home.waiting.map((one) => waitingLine(one, home)),
      'Nothing waits for you.',
    ),
    { kind: 'heading', text: 'Your requests' },
    list(
      home.mine.map((one) => mineLine(one, home)),
      'You have not asked for anything yet.',
    ),
    { kind: 'text', text: `As of ${clock(home.nowMs, home.timeZone)}. Open this page again to refresh it.` },
  ],
})
