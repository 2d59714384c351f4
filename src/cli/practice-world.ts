import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Clock } from '../duration.ts'
import { findOrStartPractice } from '../practice/client.ts'
import { openTickets } from '../systems/redmine/adapter.ts'
import type { Tickets } from '../systems/redmine/port.ts'
import { type Hosts, practiceHosts } from './hosts.ts'

/** The practice world as this process sees it. */
export type PracticeWorld = {
  /** The configuration with p10 and c2 at their simulated servers; no other cluster can be reached. */
  readonly overlay: (config: Config) => Config
  readonly tickets: Tickets
  readonly hosts: Hosts
  /** Ends the world's process: it stops with the console. */
  readonly leave: () => Promise<void>
}

/** Finds the world of this folder, or starts it. A kubeconfig per cluster lies beside it, for kubectl too. Throws PRACTICE-GONE. */
export async function joinPractice(dir: string, clock: Clock, signal: AbortSignal): Promise<PracticeWorld> {
  const world = await findOrStartPractice({ dir, signal, offsetMs: clock.now() - Date.now() })
  const paths = new Map(
    Object.entries(world.clusters).map(([name, cluster]) => [name, writeKubeconfig(dir, name, cluster)]),
  )
  return {
    overlay: (config) => ({
      ...config,
      clusters: config.clusters.map((c) => {
        const { credentials: _real, ...rest } = c
        const path = paths.get(c.name)
        const uid = world.clusters[c.name]?.uid
        return path === undefined || uid === undefined ? rest : { ...rest, credentials: { kubeconfig: path }, uid }
      }),
    }),
    tickets: openTickets({ url: world.redmine.url, apiKey: world.redmine.apiKey }),
    hosts: practiceHosts(world),
    leave: world.stop,
  }
}

function writeKubeconfig(
  dir: string,
  name: string,
  { server, caPem, token }: { readonly server: string; readonly caPem: string; readonly token: string },
): string {
  const path = join(dir, `practice-${name}.conf`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
    users: [{ name: 'sluice', user: { token } }],
    contexts: [{ name, context: { cluster: name, user: 'sluice' } }],
  }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  return path
}
