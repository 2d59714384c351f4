import type { Clock } from '../../duration.ts'
import { type Refusal, refuse } from '../../errors.ts'
import { type Credentials, openCluster } from './adapter.ts'
import type { Cluster } from './port.ts'

/** One cluster as the pool needs it. */
export type Access = {
  readonly name: string
  readonly credentials?: Credentials
  readonly impersonate: boolean
  readonly state: 'active' | 'unused'
}

export type Pool = {
  /** The cluster with requests that carry the person: in the user agent, and as impersonation where configured. */
  readonly get: (name: string, person: string) => Cluster | Refusal
  readonly close: () => Promise<void>
}

/** Connections are kept per cluster and person. `access` is asked anew each time, so that a re-read configuration counts. */
export function openPool(
  access: (name: string) => Access | undefined,
  limits: { readonly requestTimeoutMs: number; readonly clock: Clock },
): Pool {
  const open = new Map<string, { readonly access: Access; readonly cluster: Cluster }>()
  return {
    get(name, person) {
      const wanted = access(name)
      if (wanted === undefined) return refuse('PARSE-CLUSTER', `${name} is not in the registry.`)
      if (wanted.state === 'unused') return refuse('CLUSTER-UNUSED', `${name} is marked unused.`)
      if (wanted.credentials === undefined)
        return refuse('CLUSTER-NO-CREDENTIALS', `No credentials are configured for ${name}.`)
      const key = `${name} ${person}`
      const known = open.get(key)
      if (known !== undefined && known.access === wanted) return known.cluster
      const cluster = openCluster({
        name,
        credentials: wanted.credentials,
        userAgent: `sluice/0.1 (${person})`,
        ...(wanted.impersonate ? { impersonate: { user: person, groups: [] } } : {}),
        ...limits,
      })
      open.set(key, { access: wanted, cluster })
      void known?.cluster.close()
      return cluster
    },
    close: async () => {
      await Promise.all([...open.values()].map((o) => o.cluster.close()))
    },
  }
}
