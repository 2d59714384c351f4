import type { NotReadyFact } from '../systems/facts/port.ts'
import { deny, disturbs, need } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'SR13 nothing disruptive while other nodes are down'

/** SR13: overridden by a reason in the request. */
export const notReady: Policy = {
  name: RULE,
  decide: (request) => {
    if (!disturbs(request) || (request.nodes ?? []).length === 0 || typeof request.args['reason'] === 'string')
      return undefined
    const fact = need<NotReadyFact>(RULE, request, 'not-ready')
    if ('no' in fact) return fact.no
    const { nodes } = fact.value
    return nodes.length === 0
      ? undefined
      : deny(
          RULE,
          'NODE-NOT-READY',
          `not Ready on ${request.cluster?.name ?? 'the cluster'}: ${nodes.join(', ')}`,
          'Bring them back first, or add `reason ...` to go on all the same.',
        )
  },
}
