import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Decision, Needs, Risk } from '../policies/policy.ts'
import type { Facts } from '../systems/facts/port.ts'
import type { Asking, JobsDeps } from './deps.ts'
import type { Asked, Plan, Target, Vote } from './job.ts'

type Judging = Pick<JobsDeps, 'decide' | 'requestContext' | 'clock' | 'log'>
type Case = { readonly asking: Asking; readonly target: Target | undefined; readonly risk: Risk; readonly facts: Facts }

export const askingOf = (asked: Asked, by: string = asked.by): Asking => ({
  by,
  command: asked.command,
  args: asked.args,
  ...(asked.ticket === undefined ? {} : { ticket: asked.ticket }),
})

/** Policy's word for a person and a plan. A throw is a deny; somebody who is no longer configured is a refusal. */
export async function judge(deps: Judging, { asking, target, risk, facts }: Case): Promise<Decision | Refusal> {
  const context = await deps.requestContext(asking, target)
  if (isRefusal(context)) return context
  const ticket = asking.ticket === undefined ? {} : { ticket: asking.ticket }
  try {
    return deps.decide({
      ...context,
      ...ticket,
      command: asking.command,
      risk,
      args: target?.args ?? asking.args,
      ...(target === undefined ? {} : { nodes: target.nodes }),
      ...(target?.scope === undefined ? {} : { scope: target.scope }),
      nowMs: deps.clock.now(),
      facts,
    })
  } catch (error) {
    deps.log.error({ err: String(error), command: asking.command }, 'a policy threw')
    return { kind: 'deny', code: 'POLICY-ERROR', reason: 'A policy failed while it was evaluated.', rules: [] }
  }
}

export const judgePlan = (
  deps: Judging,
  asked: Asked,
  plan: Plan,
  by: string = asked.by,
): Promise<Decision | Refusal> =>
  judge(deps, { asking: askingOf(asked, by), target: plan.target, risk: plan.risk, facts: plan.facts })

/** True when policy would let this person ask the same: allowed at once or with approvals. */
export async function mayAsk(
  deps: Judging,
  asked: Asked,
  plan: Plan | undefined,
  person: string,
  risk?: Risk,
): Promise<boolean> {
  const decision = await judge(deps, {
    asking: askingOf(asked, person),
    target: plan?.target,
    risk: risk ?? plan?.risk ?? 'disruptive',
    facts: plan?.facts ?? {},
  })
  return !isRefusal(decision) && decision.kind !== 'deny'
}

/** A needs that no configured people can meet, or whose ticket is missing, is a no at once. */
export function unmet(
  needs: Needs,
  own: readonly string[],
  asked: Asked,
  configured: readonly string[],
): Refusal | undefined {
  if (needs.ticket === 'required' && asked.ticket === undefined) return refuse('POLICY-TICKET')
  const eligible = needs.from.filter((name) => !own.includes(name) && configured.includes(name))
  if (eligible.length >= needs.approvals) return undefined
  const who = eligible.length === 0 ? 'nobody could give them' : `only ${eligible.join(', ')} could`
  return refuse('POLICY-UNMET', `It needs ${needs.approvals} approval(s), and ${who}.`)
}

/** Approvals that still count: given by people who are configured and named by the policy now. */
export function stillApproved(
  votes: readonly Vote[],
  needs: Needs,
  own: readonly string[],
  configured: readonly string[],
): boolean {
  const good = new Set(
    votes
      .filter(
        (v) =>
          v.choice === 'approve' &&
          needs.from.includes(v.person) &&
          !own.includes(v.person) &&
          configured.includes(v.person),
      )
      .map((v) => v.person),
  )
  return good.size >= needs.approvals
}
