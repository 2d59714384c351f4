import { leaseCalls } from './lease.ts'
import type { ClusterOptions } from './options.ts'
import { podCalls } from './pods.ts'
import type { Cluster } from './port.ts'
import { reads } from './reads.ts'
import type { Session } from './session.ts'
import { watches } from './watch.ts'

export type { ClusterOptions } from './options.ts'
export { type Credentials, credentialsExpiry } from './credentials.ts'

/**
 * A cluster through @kubernetes/client-node. Nothing is read and nothing is connected before the first call, which also loads the client
 * (a third of a second): bad credentials show there, as K8S-CREDENTIALS.
 */
export function openCluster(options: ClusterOptions): Cluster {
  let opened: Promise<Session> | undefined
  const session = (): Promise<Session> => {
    opened ??= import('./session.ts').then(({ openSession }) => openSession(options))
    return opened
  }
  return {
    name: options.name,
    ...reads(session),
    ...podCalls(session, options.clock),
    ...leaseCalls(session),
    ...watches(session),
    async close() {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}
