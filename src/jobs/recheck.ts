import { isRefusal, refuse } from '../errors.ts'
import type { Decision } from '../policies/policy.ts'
import type { Step } from '../steps/step.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import { unmet, judgePlan, stillApproved } from './judge.ts'
import type { JobsDeps } from './deps.ts'
import type { Change, Growth, Plan } from './job.ts'
import { type Asks, asks, CONFIRM, choiceGate, gateNeeds, refused, sentence } from './moves.ts'
import { grew, planTarget } from './plan.ts'
import { type JobRecord, type Mutation, revise } from './record.ts'

/** `go`, or what to write instead: a question, or an end. */
export type Rechecked =
  | { readonly kind: 'go'; readonly plan: Plan }
  | { readonly kind: 'park'; readonly move: (now: JobRecord) => Mutation }

type Deps = Pick<JobsDeps, 'lookup' | 'cluster' | 'host' | 'readFacts' | 'clock' | 'decide' | 'requestContext' | 'log'>

/** A no at start: before the first effect the job is refused; after it, a gate keeps locks and asks what to do. */
function no(deps: Deps, record: JobRecord, plan: Plan, answer: ReturnType<typeof refuse>): Rechecked {
  if (!record.inner.started)
    return { kind: 'park', move: (now) => refused(revise(now, { plan }), deps.clock.now(), answer) }
  const gate = choiceGate(answer.code, answer.text, answer.details ?? [], plan.risk)
  return {
    kind: 'park',
    move: (now) =>
      asks(now, deps.clock.now(), {
        kind: 'gate',
        code: gate.code,
        text: gate.text,
        details: gate.details ?? [],
        needs: gateNeeds(gate),
        plan,
        gate,
      }),
  }
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

/**
 * Before the first step, and after every pause: the plan is computed and decided again for the people as they are configured now.
 * `taken` = ids of the steps the journal shows as done. Throws what systems throw.
 */
export async function recheck(
  deps: Deps,
  record: JobRecord,
  world: {
    readonly change: Change
    readonly cluster: Cluster
    readonly steps: readonly Step[]
    readonly approved: Plan
    readonly taken: ReadonlySet<string>
    readonly signal: AbortSignal
  },
): Promise<Rechecked> {
  const { approved, cluster, signal, taken } = world
  const { asked } = record.revision
  const { inner } = record
  const [plan, identity] = await Promise.all([
    planTarget(deps, world, asked, approved.target, signal, taken),
    cluster.identity({ signal }),
  ])
  if (identity !== approved.target.clusterUid) return no(deps, record, plan, refuse('IDENTITY-CHANGED'))
  const by = inner.resumedBy ?? asked.by
  const decision = await judgePlan(deps, asked, plan, by)
  if (isRefusal(decision)) return no(deps, record, plan, decision)
  if (decision.kind === 'deny')
    return no(
      deps,
      record,
      plan,
      refuse(decision.code, decision.reason, decision.help === undefined ? {} : { next: decision.help }),
    )
  const blocks = plan.findings.filter((f) => f.verdict === 'block')
  const [block] = blocks
  if (block !== undefined) {
    const gate = choiceGate(
      block.code ?? 'PLAN-BLOCKED',
      block.reason,
      blocks.map((f) => `${f.object}: ${f.reason}`),
      plan.risk,
    )
    return {
      kind: 'park',
      move: (now) =>
        asks(now, deps.clock.now(), {
          kind: 'gate',
          code: gate.code,
          text: gate.text,
          details: gate.details ?? [],
          needs: gateNeeds(gate),
          plan,
          gate,
        }),
    }
  }
  const growth = grew(approved.findings, plan.findings)
  if (growth.length > 0) return question(deps, decision, plan, growth)
  if (decision.kind === 'needs') {
    const context = await deps.requestContext({ by, command: asked.command, args: asked.args }, plan.target)
    const configured = isRefusal(context) ? [] : context.people.map((p) => p.name)
    if (!stillApproved(inner.approvals, decision.needs, inner.own, configured)) {
      const impossible = unmet(decision.needs, inner.own, asked, configured)
      return impossible === undefined ? question(deps, decision, plan, []) : no(deps, record, plan, impossible)
    }
  }
  return { kind: 'go', plan }
}
