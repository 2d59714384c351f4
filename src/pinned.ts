import type { Config } from './config.ts'
import type { Revision } from './jobs/job.ts'
import { pinIdentity, pinnedIdentities } from './store/messages.ts'
import type { Store } from './store/store.ts'

/** Which cluster is behind a name: the registry's uid, else the one that was learnt with the first approved change (an overlay in Redis). */
export type Pinned = {
  readonly uidOf: (cluster: string) => string | undefined
  /** Pins the identity a job was approved for, once it has started; what is pinned already stays. */
  readonly learn: (revision: Revision | undefined) => Promise<void>
  /** What other replicas have learnt. */
  readonly refresh: () => Promise<void>
}

export function openPinned(config: () => Config, store: Store): Pinned {
  let learnt: ReadonlyMap<string, string> = new Map()
  const uidOf = (cluster: string): string | undefined =>
    config().clusters.find((c) => c.name === cluster)?.uid ?? learnt.get(cluster)
  const refresh = async (): Promise<void> => {
    learnt = await pinnedIdentities(store)
  }
  return {
    uidOf,
    refresh,
    learn: async (revision) => {
      const { plan, startedAtMs } = revision ?? {}
      if (plan?.target.scope === 'sluice') return
      if (plan === undefined || startedAtMs === undefined || uidOf(plan.target.cluster) !== undefined) return
      await pinIdentity(store, plan.target.cluster, plan.target.clusterUid)
      await refresh()
    },
  }
}
