import { SluiceError } from '../errors.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'

/** The identity of what is no cluster. */
export const NO_UID = 'sluice'

/** In place of a cluster for what changes Sluice itself: whoever asks it something all the same has a bug, and is told so. */
export function noCluster(): Cluster {
  const none: Pick<Cluster, 'name' | 'identity'> = { name: NO_UID, identity: () => Promise.resolve(NO_UID) }
  // every other member throws when it is taken, so the shape is whole
  return new Proxy(none, {
    get: (known, member) => {
      if (member === 'name' || member === 'identity') return known[member]
      throw new SluiceError('INTERNAL', `asking no cluster for ${String(member)}`)
    },
  }) as Cluster
}
