import { identity } from './identity.ts'
import { notReady } from './not-ready.ts'
import type { Decide, Decision, Needs, Policy, Request } from './policy.ts'
import { quorum } from './quorum.ts'
import { storage } from './storage.ts'
import { ticket } from './ticket.ts'

/** THE list of safety rules; policies.yaml comes beside them. The order is the order in which a no is told. */
export const safetyRules: readonly Policy[] = [identity, ticket, quorum, storage, notReady]

/** The strictest wins; a policy that throws is a deny; nobody allowing is a deny. */
export function makeDecide(policies: readonly Policy[], onError: (policy: string, error: unknown) => void): Decide {
  return (request) => {
    const opinions = policies.flatMap((policy) =>
      opinion(policy, request, onError).map((decision) => ({ policy, decision })),
    )
    const decisions = opinions.map((o) => o.decision)
    if (!opinions.some((o) => o.policy.grants === true)) return nobodyGrants(request)
    const denied = decisions.find((d) => d.kind === 'deny')
    if (denied !== undefined) return denied
    const needs = decisions.filter((d) => d.kind === 'needs')
    if (needs.length > 0) return together(needs)
    return { kind: 'allow', rules: decisions.flatMap((d) => d.rules) }
  }
}

const nobodyGrants = (request: Request): Decision => ({
  kind: 'deny',
  code: 'POLICY-NONE',
  reason: `no policy lets ${request.person.name} do this${request.cluster === undefined ? '' : ` on ${request.cluster.name}`}`,
  rules: [],
})

function opinion(policy: Policy, request: Request, onError: (policy: string, error: unknown) => void): Decision[] {
  try {
    const decision = policy.decide(request)
    return decision === undefined ? [] : [decision]
  } catch (error) {
    onError(policy.name, error)
    return [{ kind: 'deny', code: 'POLICY-ERROR', reason: `the policy "${policy.name}" failed`, rules: [policy.name] }]
  }
}

function together(decisions: readonly Extract<Decision, { kind: 'needs' }>[]): Decision {
  const [first, ...rest] = decisions.map((d) => d.needs)
  if (first === undefined) throw new Error('together() wants at least one')
  const needs = rest.reduce<Needs>(
    (sum, n) => ({
      ...sum,
      ...n,
      approvals: Math.max(sum.approvals, n.approvals),
      from: sum.from.filter((name) => n.from.includes(name)),
      denyCount: Math.min(sum.denyCount, n.denyCount),
      withinMs: Math.min(sum.withinMs, n.withinMs),
    }),
    first,
  )
  const rules = decisions.flatMap((d) => d.rules)
  if (needs.from.length >= needs.approvals) return { kind: 'needs', needs, rules }
  return {
    kind: 'deny',
    code: 'POLICY-UNMET',
    reason: `it needs ${needs.approvals} approvals, but only ${needs.from.length} configured people could give one`,
    rules,
  }
}
