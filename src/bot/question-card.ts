import { humanSpan } from '../duration.ts'
import { FINAL, type Question, type Revision } from '../jobs/job.ts'
import { type Button, type Message, moment, type Span } from '../message.ts'
import { planBlocks } from '../plan-text.ts'
import { headingOf, practiceNote, readerOf, sentenceOf, stateText, type View, voters, whoAnswers } from './cards.ts'

const YES_NO = { approve: '✅ yes from', deny: '❌ no from' } as const
const voteText = ({ choice, person, reason }: Question['votes'][number]): string =>
  `${YES_NO[choice]} ${person}${reason === undefined ? '' : ` (${reason})`}`

const titleOf = (revision: Revision, question: Question): string => {
  const sentence = sentenceOf(revision)
  if (question.text === sentence) return `${sentence}: may it start?`
  return question.text.includes(sentence) ? question.text : `${sentence}: ${question.text}`
}

const typedText = ({ job, asked }: Revision, { typed }: Question): string =>
  typed === undefined || typed.by !== undefined
    ? ''
    : ` And ${asked.by} has to type \`job ${job} ${typed.word}\`: without it the job does not start.`

/** A question is a message of its own, because an edit notifies nobody. It says everything that is being agreed to. */
export function questionCard(revision: Revision, question: Question, view: View): Message {
  const { choices, growth, details, kind, needs } = question
  const votes = question.votes.map(voteText)
  return {
    blocks: [
      ...practiceNote(view),
      headingOf(revision, titleOf(revision, question)),
      ...(growth.length > 0 ? [{ kind: 'list', items: growth.map(grewText) } as const] : []),
      ...(kind === 'gate' || revision.plan === undefined ? [] : planBlocks(revision.plan)),
      ...(details.length > 0 && growth.length === 0 ? [{ kind: 'list', items: details } as const] : []),
      { kind: 'text', text: [`Asked by ${revision.asked.by}. `, ...howToAnswer(revision, question, view)] },
      ...(votes.length > 0 ? [{ kind: 'text', text: `Votes: ${votes.join(', ')}` } as const] : []),
    ],
    buttons: buttonsOf(question),
    mention: needs.from.length === 0 ? [revision.asked.by] : voters(revision, question),
    reactions: choices.length > 0 ? [] : ['✅', '❌'],
  }
}

const grewText = ({ was, now }: Question['growth'][number]): string =>
  `${was === undefined ? 'new' : `was ${was.verdict}, now ${now.verdict}`}: ${now.object}: ${now.reason}`

/** Who, until when, and with which words or reactions. */
function howToAnswer(revision: Revision, question: Question, view: View): readonly Span[] {
  const { job } = revision
  const { choices, expiresAtMs, askedAtMs } = question
  const until = [
    ', until ',
    moment(expiresAtMs, readerOf(revision, view)),
    ` (${humanSpan(Math.max(0, expiresAtMs - askedAtMs))})`,
  ]
  const who = whoAnswers(revision, question)
  if (choices.length > 0)
    return [who, ` decides`, ...until, `: say ${choices.map((c) => `\`job ${job} ${c.word}\``).join(', ')}.`]
  const how = `. ✅ approves, ❌ says no; or \`approve ${job}\`, \`deny ${job} reason\`.`
  return [`Needs ${who}`, ...until, how, typedText(revision, question)]
}

const gateButton = (question: Question, choice: Question['choices'][number]): Button => ({
  id: `gate:${question.id}:${choice.word}`,
  label: choice.label,
  ...(choice.risk === 'destructive' ? { style: 'danger' as const } : {}),
})
const buttonsOf = (question: Question): readonly Button[] =>
  question.choices.length > 0 ? question.choices.map((c) => gateButton(question, c)) : voteButtons(question)
const voteButtons = (question: Question): Button[] => [
  { id: `approve:${question.id}`, label: 'Approve', style: 'primary' },
  { id: `deny:${question.id}`, label: 'Deny', style: 'danger' },
]

/** A question that was answered or ran out: no buttons any more. */
export function closedQuestion(revision: Revision, question: Question, view: View): Message {
  const by = question.votes.map(voteText).join(', ')
  const how = by === '' ? `closed: ${stateText(revision)}` : `answered: ${by}`
  return {
    blocks: [...practiceNote(view), headingOf(revision, sentenceOf(revision)), { kind: 'text', text: how }],
    buttons: [],
  }
}

/** The same once the job has moved on and holds the question no more: who let it happen, or what came of it. */
export function closedLater(revision: Revision, approval: boolean, view: View): Message {
  const { approvedBy, result, state } = revision
  const by = approval && approvedBy.length > 0 ? `: approved by ${approvedBy.join(', ')}.` : undefined
  const came = FINAL.has(state) && state !== 'done' && result !== undefined ? `: ${result.text}` : '.'
  return {
    blocks: [
      ...practiceNote(view),
      headingOf(revision, sentenceOf(revision)),
      { kind: 'text', text: `This question is closed${by ?? came}` },
    ],
    buttons: [],
  }
}

/** Half its time is over: whoever has not answered is called once more. */
export function reminder(revision: Revision, question: Question, view: View): Message {
  const voted = new Set(question.votes.map(({ person }) => person))
  const called = question.needs.from.length === 0 ? [revision.asked.by] : voters(revision, question)
  const left = humanSpan(Math.max(0, question.expiresAtMs - view.nowMs))
  const text = [
    `#${revision.job} ${sentenceOf(revision)} still waits for ${whoAnswers(revision, question)}, until `,
    moment(question.expiresAtMs, readerOf(revision, view)),
    ` (${left} left).`,
  ]
  return {
    blocks: [{ kind: 'note', tone: 'warn', text }],
    buttons: buttonsOf(question),
    mention: called.filter((name) => !voted.has(name)),
  }
}
