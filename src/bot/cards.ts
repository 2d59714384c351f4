import { humanSpan } from '../duration.ts'
import { ERRORS, type Refusal } from '../errors.ts'
import { FINAL, type JobState, type Question, type Revision, SIGNS, type Trouble } from '../jobs/job.ts'
import { type Block, type Button, type Message, moment, type Span, type Tone } from '../message.ts'

/** Pure: a job's revision -> what people see. Times are shown in the given zone; where only one person reads, in theirs. */
export type View = {
  readonly nowMs: number
  readonly timeZone: string
  readonly practice: boolean
  readonly ticketUrl?: (id: string) => string
  readonly zoneOf?: (person: string) => string | undefined
}

const TONES: Record<JobState, Tone> = {
  received: 'info',
  planned: 'info',
  waiting: 'warn',
  queued: 'info',
  running: 'info',
  done: 'ok',
  failed: 'error',
  cancelled: 'warn',
  refused: 'error',
  expired: 'warn',
  'needs-human': 'error',
}

/** What stands under the message that asked: one emoji at a time. */
export const stateReaction = ({ state }: Pick<Revision, 'state'>): string => SIGNS[state].mark

/** Whose clock: in a room of one person their own, else the bot's. */
type Reader = { readonly timeZone: string; readonly nowMs: number }
export function readerOf({ asked }: Revision, view: View): Reader {
  const own = asked.room.startsWith('dm:') ? view.zoneOf?.(asked.by) : undefined
  return { timeZone: own ?? view.timeZone, nowMs: view.nowMs }
}

/** Where nothing is real every message says so. */
export const practiceNote = (view: View): Block[] =>
  view.practice
    ? [{ kind: 'note', tone: 'practice', text: 'practice: a simulated cluster, nothing real is touched' }]
    : []
/** What it does: as resolved, else as asked. */
export const sentenceOf = (revision: Revision): string => revision.plan?.target.sentence ?? revision.asked.text
/** `#17 drain server23 on p10`. */
export const headingOf = (revision: Revision, text: string): Block => ({
  kind: 'heading',
  text: [{ bold: `#${revision.job}` }, ` ${text}`],
})

/** `done in 4m12s`, `failed (DRAIN-PDB)`. */
export function stateText(revision: Revision): string {
  const span =
    revision.startedAtMs !== undefined && revision.endedAtMs !== undefined
      ? ` in ${humanSpan(revision.endedAtMs - revision.startedAtMs)}`
      : ''
  return `${SIGNS[revision.state].words}${span}${revision.code === null ? '' : ` (${revision.code})`}`
}

/** Where it stands, in one line: for whom it waits, behind what, since when, or why it ended. */
function standing(revision: Revision, view: View): readonly Span[] {
  const { state, question, behind, startedAtMs, result } = revision
  const said = stateText(revision)
  const reader = readerOf(revision, view)
  if (state === 'waiting' && question !== undefined)
    return [`${said}: ${whoAnswers(revision, question)}, until `, moment(question.expiresAtMs, reader)]
  if (state === 'queued' && behind !== undefined && revision.stopped === undefined)
    return [`${said}: waits behind job ${behind}`]
  if (state === 'running' && startedAtMs !== undefined) return [`${said} since `, moment(startedAtMs, reader)]
  return [result === undefined || state === 'done' ? said : `${said}: ${result.text}`]
}

/** Who may answer: never the asker, unless policy lets them and only wants to be sure. */
export const voters = ({ asked }: Revision, { needs }: Question): readonly string[] =>
  needs.from.filter((name) => name !== asked.by)
/** `1 of fran, amal`. */
export const whoAnswers = (revision: Revision, question: Question): string =>
  question.needs.from.length === 0
    ? `${revision.asked.by}, or anyone who may ask the same`
    : `${question.needs.approvals} of ${voters(revision, question).join(', ')}`

/** Who asked, for what, and who let it happen: one line. */
function about(revision: Revision, view: View): Block {
  const { asked, approvedBy, decision } = revision
  const url = asked.ticket === undefined ? undefined : view.ticketUrl?.(asked.ticket)
  const label = `ticket #${asked.ticket}`
  const ticket: readonly Span[] =
    asked.ticket === undefined ? [] : [' · ', url === undefined ? label : { link: label, url }]
  return {
    kind: 'text',
    text: [
      `asked by ${asked.by} at `,
      moment(asked.atMs, readerOf(revision, view)),
      ...ticket,
      ...(approvedBy.length > 0 ? [` · approved by ${approvedBy.join(', ')}`] : []),
      ...(decision?.kind === 'allow' ? [` · allowed by "${decision.rules.join('", "')}"`] : []),
    ],
  }
}

/** Who stopped everything, and who took its locks away. */
function actBlocks({ stopped, unlocked, state }: Revision, reader: Reader): Block[] {
  const why = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`)
  const stop: readonly Span[] | undefined =
    stopped === undefined || FINAL.has(state)
      ? undefined
      : [
          `${stopped.by} stopped everything at `,
          moment(stopped.atMs, reader),
          `${why(stopped.reason)}. It goes on by itself after `,
          { code: 'start again' },
        ]
  const taken: readonly Span[] | undefined =
    unlocked === undefined
      ? undefined
      : [
          `${unlocked.by} took its locks away at `,
          moment(unlocked.atMs, reader),
          ` (job ${unlocked.job})${why(unlocked.reason)}`,
        ]
  return [stop, taken].flatMap((text) => (text === undefined ? [] : [{ kind: 'note', tone: 'warn', text } as const]))
}

/** `restarted at 10:03 CET; step 1 of 3 is already true on the cluster; continuing`. */
function restartBlocks({ restarted, state, steps }: Revision, reader: Reader): Block[] {
  if (restarted === undefined || state !== 'running') return []
  const { atMs, done } = restarted
  const known = done === 1 ? 'step 1' : `steps 1 to ${done}`
  const told =
    done === 0
      ? `continuing with step 1 of ${steps.length}`
      : `${known} of ${steps.length} ${done === 1 ? 'is' : 'are'} already true on the cluster; continuing`
  return [{ kind: 'note', tone: 'warn', text: ['restarted at ', moment(atMs, reader), `; ${told}`] }]
}

/** What stands in the way and is nobody's doing. */
function troubleBlocks(revision: Revision, view: View): Block[] {
  const { trouble, state } = revision
  if (trouble === undefined || FINAL.has(state)) return []
  const text = [`waits since `, moment(trouble.sinceMs, readerOf(revision, view)), `: ${troubleText(trouble)}`]
  return [{ kind: 'note', tone: 'warn', text }]
}
/** `The API server cannot be reached (K8S-UNREACHABLE): connect ECONNREFUSED; tried again until it answers`. */
export const troubleText = ({ code, text }: Trouble): string =>
  `${ERRORS[code].sentence.replace(/\.$/, '')} (${code})${text === ERRORS[code].sentence ? '' : `: ${text.replace(/\.$/, '')}`}. Sluice tries again.`

/** Steps that will never be begun say nothing. */
const stepBlocks = ({ steps, state }: Revision): Block[] =>
  steps.length === 0 || (FINAL.has(state) && steps.every((step) => step.mark === 'pending'))
    ? []
    : [{ kind: 'steps', items: steps }]

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

/** The one card of a job in a place: what, where it stands, what happens, what to do next. It is edited in place; it never asks. */
export function card(revision: Revision, view: View): Message {
  const tone = TONES[revision.state]
  return {
    blocks: [
      ...practiceNote(view),
      headingOf(revision, sentenceOf(revision)),
      { kind: 'note', tone, text: standing(revision, view) },
      about(revision, view),
      ...actBlocks(revision, readerOf(revision, view)),
      ...restartBlocks(revision, readerOf(revision, view)),
      ...troubleBlocks(revision, view),
      ...stepBlocks(revision),
      ...progressBlocks(revision, view),
      ...nextBlocks(revision),
    ],
    buttons: [...offerButton(revision)],
  }
}

const NEXT: Partial<Record<JobState, (job: string) => string>> = {
  queued: (job) => `\`cancel ${job}\` takes it out of the queue.`,
  running: (job) => `\`cancel ${job}\` stops it at its next safe point.`,
  'needs-human': (job) => `Look at the system, then say \`resume ${job}\` or \`cancel ${job}\`.`,
}

function nextBlocks({ state, job, result }: Revision): Block[] {
  if (state === 'done') return []
  const next = result?.next ?? NEXT[state]?.(job)
  return [
    ...(result === undefined || result.details.length === 0 ? [] : [{ kind: 'list', items: result.details } as const]),
    ...(next === undefined ? [] : [{ kind: 'text', text: `Next: ${next}` } as const]),
  ]
}

const offerButton = (revision: Revision): Button[] =>
  revision.offer === undefined || !FINAL.has(revision.state)
    ? []
    : [{ id: `say:${revision.offer}`, label: revision.offer }]

/** One line at the end, mentioning the asker. */
export function endLine(revision: Revision): Message {
  const cause = revision.result === undefined || revision.state === 'done' ? '' : `: ${revision.result.text}`
  const tone = TONES[revision.state]
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
