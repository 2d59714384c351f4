import { type Code, SluiceError } from '../errors.ts'
import { again, type Budget } from '../retry.ts'
import type { Evidence, Gate, ItselfToChange, Progress, Step, StepContext } from '../steps/step.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import type { Host } from '../systems/ssh/port.ts'
import type { JobsDeps, Limits } from './deps.ts'
import { stoppedError } from './halt.ts'
import type { Journal } from './journal.ts'
import type { JobRecord } from './record.ts'
import { holdsBack } from './stop.ts'

/** What a worker needs to carry out the steps of one job. */
export type World = {
  readonly record: JobRecord
  readonly journal: Journal
  readonly cluster: Cluster
  readonly host: (name: string) => Host
  readonly clock: JobsDeps['clock']
  readonly limits: Limits
  readonly jobUrl?: (job: string) => string
  readonly report: (progress: Progress) => void
  readonly trouble: (error: SluiceError | undefined) => void
  /** What this turn may still wait for systems that do not answer. */
  readonly patience: Budget
  /** Resolves when no other installation of Sluice works on this cluster; see `Hold.check`. */
  readonly mine: (signal: AbortSignal) => Promise<void>
  /** Aborted with a SluiceError CANCELLED, STOPPED or JOB-LOST as its reason. */
  readonly signal: AbortSignal
  /** The same without STOPPED: what cuts off a step that may not run twice, too. */
  readonly firm: AbortSignal
  readonly itself: ItselfToChange
  /** The cancel path itself is stopped neither by the cancel nor by a stop of everything. */
  readonly stopping: boolean
}

export type Performed =
  | { readonly kind: 'done'; readonly text: string; readonly already: boolean }
  | { readonly kind: 'gate'; readonly gate: Gate }
  | { readonly kind: 'unclear' }

const cancelled = (job: string) => new SluiceError('CANCELLED', `running job ${job}`)

export function contextOf(world: World, step: Step, signal: AbortSignal): StepContext {
  const { record, journal } = world
  const { job, asked } = record.revision
  return {
    itself: world.itself,
    cluster: world.cluster,
    host: world.host,
    nowMs: world.clock.now,
    job: {
      id: job,
      person: asked.by,
      attempt: record.inner.attempt,
      fence: `${job}:${record.inner.attempt}`,
      ...(asked.ticket === undefined ? {} : { ticket: asked.ticket }),
      ...(world.jobUrl === undefined ? {} : { url: world.jobUrl(job) }),
    },
    chosen: record.inner.chosen,
    journal: journal.of(step.id),
    report: world.report,
    trouble: world.trouble,
    safePoint: async () => {
      if (signal.aborted) throw signal.reason
      // first: it may take a while, and whether the job is still ours has to be known last
      await world.mine(signal)
      const said = await journal.check()
      if (said === 'go' || world.stopping) return
      if (said === 'cancel') throw cancelled(job)
      if (holdsBack(said, record)) throw stoppedError(said, `running job ${job}`)
    },
    signal,
  }
}

/** Tries again what meets trouble that passes by itself; the card says so meanwhile. A cancel ends it at once. */
export const patiently = <T>(world: World, work: () => Promise<T>): Promise<T> =>
  again(work, { budget: world.patience, signal: world.signal, onTrouble: world.trouble })

/** Runs work under a limit, until `cut` aborts; a step that does not notice its aborted signal within `graceMs` is left behind. */
export async function limited<T>(
  world: World,
  what: string,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  cut = world.signal,
): Promise<T> {
  const ctl = new AbortController()
  const stop = () => ctl.abort(cut.reason)
  if (world.signal.aborted) throw world.signal.reason
  cut.addEventListener('abort', stop, { once: true })
  const code: Code = 'STEP-TIMEOUT'
  const timer = setTimeout(
    () => ctl.abort(new SluiceError(code, what, { text: `not ended within ${Math.round(limitMs / 1000)} s` })),
    limitMs,
  )
  let grace: NodeJS.Timeout | undefined
  const leave = new Promise<never>((_, reject) => {
    ctl.signal.addEventListener('abort', () => {
      grace = setTimeout(() => reject(ctl.signal.reason), world.limits.graceMs)
    })
  })
  try {
    return await Promise.race([work(ctl.signal), leave])
  } catch (error) {
    // whatever an aborted step throws, the reason of the abort is the cause
    throw ctl.signal.aborted ? ctl.signal.reason : error
  } finally {
    clearTimeout(timer)
    clearTimeout(grace)
    cut.removeEventListener('abort', stop)
  }
}

/** The sentence a stored evidence carries. */
export const noted = (data: Readonly<Record<string, unknown>>): string =>
  typeof data['text'] === 'string' ? data['text'] : 'done'

const stored = (evidence: Evidence, already: boolean): Readonly<Record<string, unknown>> => ({
  text: evidence.text,
  already,
  ...(evidence.data === undefined ? {} : { data: evidence.data }),
})

/**
 * One step, once: the world is asked first; only when it is not so, intent is written, then the effect, then evidence. So an intent
 * without evidence means that it was not so before us: on resume a `done()` that says yes is our own work. After trouble that passes it
 * is the same as on resume, so that a lost answer is never taken for something that did not happen.
 */
export const perform = (world: World, step: Step): Promise<Performed> =>
  patiently(world, () => performOnce(world, step))

async function performOnce(world: World, step: Step): Promise<Performed> {
  const { journal } = world
  const before = journal.step(step.id)
  if (before.evidence !== undefined)
    return {
      kind: 'done',
      text: noted(before.evidence),
      already: before.evidence['already'] === true,
    }
  const evidenced = async (evidence: Evidence, already: boolean): Promise<Performed> => {
    await journal.write([{ step: step.id, key: '', kind: 'evidence', data: stored(evidence, already) }])
    return { kind: 'done', text: evidence.text, already }
  }
  return limited(
    world,
    `running ${step.id}`,
    step.timeoutMs,
    async (signal) => {
      const ctx = contextOf(world, step, signal)
      await ctx.safePoint()
      const so = await step.done(ctx)
      // sub-entries are ours too: a drain that parked at a gate has evicted pods already
      const ours = before.intent !== undefined || journal.entries(step.id).size > 0
      if (so !== undefined) return evidenced(so, !ours)
      if (before.intent !== undefined && !step.repeatable && world.record.inner.repeat !== step.id)
        return { kind: 'unclear' }
      await ctx.safePoint()
      await journal.write([{ step: step.id, key: '', kind: 'intent', data: { attempt: world.record.inner.attempt } }])
      const outcome = await step.run(ctx)
      if (outcome.kind === 'evidence') return evidenced(outcome, false)
      await journal.forget(step.id)
      return { kind: 'gate', gate: outcome }
    },
    // one that may not run twice is not cut off in the middle by a stop: it ends, or comes to a safe point of its own
    step.repeatable ? world.signal : world.firm,
  )
}
