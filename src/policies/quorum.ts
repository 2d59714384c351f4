import type { QuorumFact } from '../systems/facts/port.ts'
import { deny, disturbs, need } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'SR1 etcd keeps its quorum'

/**
 * SR1, SR2: a control-plane node X may be disturbed only while |H \ {X}| >= floor(|V|/2)+1, evaluated as if it were shut down next.
 * A single control plane has no such moment: allowed off production with the words `without shutdown`.
 */
export const quorum: Policy = {
  name: RULE,
  decide: (request) => {
    const targets = (request.nodes ?? []).filter((n) => n.controlPlane).map((n) => n.name)
    if (!disturbs(request) || targets.length === 0) return undefined
    const fact = need<QuorumFact>(RULE, request, 'quorum')
    if ('no' in fact) return fact.no
    const { voters } = fact.value
    if (voters.length <= 1) {
      if (request.args['withoutShutdown'] === true && request.cluster?.type !== 'production') return undefined
      return deny(
        RULE,
        'QUORUM',
        `${targets.join(', ')} is the only control plane of ${request.cluster?.name ?? 'the cluster'}`,
        'Off production, say `without shutdown`.',
      )
    }
    // one control plane at a time: each target is asked alone, the others are back by then (SR2)
    const needed = Math.floor(voters.length / 2) + 1
    const short = targets.find((x) => voters.filter((v) => v.healthy && v.node !== x).length < needed)
    if (short === undefined) return undefined
    const left = voters.filter((v) => v.healthy && v.node !== short).length
    const sick = voters.filter((v) => !v.healthy).map((v) => `${v.node}${v.why === undefined ? '' : ` (${v.why})`}`)
    return deny(
      RULE,
      'QUORUM',
      `without ${short} only ${left} of ${voters.length} etcd voters would be healthy, ${needed} are needed${sick.length > 0 ? `; not healthy: ${sick.join(', ')}` : ''}`,
    )
  },
}
