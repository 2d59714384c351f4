import { deny } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'unused clusters are left alone'

/** The names of clusters the registry marks unused: nothing but reads. */
export const unused = (names: readonly string[]): Policy => ({
  name: RULE,
  decide: (request) =>
    request.risk !== 'read' && request.cluster !== undefined && names.includes(request.cluster.name)
      ? deny(RULE, 'CLUSTER-UNUSED', `${request.cluster.name} is marked unused`)
      : undefined,
})
