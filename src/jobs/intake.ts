import { within } from '../duration.ts'
import { ERRORS, isRefusal, type Refusal, refuse, SluiceError } from '../errors.ts'
import type { Decision } from '../policies/policy.ts'
import { judgePlan, unmet } from './judge.ts'
import type { Finding } from '../steps/step.ts'
import type { RunDeps } from './deps.ts'
import type { Asked, Plan, Revision, StepView, Trouble } from './job.ts'
import { asks, queued, refused } from './moves.ts'
import { makePlan, redacted } from './plan.ts'
import { troubleOf, withTrouble } from './progress.ts'
import { type JobRecord, type Mutation, type Records, revise } from './record.ts'
import { refuses, readStop, stoppedNo } from './stop.ts'

/** The first record of a job: received, with its planning as the effect. */
export function received(job: string, given: Asked, practice: boolean, retryOf?: string): Mutation {
  const asked = redacted(given)
  const record: JobRecord = {
    revision: {
      job,
      revision: 0,
      state: 'received',
      code: null,
      atMs: given.atMs,
      asked,
      approvedBy: [],
      steps: [],
      locks: [],
      practice,
      ...(retryOf === undefined ? {} : { retryOf }),
    },
    inner: { questions: 0, started: false, attempt: 0, chosen: {}, approvals: [], own: [given.by] },
  }
  return {
    record,
    effects: [{ id: `plan-${job}`, queue: 'reads', name: 'plan', data: { job } }],
    audit: { what: 'received', by: given.by, words: { by: asked.saidBy ?? asked.by, text: asked.text } },
  }
}

const pending = (plan: Plan): readonly StepView[] => plan.steps.map(({ id, title }) => ({ id, title, mark: 'pending' }))

/** `acme/a, acme/b: reason`: each reason once, and not where it is what was said already. */
const blockDetails = (blocks: readonly Finding[], said: string): readonly string[] =>
  [...Map.groupBy(blocks, ({ reason }) => reason)].map(
    ([reason, of]) => `${of.map(({ object }) => object).join(', ')}${reason.startsWith(said) ? '' : `: ${reason}`}`,
  )

function blockRefusal({ code = 'PLAN-BLOCKED', fix }: Finding, blocks: readonly Finding[]): Refusal {
  const said = ERRORS[code].sentence.replace(/\.$/, '')
  const next = fix === undefined ? {} : { next: fix }
  return refuse(code, `${said}. Nothing was done.`, { ...next, details: blockDetails(blocks, said) })
}

/** What a decided plan becomes: queued, a question, or a refusal. */
async function decided(deps: RunDeps, record: JobRecord, plan: Plan): Promise<(now: JobRecord) => Mutation> {
  const { asked } = record.revision
  const atMs = deps.clock.now()
  const decision = await judgePlan(deps, asked, plan)
  if (isRefusal(decision)) return (now) => refused(now, atMs, decision)
  if (decision.kind === 'deny') {
    const no = refuse(decision.code, decision.reason, decision.help === undefined ? {} : { next: decision.help })
    return (now) => refused(revise(now, { decision }), atMs, no)
  }
  const blocks = plan.findings.filter((f) => f.verdict === 'block')
  const [block] = blocks
  if (block !== undefined) {
    const no = blockRefusal(block, blocks)
    const offer = block.sentence === undefined ? {} : { offer: block.sentence }
    return (now) => refused(revise(now, { decision, ...offer }), atMs, no)
  }
  if (deps.mode === 'observe') return (now) => refused(revise(now, { decision }), atMs, refuse('OBSERVE-ONLY'))
  if (decision.kind === 'allow') return (now) => queued(revise(now, { decision }))
  return asking(deps, record, plan, decision)
}

async function asking(
  deps: RunDeps,
  record: JobRecord,
  plan: Plan,
  decision: Decision & { kind: 'needs' },
): Promise<(now: JobRecord) => Mutation> {
  const { asked } = record.revision
  const atMs = deps.clock.now()
  const context = await deps.requestContext({ by: asked.by, command: asked.command, args: asked.args }, plan.target)
  const configured = isRefusal(context) ? [] : context.people.map((p) => p.name)
  const no = unmet(decision.needs, record.inner.own, asked, configured)
  if (no !== undefined) return (now) => refused(revise(now, { decision }), atMs, no)
  const { needs } = decision
  return (now) =>
    asks(revise(now, { decision }), atMs, { kind: 'approval', code: null, text: plan.target.sentence, needs, plan })
}

/** Of the time for a plan, what is left for making it once a system that was away is back. */
const LAST_TRY = 1 / 4

/** While it cannot be planned the card says why; what answers too slowly for the limit is a no with a code of its own. */
async function planInTime(
  deps: RunDeps,
  records: Records,
  { job, asked }: Revision,
  signal: AbortSignal,
): Promise<Plan | Refusal> {
  const limit = within(deps.limits.planMs, signal)
  let known: Trouble | undefined
  let shown: Promise<unknown> = Promise.resolve()
  const onTrouble = (error: SluiceError | undefined): void => {
    known = error === undefined ? undefined : troubleOf(error, known, deps.clock)
    const trouble = known ?? null
    const write = () =>
      records.commit(job, (now) =>
        now.revision.state === 'received' ? { record: revise(withTrouble(now, trouble), {}) } : undefined,
      )
    shown = shown.then(write).catch((error: unknown) => deps.log.debug({ job, err: String(error) }, 'not written'))
  }
  try {
    return await makePlan(deps, asked, limit, { limitMs: deps.limits.planMs * (1 - LAST_TRY), onTrouble })
  } catch (error) {
    if (signal.aborted || !limit.aborted) throw error
    const cause = known === undefined ? '' : ` ${known.code}: ${known.text}`
    return refuse('PLAN-TIMEOUT', `${ERRORS['PLAN-TIMEOUT'].sentence}${cause}`)
  } finally {
    await shown
  }
}

/** The reads worker: received -> planned -> what policy says. Goes on where a crash stopped it. */
export async function planJob(deps: RunDeps, records: Records, job: string, signal: AbortSignal): Promise<void> {
  let record = await records.get(job)
  if (record?.revision.state === 'received') {
    const { asked } = record.revision
    const stop = await readStop(deps.store.redis)
    if (stop !== undefined && refuses(stop, job, deps.lookup(asked.command), asked.args)) {
      await records.commit(job, (now) =>
        now.revision.state === 'received' ? refused(now, deps.clock.now(), stoppedNo(stop)) : undefined,
      )
      return
    }
    const plan = await planInTime(deps, records, record.revision, signal)
    // what a worker that lost its turn could not read is no reason to refuse
    if (signal.aborted) throw new SluiceError('JOB-LOST', `planning job ${job}`)
    record = await records.commit(job, (now) => {
      if (now.revision.state !== 'received') return undefined
      if (isRefusal(plan)) return refused(now, deps.clock.now(), plan)
      const locks = [...new Set(deps.lookup(asked.command)?.locks(plan.target) ?? [])].sort()
      return {
        record: revise(withTrouble(now, null), { state: 'planned', plan, steps: pending(plan), locks }),
        audit: { what: 'planned' },
      }
    })
  }
  const plan = record?.revision.plan
  if (record?.revision.state !== 'planned' || plan === undefined) return
  const move = await decided(deps, record, plan)
  await records.commit(job, (now) => (now.revision.state === 'planned' ? move(now) : undefined))
}
