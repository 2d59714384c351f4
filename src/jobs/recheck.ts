import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Decision } from '../policies/policy.ts'
import type { Gate, Step } from '../steps/step.ts'
import { askingOf, judgePlan, stillApproved, unmet } from './judge.ts'
import type { JobsDeps } from './deps.ts'
import type { Growth, Plan } from './job.ts'
import { type Asks, asks, CONFIRM, choiceGate, gateNeeds, refused, sentence } from './moves.ts'
import { grew, type Opened, planTarget } from './plan.ts'
import { type JobRecord, type Mutation, revise } from './record.ts'

/** `go`, or what to write instead: a question, or an end. */
export type Rechecked =
  | { readonly kind: 'go'; readonly plan: Plan; readonly decision: Decision }
  | { readonly kind: 'park'; readonly move: (now: JobRecord) => Mutation }

type Deps = Pick<
  JobsDeps,
  'store' | 'lookup' | 'cluster' | 'host' | 'readFacts' | 'clock' | 'decide' | 'requestContext' | 'log'
>

function gated(deps: Deps, plan: Plan, gate: Gate): Rechecked {
  const { code, text } = gate
  const ask: Asks = { kind: 'gate', code, text, details: gate.details ?? [], needs: gateNeeds(gate), plan, gate }
  return { kind: 'park', move: (now) => asks(now, deps.clock.now(), ask) }
}

/** A no at start: before the first effect the job is refused; after it, a gate keeps locks and asks what to do. */
function no(deps: Deps, record: JobRecord, plan: Plan, answer: Refusal): Rechecked {
  if (record.inner.started)
    return gated(deps, plan, choiceGate(answer.code, answer.text, answer.details ?? [], plan.risk))
  return { kind: 'park', move: (now) => refused(revise(now, { plan }), deps.clock.now(), answer) }
}

const described = (growth: Growth): readonly string[] =>
  growth.map(
    ({ was, now }) =>
      `${now.object}: ${was === undefined ? 'new' : `was ${was.verdict}`}, now ${now.verdict}: ${now.reason}`,
  )

function question(deps: Deps, decision: Decision, plan: Plan, growth: Growth): Rechecked {
  const code = growth.length > 0 ? ('PLAN-GREW' as const) : null
  const text = code === null ? 'The approval no longer holds: it has to be given again.' : sentence(code)
  const ask: Asks = {
    kind: decision.kind === 'needs' ? 'approval' : 'confirm',
    code,
    text,
    details: described(growth),
    needs: decision.kind === 'needs' ? decision.needs : CONFIRM,
    growth,
    plan,
  }
  return { kind: 'park', move: (now) => asks(now, deps.clock.now(), ask) }
}

/** Something that blocks now: the same question before and after the first effect. */
function blocked(deps: Deps, plan: Plan): Rechecked | undefined {
  const blocks = plan.findings.filter((f) => f.verdict === 'block')
  const [block] = blocks
  if (block === undefined) return undefined
  const details = blocks.map((f) => `${f.object}: ${f.reason}`)
  return gated(deps, plan, choiceGate(block.code ?? 'PLAN-BLOCKED', block.reason, details, plan.risk))
}

/** Do the votes still count, for the people and the policy of now? */
async function unapproved(
  deps: Deps,
  record: JobRecord,
  plan: Plan,
  decision: Decision,
): Promise<Rechecked | undefined> {
  if (decision.kind !== 'needs') return undefined
  const { asked } = record.revision
  const { approvals, own, resumedBy, confirmedBy } = record.inner
  const context = await deps.requestContext(askingOf(asked, resumedBy), plan.target)
  const configured = isRefusal(context) ? [] : context.people.map((p) => p.name)
  const typed = decision.needs.confirm === undefined || confirmedBy !== undefined
  if (typed && stillApproved(approvals, decision.needs, own, configured)) return undefined
  const impossible = unmet(decision.needs, own, asked, configured)
  return impossible === undefined ? question(deps, decision, plan, []) : no(deps, record, plan, impossible)
}

export type Looked = Opened & {
  readonly steps: readonly Step[]
  readonly approved: Plan
  readonly taken: ReadonlySet<string>
  readonly signal: AbortSignal
}

/**
 * Before the first step, and after every pause: the plan is computed and decided again for the people as they are configured now.
 * `taken` = ids of the steps the journal shows as done. Throws what systems throw.
 */
export async function recheck(deps: Deps, record: JobRecord, world: Looked): Promise<Rechecked> {
  const { approved, cluster, signal, taken } = world
  const { asked } = record.revision
  const [plan, identity] = await Promise.all([
    planTarget(deps, world, asked, approved.target, signal, taken),
    cluster.identity({ signal }),
  ])
  if (identity !== approved.target.clusterUid) return no(deps, record, plan, refuse('IDENTITY-CHANGED'))
  const decision = await judgePlan(deps, asked, plan, record.inner.resumedBy)
  if (isRefusal(decision)) return no(deps, record, plan, decision)
  if (decision.kind === 'deny') {
    const next = decision.help === undefined ? {} : { next: decision.help }
    return no(deps, record, plan, refuse(decision.code, decision.reason, next))
  }
  const growth = grew(approved.findings, plan.findings)
  return (
    blocked(deps, plan) ??
    (growth.length > 0 ? question(deps, decision, plan, growth) : undefined) ??
    (await unapproved(deps, record, plan, decision)) ?? { kind: 'go', plan, decision }
  )
}
