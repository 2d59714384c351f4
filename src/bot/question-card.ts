import { humanSpan } from '../duration.ts'
import type { Question, Revision } from '../jobs/job.ts'
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
    buttons: choices.length > 0 ? choices.map((c) => gateButton(question, c)) : voteButtons(question),
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
