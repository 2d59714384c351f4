import type { Config } from '../config.ts'
import type { Clock } from '../duration.ts'
import { openCluster } from '../systems/kubernetes/adapter.ts'

const READ_MS = 10_000

/** The configuration with p10 at a real cluster whose identity is pinned as found; every other cluster out of reach. Throws what the cluster throws. */
export async function labOverlay(kubeconfig: string, clock: Clock): Promise<(config: Config) => Config> {
  const cluster = openCluster({
    name: 'p10',
    credentials: { kubeconfig },
    userAgent: 'sluice/0.1 (demo)',
    requestTimeoutMs: READ_MS,
    clock,
  })
  const uid = await cluster.identity()
  await cluster.close()
  return (config) => ({
    ...config,
    clusters: config.clusters.map(({ credentials: _other, ...c }) =>
      c.name === 'p10' ? { ...c, credentials: { kubeconfig }, uid } : c,
    ),
  })
}
