import { asSluiceError, SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import type { Decision } from '../policies/policy.ts'
import type { Gate, Step } from '../steps/step.ts'
import { digestOf } from './audit-chain.ts'
import type { AuditNote, AuditStep } from './audit-entry.ts'
import type { RunDeps } from './deps.ts'
import type { Change, Plan, Revision, StepView } from './job.ts'
import { halted } from './halt.ts'
import { type Asks, asks, ended, gateNeeds, marked, queued } from './moves.ts'
import { storeTrouble } from '../store/trouble.ts'
import { noted, perform, type World } from './perform.ts'
import { canonical, redacted } from './plan.ts'
import { withTrouble } from './progress.ts'
import { type Fence, type JobRecord, type Mutation, revise } from './record.ts'
import { readStop } from './stop.ts'
import { ours, survey, undo } from './survey.ts'

/** One worker's turn at a job. */
export type Attempt = {
  readonly deps: RunDeps
  readonly record: JobRecord
  readonly fence: Fence
  readonly change: Change
  readonly plan: Plan
  readonly steps: readonly Step[]
  readonly world: World
  /** Policy's word when everything was looked at again, just before the steps. */
  readonly decision?: Decision
}

/** Writes as the worker of a running job, with what the journal proves; a job that was called back or cancelled meanwhile stops the attempt. */
async function write(attempt: Attempt, move: (now: JobRecord) => Mutation, heedCancel = true): Promise<void> {
  const { deps, fence, record } = attempt
  const { job } = record.revision
  await deps.records.commit(
    job,
    (now) => {
      if (now.revision.state !== 'running')
        throw new SluiceError('JOB-LOST', `running job ${job}`, { text: `it is ${now.revision.state} by now` })
      if (heedCancel && now.inner.cancel !== undefined) throw new SluiceError('CANCELLED', `running job ${job}`)
      const mutation = move(now)
      return mutation.audit === undefined ? mutation : { ...mutation, audit: proven(attempt, mutation.audit) }
    },
    fence,
  )
}

/** With every step that has begun, but at the begin of one: there the one before it is enough. */
function proven(attempt: Attempt, note: AuditNote): AuditNote {
  const { journal } = attempt.world
  const begun = views(attempt).filter(
    ({ id }) => Object.keys(journal.step(id)).length > 0 || journal.entries(id).size > 0,
  )
  const steps = (note.what.startsWith('step ') ? begun.slice(-1) : begun).map((view) => audited(attempt, view))
  return steps.length === 0 ? note : { ...note, steps }
}

/** A step as the audit log has it: with the digest of all that its journal holds, sub-entries too. */
function audited({ world }: Attempt, { id, mark }: StepView): AuditStep {
  const sub = [...world.journal.entries(id)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const written = redacted([world.journal.step(id), sub])
  return { id, mark: mark === 'pending' ? 'running' : mark, evidence: digestOf(canonical(written)) }
}

/** The step list as the journal knows it. */
function views(attempt: Attempt): readonly StepView[] {
  return attempt.steps.map(({ id, title }) => {
    const { evidence } = attempt.world.journal.step(id)
    if (evidence === undefined) return { id, title, mark: 'pending' }
    return { id, title, mark: evidence['already'] === true ? 'skipped' : 'done', note: noted(evidence) }
  })
}

async function park(attempt: Attempt, step: Step, given: Gate): Promise<void> {
  const { deps, plan, world } = attempt
  const gate = redacted(given)
  const started = attempt.steps.some((s) => ours(world, s))
  const ask: Asks = {
    kind: 'gate',
    code: gate.code,
    text: gate.text,
    details: gate.details ?? [],
    needs: gateNeeds(gate),
    plan,
    gate,
  }
  const steps = marked(views(attempt), step.id, 'running', gate.text)
  // nothing of ours changed yet: the locks go back, and its expiry is no failure
  await write(attempt, (now) => asks(revise(now, { steps }, { started }), deps.clock.now(), ask))
}

async function unclear(attempt: Attempt, step: Step, why: string): Promise<void> {
  const steps = marked(views(attempt), step.id, 'failed', why)
  const details = await survey(attempt.world, attempt.steps)
  const result = {
    text: `${step.title}: ${why}`,
    details,
    next: `Look at the system, then \`resume ${attempt.record.revision.job}\` or \`cancel ${attempt.record.revision.job}\`.`,
  }
  await write(
    attempt,
    (now) => ({
      record: revise(
        withTrouble(now, null),
        { state: 'needs-human', code: 'STEP-UNCLEAR', steps, result },
        { repeat: step.id },
      ),
      audit: { what: 'needs-human', text: step.id },
    }),
    false,
  )
}

/** What another worker had done before this one took the job up in the middle. */
function restartOf({ record, steps, world }: Attempt): Pick<Revision, 'restarted'> {
  const { restarted } = record.revision
  if (restarted === undefined) return {}
  const done = steps.filter(({ id }) => world.journal.step(id).evidence !== undefined).length
  return { restarted: { ...restarted, done } }
}

/** Step by step until done, a gate, or something unclear. Throws what stops it: CANCELLED, JOB-LOST, a step's own error. */
export async function runSteps(attempt: Attempt): Promise<void> {
  const { deps, plan, steps, world } = attempt
  let decision = attempt.decision === undefined ? {} : { decision: attempt.decision }
  let restart = restartOf(attempt)
  for (const step of steps) {
    if (world.journal.step(step.id).evidence !== undefined) continue
    const shown = marked(views(attempt), step.id, 'running')
    await write(attempt, (now) => ({
      record: revise(now, { steps: shown, ...restart }, { started: true }),
      audit: { what: `step ${step.id}`, ...decision },
    }))
    decision = {}
    restart = {}
    const outcome = await perform(world, step)
    if (outcome.kind === 'gate') return await park(attempt, step, outcome.gate)
    if (outcome.kind === 'unclear') return await unclear(attempt, step, 'it is unclear whether it took place')
  }
  const last = views(attempt)
  const details = last.map((view) => `${view.title}: ${view.note ?? 'done'}`)
  await write(
    attempt,
    (now) => {
      if (now.inner.cancel !== undefined && wantsUndo(attempt, now))
        throw new SluiceError('CANCELLED', `running job ${now.revision.job}`)
      return ended(revise(now, { steps: last }), deps.clock.now(), {
        state: 'done',
        code: null,
        result: { text: plan.target.sentence, details },
      })
    },
    false,
  )
}

const wantsUndo = (attempt: Attempt, now: JobRecord): boolean =>
  (now.inner.cancel?.undo ?? attempt.change.onCancel) === 'undo'

const offerOf = (attempt: Attempt): string | undefined =>
  attempt.steps.some((s) => ours(attempt.world, s) && attempt.world.journal.step(s.id).undone === undefined)
    ? attempt.change.offer?.(attempt.plan.target)
    : undefined

/** After a cancel: take back what is declared, then say from the world what is left. */
export async function cancelPath(attempt: Attempt): Promise<void> {
  const { deps, record, steps, world } = attempt
  const now = (await deps.records.get(record.revision.job)) ?? record
  try {
    const undoing = wantsUndo(attempt, now)
    if (undoing) await undo(world, steps)
    const details = await survey(world, steps)
    const changed = steps.some((s) => ours(world, s))
    const { by, reason } = now.inner.cancel ?? {}
    const text = `Cancelled${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}.${changed ? '' : ' Nothing was changed.'}`
    await write(
      attempt,
      (r) =>
        ended(revise(r, { steps: views(attempt) }), deps.clock.now(), {
          state: 'cancelled',
          code: 'CANCELLED',
          result: { text, details },
          offer: undoing ? undefined : offerOf(attempt),
          ...(by === undefined ? {} : { by }),
          ...(by === undefined || reason === undefined ? {} : { note: { words: { by, text: reason } } }),
        }),
      false,
    )
  } catch (error) {
    const known = asSluiceError(error, 'cancelling')
    if (world.signal.aborted || known.code === 'JOB-LOST' || storeTrouble(error, known.doing) !== undefined) throw error
    await failPath(attempt, known)
  }
}

/** Everything was stopped: back into the queue as the journal has it. Somebody may have cancelled it meanwhile, or started again. */
export async function haltPath(attempt: Attempt): Promise<void> {
  const stop = await readStop(attempt.deps.patient)
  const steps = views(attempt)
  try {
    await write(attempt, (now) =>
      stop === undefined ? queued(revise(now, { steps })) : halted(revise(now, { steps }), stop),
    )
  } catch (error) {
    if (asSluiceError(error, 'stopping').code !== 'CANCELLED') throw error
    await cancelPath(attempt)
  }
}

/** A step's error ends the job: cause, what was changed, what is left, and what is offered back. */
export async function failPath(attempt: Attempt, error: SluiceError): Promise<void> {
  const { deps, steps, world } = attempt
  const current = steps.find(
    (s) => world.journal.step(s.id).intent !== undefined && world.journal.step(s.id).evidence === undefined,
  )
  const unknown = error.code === 'STEP-TIMEOUT' || error.code === 'SSH-UNKNOWN-OUTCOME'
  if (current !== undefined && unknown && !current.repeatable)
    return await unclear(attempt, current, redact(error.message))
  const details = await survey(world, steps)
  const shown =
    current === undefined ? views(attempt) : marked(views(attempt), current.id, 'failed', redact(error.message))
  const result = { text: redact(error.message), details, next: error.next }
  await write(
    attempt,
    (now) =>
      ended(revise(now, { steps: shown }), deps.clock.now(), {
        state: 'failed',
        code: error.code,
        result,
        offer: offerOf(attempt),
      }),
    false,
  )
}
