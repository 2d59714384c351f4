import type { Rule } from '../config.ts'
import { parseDurationMs } from '../duration.ts'
import type { Person } from '../person.ts'
import type { Decision, Needs, Policy, Request } from './policy.ts'
import { inWindow, parseWindow } from './window.ts'

/** policies.yaml as one policy: every matching rule applies, any deny wins, several needs add up. */
export function rulesPolicy(rules: readonly Rule[]): Policy {
  return {
    name: 'policies.yaml',
    grants: true,
    decide: (request) => {
      const matching = rules.filter((rule) => matches(rule, request))
      const denies = matching.find((rule) => rule.deny !== undefined)
      if (denies?.deny !== undefined)
        return { kind: 'deny', code: 'POLICY-DENIED', reason: denies.deny, rules: [denies.name] }
      const asking = matching.filter((rule) => rule.needs !== undefined)
      if (asking.length > 0) return addUp(asking, request)
      const allowing = matching.filter((rule) => rule.allow === true)
      return allowing.length > 0 ? { kind: 'allow', rules: allowing.map((rule) => rule.name) } : undefined
    },
  }
}

const matches = (rule: Rule, request: Request): boolean => {
  const { person, command, args, risk, cluster, time } = rule.when
  return (
    (person?.in === undefined || person.in.some((g) => inGroup(request.person, g, request))) &&
    (person?.maintains === undefined || request.maintains) &&
    (command === undefined || command.includes(request.command)) &&
    Object.entries(args ?? {}).every(([key, value]) => request.args[key] === value) &&
    (risk === undefined || risk.includes(request.risk)) &&
    matchesCluster(cluster, request) &&
    (time === undefined || inTime(time, request.nowMs))
  )
}

const matchesCluster = (wanted: Rule['when']['cluster'], request: Request): boolean =>
  wanted === undefined ||
  (request.cluster !== undefined &&
    (wanted.type?.includes(request.cluster.type) ?? true) &&
    (wanted.name?.includes(request.cluster.name) ?? true))

const inTime = (text: string, nowMs: number): boolean => {
  const window = parseWindow(text)
  if (window === undefined)
    throw new Error(`the time window ${JSON.stringify(text)} has not the form "Fri 16:00 - Mon 06:00 Europe/Zurich"`)
  return inWindow(window, nowMs)
}

const inGroup = (person: Person, group: string, request: Request): boolean => {
  if (group === 'all') return true
  if (group === 'maintainers') return request.cluster?.maintainers.includes(person.name) ?? false
  return person.groups.includes(group)
}

/** Largest number, intersected groups, shortest time, every demand. */
function addUp(rules: readonly Rule[], request: Request): Decision {
  const needs = rules.flatMap((rule) => (rule.needs === undefined ? [] : [rule.needs]))
  const eligible = request.people.filter(
    (p) => p.name !== request.person.name && needs.every((n) => n.from.some((g) => inGroup(p, g, request))),
  )
  const approvals = Math.max(...needs.map((n) => n.approvals))
  const names = rules.map((rule) => rule.name)
  if (needs.some((n) => n.ticket === 'required') && request.ticket === undefined) {
    return { kind: 'deny', code: 'POLICY-TICKET', reason: 'It needs a ticket.', rules: names }
  }
  if (eligible.length < approvals) {
    const groups = [...new Set(needs.flatMap((n) => n.from))].join(', ')
    return {
      kind: 'deny',
      code: 'POLICY-UNMET',
      reason: `It needs ${approvals} approvals from ${groups}, and ${eligible.length === 0 ? 'nobody' : `only ${eligible.map((p) => p.name).join(', ')}`} could give one.`,
      rules: names,
    }
  }
  const confirm = needs.some((n) => n.confirm === 'typed') ? { confirm: 'typed' as const } : {}
  const ticket = needs.some((n) => n.ticket === 'required') ? { ticket: 'required' as const } : {}
  const all: Needs = {
    approvals,
    from: eligible.map((p) => p.name),
    denyCount: Math.min(...needs.map((n) => n.denyCount)),
    withinMs: Math.min(...needs.map((n) => parseDurationMs(n.within) ?? 0)),
    ...confirm,
    ...ticket,
  }
  return { kind: 'needs', needs: all, rules: names }
}
