import { ERRORS, type Code, type Refusal } from '../errors.ts'
import type { Needs, Risk } from '../policies/policy.ts'
import type { StepMark } from '../message.ts'
import type { Choice, Gate } from '../steps/step.ts'
import type { Growth, JobState, Plan, Question, Revision, StepView } from './job.ts'
import type { AuditNote } from './audit-entry.ts'
import { typedFor } from './typed.ts'
import { type Effect, type Inner, type JobRecord, type Mutation, revise, without } from './record.ts'

/** Pure: a record and what happened to it -> what to write. */

const CONFIRM_MS = 30 * 60_000
export const CONFIRM: Needs = { approvals: 1, from: [], denyCount: 1, withinMs: CONFIRM_MS }

type Result = NonNullable<Revision['result']>
const clean = (now: JobRecord): JobRecord => ({
  revision: without(now.revision, 'question', 'progress', 'trouble', 'stopped', 'behind'),
  inner: without(now.inner, 'gate', 'proposed'),
})

export type Ending = {
  readonly state: JobState
  readonly code: Code | null
  readonly result: Result
  readonly offer?: string | undefined
  readonly by?: string
  /** What the audit log says of it beside. */
  readonly note?: Omit<AuditNote, 'what'> | undefined
}

/** A last state: locks are given back, the question is closed. */
export function ended(now: JobRecord, atMs: number, ending: Ending): Mutation {
  const { state, code, result, offer, by, note } = ending
  const base = clean(now)
  const record = revise(base, { state, code, result, endedAtMs: atMs, ...(offer === undefined ? {} : { offer }) })
  return { record, locks: 'release', audit: { what: state, ...(by === undefined ? {} : { by }), ...note } }
}

export const refused = (
  now: JobRecord,
  atMs: number,
  no: Refusal,
  by?: string,
  note?: Omit<AuditNote, 'what'>,
): Mutation =>
  ended(now, atMs, {
    state: 'refused',
    code: no.code,
    result: { text: no.text, details: no.details ?? [], next: no.next },
    ...(by === undefined ? {} : { by }),
    note,
  })

/** To the lock table; from there to a worker. */
export function queued(now: JobRecord, inner: Partial<Inner> = {}, by?: string): Mutation {
  const record = revise(clean(now), { state: 'queued', code: null }, inner)
  return { record, locks: 'want', audit: { what: 'queued', ...(by === undefined ? {} : { by }) } }
}

/** What somebody did, where the state alone does not say it. */
export const withNote = (mutation: Mutation, note: AuditNote): Mutation => ({
  ...mutation,
  audit: { ...mutation.audit, ...note },
})

export type Asks = {
  readonly kind: Question['kind']
  readonly code: Code | null
  readonly text: string
  readonly details?: readonly string[]
  readonly needs: Needs
  readonly growth?: Growth
  readonly plan: Plan
  readonly gate?: Gate
  readonly choices?: readonly Choice[]
}

/** When a question expires, and when it is asked again half-way. `revision`: the one before it is written. */
export const timersOf = (job: string, question: Question, revision: number): readonly Effect[] => [
  {
    id: `expire-${question.id}-${revision}`,
    queue: 'timers',
    name: 'expire',
    data: { job, question: question.id },
    dueAtMs: question.expiresAtMs,
  },
  {
    id: `remind-${question.id}-${revision}`,
    queue: 'timers',
    name: 'remind',
    data: { job, question: question.id },
    dueAtMs: Math.round((question.askedAtMs + question.expiresAtMs) / 2),
  },
]

/** Parks the job with a new question; votes on older ones do not count for it. Before the first effect the locks go back. */
export function asks(now: JobRecord, atMs: number, ask: Asks, inner: Partial<Inner> = {}): Mutation {
  const number = now.inner.questions + 1
  const choices = ask.choices ?? ask.gate?.choices ?? []
  const question: Question = {
    id: `${now.revision.job}.${number}`,
    kind: ask.kind,
    code: ask.code,
    text: ask.text,
    details: ask.details ?? [],
    planHash: ask.plan.hash,
    needs: ask.needs,
    choices: choices.map(({ word, label, risk }) => ({ word, label, risk })),
    growth: ask.growth ?? [],
    ...(ask.kind === 'approval' ? typedFor(ask.needs, ask.plan) : {}),
    votes: [],
    askedAtMs: atMs,
    expiresAtMs: atMs + ask.needs.withinMs,
  }
  const base = clean(now)
  const unanswered = without(base.inner, 'answered')
  const gate = ask.gate === undefined ? {} : { gate: ask.gate }
  // a gate does not undo the approval that let the job start; a new approval question does
  const again = ask.kind === 'approval'
  const cleared: JobRecord = {
    revision: base.revision,
    inner: again ? without(unanswered, 'confirmedBy') : unanswered,
  }
  const votes = again ? { approvedBy: [] } : {}
  const approvals = again ? { approvals: [] } : {}
  const record = revise(
    cleared,
    { state: 'waiting', code: ask.code, question, plan: ask.plan, ...votes },
    { questions: number, ...approvals, ...gate, ...inner },
  )
  return {
    record,
    ...(now.inner.started ? {} : { locks: 'release' as const }),
    effects: timersOf(now.revision.job, question, now.revision.revision),
    audit: { what: 'asked', text: question.id },
  }
}

/** The approved question opens again, without the vote that was taken back. */
export function reopened(now: JobRecord, question: Question, by: string): Mutation {
  const record = revise(now, { state: 'waiting', code: question.code, question, approvedBy: [] }, { approvals: [] })
  return {
    record: { revision: record.revision, inner: without(record.inner, 'answered', 'confirmedBy') },
    locks: 'release',
    effects: timersOf(now.revision.job, question, now.revision.revision),
    audit: { what: 'vote withdrawn', by },
  }
}

export const choiceGate = (code: Code, text: string, details: readonly string[], risk: Risk): Gate => ({
  kind: 'gate',
  code,
  text,
  details,
  choices: [
    { word: 'again', label: 'Check again', risk, effect: 'again' },
    { word: 'abort', label: 'Abort', risk: 'change', effect: 'abort' },
  ],
  withinMs: CONFIRM_MS,
})

export const gateNeeds = (gate: Gate): Needs => ({ ...CONFIRM, withinMs: gate.withinMs })

export const marked = (steps: readonly StepView[], id: string, mark: StepMark, note?: string): readonly StepView[] =>
  steps.map((view) =>
    view.id === id ? { id, title: view.title, mark, ...(note === undefined ? {} : { note }) } : view,
  )

/** What the step list says was changed and what is left, for endings that no worker sees. */
export const fromViews = (steps: readonly StepView[]): readonly string[] =>
  steps.map(
    (view) =>
      `${view.title}: ${view.mark === 'done' ? (view.note ?? 'done') : view.mark === 'skipped' ? (view.note ?? 'it was so already') : 'not done'}`,
  )

export const sentence = (code: Code): string => ERRORS[code].sentence

/** What a gate's choice does, once it may. Before the first effect an abort needs no worker. */
export function applied(now: JobRecord, choice: Choice, by: string, atMs: number): Mutation {
  if (choice.effect === 'again') return queued(now, { chosen: { ...now.inner.chosen, ...choice.args } }, by)
  const undo = choice.effect === 'abort-undo' ? ('undo' as const) : ('keep' as const)
  if (now.inner.started) return queued(now, { cancel: { by, undo } }, by)
  return ended(now, atMs, {
    state: 'cancelled',
    code: 'CANCELLED',
    result: { text: `Aborted by ${by}. Nothing was changed.`, details: [] },
    by,
  })
}

/** A no, or an expiry, after the first effect: failed, with what was changed offered back. */
export function failedAtGate(
  now: JobRecord,
  atMs: number,
  code: Code,
  text: string,
  offer: string | undefined,
  more: Pick<Ending, 'by' | 'note'> = {},
): Mutation {
  const result = { text, details: fromViews(now.revision.steps) }
  return ended(now, atMs, { state: 'failed', code, result, offer, ...more })
}
