import type { IdentityFact } from '../systems/facts/port.ts'
import { deny, need } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'SR14 the cluster is the one that was pinned'

/** SR14: nothing is changed on a cluster whose kube-system uid is not the pinned one; an unpinned one needs one approval, which pins it. */
export const identity: Policy = {
  name: RULE,
  decide: (request) => {
    if (request.risk === 'read' || request.cluster === undefined || request.scope === 'sluice') return undefined
    const fact = need<IdentityFact>(RULE, request, 'identity')
    if ('no' in fact) return fact.no
    const { uid, pinned } = fact.value
    if (pinned === undefined) return firstContact(request)
    return pinned === uid
      ? undefined
      : deny(RULE, 'IDENTITY-CHANGED', `${request.cluster.name} answers as ${uid}, pinned is ${pinned}`)
  },
}

const firstContact = (request: Parameters<Policy['decide']>[0]): ReturnType<Policy['decide']> => ({
  kind: 'needs',
  needs: {
    approvals: 1,
    from: request.people
      .filter(
        (p) =>
          p.name !== request.person.name &&
          (p.groups.includes('operators') || request.cluster?.maintainers.includes(p.name) === true),
      )
      .map((p) => p.name),
    denyCount: 1,
    withinMs: 30 * 60_000,
  },
  rules: [`${RULE}: its identity is not pinned yet, this approval pins it`],
})
