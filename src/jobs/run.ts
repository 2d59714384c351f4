import type { Job } from 'bullmq'
import { asSluiceError, isRefusal, type Refusal, refuse, SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import { keys } from '../store/keys.ts'
import { storeTrouble } from '../store/trouble.ts'
import type { Stop } from '../steps/step.ts'
import type { RunDeps } from './deps.ts'
import { type Attempt, cancelPath, failPath, haltPath, runSteps } from './attempt.ts'
import { halted, stoppedError } from './halt.ts'
import { itselfOf } from './itself.ts'
import type { Plan, Revision } from './job.ts'
import { openJournal } from './journal.ts'
import { ended, fromViews } from './moves.ts'
import { patiently, type World } from './perform.ts'
import { type Opened, openTarget } from './plan.ts'
import { progressReporter, withTrouble } from './progress.ts'
import { recheck } from './recheck.ts'
import { type Fence, type JobRecord, revise, without } from './record.ts'
import { holdsBack, readStop } from './stop.ts'
import { reconcile } from './survey.ts'

export type Runner = {
  /** A work processor of BullMQ: the job runs until it ends, parks, or is handed over. */
  readonly run: (job: string, bull: Job, token: string, signal: AbortSignal) => Promise<void>
  readonly cancel: (job: string) => void
  /** What runs and is held back goes back to the queue at its next safe point. */
  readonly halt: (stop: Stop) => void
  /** Running jobs stop where they are safe and go back to the queue. */
  readonly handOver: () => void
}

/** `hard` = lost or handed over; `firm` = that, or cancelled; `soft` = either, or everything stopped. `record`: once it is taken. */
type Stops = {
  readonly hard: AbortController
  readonly firm: AbortController
  readonly soft: AbortController
  record?: JobRecord
}

function openStops(signal: AbortSignal, job: string): Stops {
  const [hard, firm, soft] = [new AbortController(), new AbortController(), new AbortController()]
  const lose = () => hard.abort(new SluiceError('JOB-LOST', `running job ${job}`))
  hard.signal.addEventListener('abort', () => firm.abort(hard.signal.reason), { once: true })
  firm.signal.addEventListener('abort', () => soft.abort(firm.signal.reason), { once: true })
  if (signal.aborted) lose()
  else signal.addEventListener('abort', lose, { once: true })
  return { hard, firm, soft }
}

/** What no longer holds for a job that a worker has taken, with its locks. */
const rid = (now: JobRecord): JobRecord => ({
  ...now,
  revision: without(now.revision, 'stopped', 'unlocked', 'restarted'),
})

/** Whoever had it before died, stopped or lost it: people are told. How much was done the journal knows, once it is open. */
const restartOf = ({ state }: Revision, atMs: number): Pick<Revision, 'restarted'> =>
  state === 'running' ? { restarted: { atMs, done: 0 } } : {}

/** The job is this worker's now; undefined when the release is an old one or the job went another way. */
async function take(deps: RunDeps, job: string, id: string, fence: Fence): Promise<JobRecord | undefined> {
  const [before, release, stop] = await Promise.all([
    deps.records.get(job),
    deps.records.release(job),
    readStop(deps.patient),
  ])
  if (before === undefined || release !== id) return undefined
  const open = (record: JobRecord) => record.revision.state === 'queued' || record.revision.state === 'running'
  if (!open(before)) return undefined
  const taken = await deps.records.commit(
    job,
    (now) => {
      if (!open(now)) return undefined
      if (holdsBack(stop, now)) return now.revision.stopped?.id === stop.id ? undefined : halted(now, stop)
      const attempt = now.inner.attempt + 1
      const atMs = deps.clock.now()
      const startedAtMs = now.revision.startedAtMs ?? atMs
      const running = { state: 'running', code: null, startedAtMs, ...restartOf(now.revision, atMs) } as const
      return {
        record: revise(rid(withTrouble(now, null)), running, { attempt }),
        audit: { what: `attempt ${attempt}` },
      }
    },
    // released anew since it was looked at: another worker takes it
    { ...fence, release: id },
  )
  return taken.revision.state === 'running' ? taken : undefined
}

/** The command and its cluster; a world that cannot be reached is a no here, not a reason to try for ever. */
async function opening(deps: RunDeps, record: JobRecord): Promise<Opened | Refusal> {
  const { asked, job } = record.revision
  try {
    return await openTarget(deps, asked)
  } catch (error) {
    const known = asSluiceError(error, `running job ${job}`)
    return refuse(known.code, redact(known.message), { next: known.next })
  }
}

/** Nothing was begun by this attempt: refused before the first effect, failed (and to be resumed) after it. */
async function notBegun(deps: RunDeps, record: JobRecord, fence: Fence, no: Refusal): Promise<void> {
  const state = record.inner.started ? 'failed' : 'refused'
  const result = { text: no.text, details: fromViews(record.revision.steps), next: no.next }
  await deps.records.commit(
    record.revision.job,
    (now) => ended(now, deps.clock.now(), { state, code: no.code, result }),
    fence,
  )
}

function attemptOf(
  deps: RunDeps,
  record: JobRecord,
  fence: Fence,
  opened: Opened,
  plan: Plan,
  parts: Pick<World, 'journal' | 'report' | 'trouble' | 'patience' | 'mine' | 'signal' | 'firm'>,
): Attempt {
  const by = record.inner.resumedBy ?? record.revision.asked.by
  const world: World = {
    ...parts,
    record,
    itself: itselfOf(deps, record, fence),
    cluster: opened.cluster,
    host: deps.host(plan.target.cluster, by),
    clock: deps.clock,
    limits: deps.limits,
    ...(deps.jobUrl === undefined ? {} : { jobUrl: deps.jobUrl }),
    stopping: false,
  }
  return { deps, record, fence, change: opened.change, plan, steps: opened.change.steps(plan.target), world }
}

/** Looks again at everything, then runs the steps, or parks. */
async function proceed(attempt: Attempt, opened: Opened): Promise<void> {
  const { deps, fence, plan, record, steps, world } = attempt
  const taken = await reconcile(world, steps)
  const checked = await patiently(world, () =>
    recheck(deps, record, { ...opened, steps, approved: plan, taken, signal: world.signal }),
  )
  if (checked.kind === 'go') return await runSteps({ ...attempt, decision: checked.decision })
  const move = (now: JobRecord) => (now.revision.state === 'running' ? checked.move(now) : undefined)
  await deps.records.commit(record.revision.job, move, fence)
}

async function attempt(deps: RunDeps, record: JobRecord, fence: Fence, stops: Stops): Promise<void> {
  const { job, plan } = record.revision
  if (plan === undefined) throw new SluiceError('INTERNAL', `running job ${job}`, { text: 'it has no plan' })
  if (deps.mode === 'observe' && !record.inner.started) return notBegun(deps, record, fence, refuse('OBSERVE-ONLY'))
  const [opened, journal] = await Promise.all([
    opening(deps, record),
    openJournal({ ...deps, redis: deps.patient, job, fence }),
  ])
  if (isRefusal(opened)) return notBegun(deps, record, fence, opened)
  const progress = progressReporter(deps, job, fence)
  const { report, trouble } = progress
  // what changes Sluice itself touches no cluster, and has to go while they are away or held by somebody else
  const hold = plan.target.scope === 'sluice' ? undefined : deps.guard?.enter(plan.target.cluster, job)
  const parts = {
    journal,
    report,
    trouble,
    patience: { leftMs: deps.limits.patienceMs },
    mine: hold?.check ?? (async () => {}),
    signal: stops.soft.signal,
    firm: stops.firm.signal,
  }
  const mine = attemptOf(deps, record, fence, opened, plan, parts)
  const hard = { signal: stops.hard.signal, firm: stops.hard.signal, stopping: true }
  const unstoppable: Attempt = { ...mine, world: { ...mine.world, ...hard } }
  try {
    await (record.inner.cancel === undefined ? proceed(mine, opened) : cancelPath(unstoppable))
  } catch (error) {
    const cause = stops.soft.signal.aborted ? stops.soft.signal.reason : error
    const known = asSluiceError(cause, `running job ${job}`)
    // thrown on: BullMQ tries again when the store is back
    if (known.code === 'JOB-LOST' || storeTrouble(error, known.doing) !== undefined) throw error
    if (known.code === 'CANCELLED') await cancelPath(unstoppable)
    else if (known.code === 'STOPPED') await haltPath(unstoppable)
    else await failPath(unstoppable, known)
  } finally {
    progress.stop()
    hold?.leave()
  }
}

export function openRunner(deps: RunDeps): Runner {
  const running = new Map<string, Stops>()
  let leaving = false
  const run = async (job: string, bull: Job, token: string, signal: AbortSignal): Promise<void> => {
    const id = bull.id ?? ''
    const fence: Fence = { key: keys.workLock(id), token }
    const stops = openStops(signal, job)
    running.set(job, stops)
    try {
      const record = leaving ? undefined : await take(deps, job, id, fence)
      if (record !== undefined) stops.record = record
      if (record !== undefined) await attempt(deps, record, fence, stops)
    } catch (error) {
      const known = asSluiceError(error, `running job ${job}`)
      if (known.code !== 'JOB-LOST') throw error
      if (!leaving) deps.log.warn({ job, err: redact(known.message) }, 'this worker no longer holds the job')
    } finally {
      running.delete(job)
    }
    if (leaving) {
      await bull.moveToWait(token)
      const { WaitingError } = await import('bullmq')
      throw new WaitingError()
    }
  }
  return {
    run,
    cancel: (job) => running.get(job)?.firm.abort(new SluiceError('CANCELLED', `running job ${job}`)),
    halt: (stop) => {
      for (const [job, { record, soft }] of running)
        if (record !== undefined && holdsBack(stop, record)) soft.abort(stoppedError(stop, `running job ${job}`))
    },
    handOver: () => {
      leaving = true
      for (const [job, stops] of running)
        stops.hard.abort(new SluiceError('JOB-LOST', `running job ${job}`, { text: 'this process stops' }))
    },
  }
}
