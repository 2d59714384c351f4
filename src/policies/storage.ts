import type { StorageFact } from '../systems/facts/port.ts'
import { deny, disturbs, need } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'SR6 storage survives the loss of the node'

/** SR6 (here): a storage node may be disturbed only at HEALTH_OK and while no other failure domain is draining. */
export const storage: Policy = {
  name: RULE,
  decide: (request) => {
    if (!disturbs(request) || (request.nodes ?? []).length === 0) return undefined
    const fact = need<StorageFact>(RULE, request, 'storage')
    if ('no' in fact) return fact.no
    const { touches, healthy, health, targetDomains, draining } = fact.value
    if (!touches) return undefined
    if (targetDomains.length > 1)
      return deny(
        RULE,
        'STORAGE-DOMAINS',
        `the nodes are in ${targetDomains.length} storage failure domains: ${targetDomains.join(', ')}`,
      )
    const others = draining.filter((d) => !targetDomains.includes(d))
    if (others.length > 0) return deny(RULE, 'STORAGE', `another failure domain is draining: ${others.join(', ')}`)
    // a domain that drains already is the cause of the warning: going on with it loses nothing more
    if (health === 'HEALTH_WARN' && targetDomains.some((d) => draining.includes(d))) return undefined
    return healthy ? undefined : deny(RULE, 'STORAGE', `Ceph says ${health}; a storage node may go only at HEALTH_OK`)
  },
}
