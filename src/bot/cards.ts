import { humanSpan } from '../duration.ts'
import type { Refusal } from '../errors.ts'
import { FINAL, type JobState, type Question, type Revision } from '../jobs/job.ts'
import type { Block, Button, Message, Span, Tone } from '../message.ts'
import { planBlocks } from '../plan-text.ts'

/** Pure: a job's revision -> what people see. Times are shown in the given zone. */
export type View = {
  readonly nowMs: number
  readonly timeZone: string
  readonly practice: boolean
  readonly ticketUrl?: (id: string) => string
}

const WORDS: Record<JobState, readonly [string, Tone]> = {
  received: ['planning', 'info'],
  planned: ['planned', 'info'],
  waiting: ['waiting for people', 'warn'],
  queued: ['queued', 'info'],
  running: ['running', 'info'],
  done: ['done', 'ok'],
  failed: ['failed', 'error'],
  cancelled: ['cancelled', 'warn'],
  refused: ['refused', 'error'],
  expired: ['expired', 'warn'],
  'needs-human': ['needs a human', 'error'],
}

const clock = (ms: number, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(ms)
const practiceNote = (view: View): Block[] =>
  view.practice
    ? [{ kind: 'note', tone: 'practice', text: 'practice: a simulated cluster, nothing real is touched' }]
    : []
export const sentenceOf = (revision: Revision): string => revision.plan?.target.sentence ?? revision.asked.text

function stateText(revision: Revision): string {
  const [word] = WORDS[revision.state]
  const span =
    revision.startedAtMs !== undefined && revision.endedAtMs !== undefined
      ? ` in ${humanSpan(revision.endedAtMs - revision.startedAtMs)}`
      : ''
  return `${word}${span}${revision.code === null ? '' : ` (${revision.code})`}`
}

function about(revision: Revision, view: View): readonly (readonly [string, readonly Span[]])[] {
  const { asked, approvedBy, decision } = revision
  const url = asked.ticket === undefined ? undefined : view.ticketUrl?.(asked.ticket)
  return [
    ['asked by', [asked.by, ` at ${clock(asked.atMs, view.timeZone)}`]],
    ...(asked.ticket === undefined
      ? []
      : [['ticket', [url === undefined ? `#${asked.ticket}` : { link: `#${asked.ticket}`, url }]] as const]),
    ...(approvedBy.length > 0 ? [['approved by', [approvedBy.join(', ')]] as const] : []),
    ...(decision?.kind === 'allow' ? [['allowed by', [decision.rules.join('; ')]] as const] : []),
  ]
}

function progressBlocks(revision: Revision, view: View): Block[] {
  const { progress } = revision
  if (progress === undefined || FINAL.has(revision.state)) return []
  const waiting = progress.waiting
    .slice(0, 8)
    .map((w) => `${w.object}: ${w.why}, since ${humanSpan(Math.max(0, view.nowMs - w.sinceMs))}`)
  const more = progress.waiting.length > 8 ? [`and ${progress.waiting.length - 8} more`] : []
  return [
    { kind: 'text', text: progress.text ?? `${progress.done} of ${progress.of} gone` },
    ...(waiting.length > 0 ? [{ kind: 'list', items: [...waiting, ...more] } as const] : []),
  ]
}

/** The one card of a job in a place. It is edited in place; it never asks. */
export function card(revision: Revision, view: View): Message {
  const [, tone] = WORDS[revision.state]
  const { result, behind } = revision
  return {
    blocks: [
      ...practiceNote(view),
      { kind: 'heading', text: [{ bold: `#${revision.job}` }, ` ${sentenceOf(revision)}`] },
      { kind: 'note', tone, text: stateText(revision) },
      { kind: 'fields', rows: about(revision, view) },
      ...(behind === undefined ? [] : [{ kind: 'text', text: `waits behind job ${behind}` } as const]),
      ...(revision.steps.length > 0 ? [{ kind: 'steps', items: revision.steps } as const] : []),
      ...progressBlocks(revision, view),
      ...(result === undefined || revision.state === 'done' ? [] : resultBlocks(result)),
    ],
    buttons: [...offerButton(revision)],
  }
}

const resultBlocks = (result: NonNullable<Revision['result']>): Block[] => [
  { kind: 'text', text: result.text },
  ...(result.details.length > 0 ? [{ kind: 'list', items: result.details } as const] : []),
  ...(result.next === undefined ? [] : [{ kind: 'text', text: `Next: ${result.next}` } as const]),
]

const offerButton = (revision: Revision): Button[] =>
  revision.offer === undefined || !FINAL.has(revision.state)
    ? []
    : [{ id: `say:${revision.offer}`, label: revision.offer }]

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
  const { needs, choices, growth } = question
  const who =
    needs.from.length === 0 ? `${revision.asked.by}, or anyone who may ask the same,` : needs.from.join(' or ')
  const votes = question.votes.map((v) => `${v.choice === 'approve' ? '✅' : '❌'} ${v.person}`)
  const until = `until ${clock(question.expiresAtMs, view.timeZone)} (${humanSpan(Math.max(0, question.expiresAtMs - question.askedAtMs))})`
  const ask =
    choices.length > 0
      ? `${who} decides, ${until}: say ${choices.map((c) => `\`job ${revision.job} ${c.word}\``).join(', ')}.`
      : `Needs ${needs.approvals} of ${needs.from.join(', ')}, ${until}. ✅ approves, ❌ says no; or \`approve ${revision.job}\`, \`deny ${revision.job} reason\`.${typedText(revision, question)}`
  return {
    blocks: [
      ...practiceNote(view),
      { kind: 'heading', text: [{ bold: `#${revision.job}` }, ` ${titleOf(revision, question)}`] },
      ...(growth.length > 0
        ? [
            {
              kind: 'list',
              items: growth.map(
                (g) =>
                  `${g.was === undefined ? 'new' : `was ${g.was.verdict}, now ${g.now.verdict}`}: ${g.now.object}: ${g.now.reason}`,
              ),
            } as const,
          ]
        : []),
      ...(question.kind === 'gate' || revision.plan === undefined ? [] : planBlocks(revision.plan)),
      ...(question.details.length > 0 && growth.length === 0
        ? [{ kind: 'list', items: question.details } as const]
        : []),
      { kind: 'text', text: `Asked by ${revision.asked.by}. ${ask}` },
      ...(votes.length > 0 ? [{ kind: 'text', text: `Votes: ${votes.join(', ')}` } as const] : []),
    ],
    buttons: choices.length > 0 ? choices.map((c) => gateButton(question, c)) : voteButtons(question),
    mention: needs.from.length === 0 ? [revision.asked.by] : needs.from,
    reactions: choices.length > 0 ? [] : ['✅', '❌'],
  }
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
  const by = question.votes
    .map((v) => `${v.choice === 'approve' ? '✅' : '❌'} ${v.person}${v.reason === undefined ? '' : ` (${v.reason})`}`)
    .join(', ')
  const how = by === '' ? `closed: ${stateText(revision)}` : `answered: ${by}`
  return {
    blocks: [
      ...practiceNote(view),
      { kind: 'heading', text: [{ bold: `#${revision.job}` }, ` ${sentenceOf(revision)}`] },
      { kind: 'text', text: how },
    ],
    buttons: [],
  }
}

/** One line at the end, mentioning the asker. */
export function endLine(revision: Revision): Message {
  const cause = revision.result === undefined || revision.state === 'done' ? '' : `: ${revision.result.text}`
  const [, tone] = WORDS[revision.state]
  return {
    blocks: [
      {
        kind: 'note',
        tone,
        text: [
          { person: revision.asked.by },
          ` #${revision.job} ${sentenceOf(revision)}: ${stateText(revision)}${cause}`,
        ],
      },
    ],
    mention: [revision.asked.by],
    buttons: offerButton(revision),
  }
}

/** Any expected "no" as a message: code, cause, next thing to do, sentences to send instead. */
export function refusal(no: Refusal): Message {
  return {
    blocks: [
      { kind: 'note', tone: 'error', text: [no.text, ` (${no.code})`] },
      ...(no.details === undefined || no.details.length === 0 ? [] : [{ kind: 'list', items: no.details } as const]),
      { kind: 'text', text: no.next },
    ],
    buttons: (no.choices ?? []).map((c) => ({ id: `say:${c.text}`, label: c.label })),
  }
}

/** The four notes of a ticket, in order: what each says, once it is due. */
export const NOTES = ['plan', 'approval', 'start', 'result'] as const
export type NoteKind = (typeof NOTES)[number]

export function noteText(
  kind: NoteKind,
  revision: Revision,
  flatPlan: (blocks: readonly Block[]) => string,
): string | undefined {
  const head = `Sluice job ${revision.job}: ${sentenceOf(revision)}`
  const begun = revision.startedAtMs !== undefined
  if (kind === 'plan')
    return revision.plan === undefined || revision.state === 'received'
      ? undefined
      : `${head}\nasked by ${revision.asked.by} in ${revision.asked.room}\n\n${flatPlan(planBlocks(revision.plan))}`
  if (kind === 'approval')
    return revision.approvedBy.length === 0 && !begun
      ? undefined
      : `${head}: ${revision.approvedBy.length > 0 ? `approved by ${revision.approvedBy.join(', ')}` : 'allowed by policy, no approval needed'}`
  if (kind === 'start')
    return begun ? `${head}: started ${new Date(revision.startedAtMs ?? 0).toISOString()}` : undefined
  return FINAL.has(revision.state) && revision.plan !== undefined
    ? `${head}: ${stateText(revision)}${revision.result === undefined ? '' : `\n${revision.result.text}${revision.result.details.map((d) => `\n- ${d}`).join('')}`}`
    : undefined
}
