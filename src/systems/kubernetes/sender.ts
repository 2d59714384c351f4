import { KubeConfig } from '@kubernetes/client-node'
import { loadKubeConfig, type Material, materialOf } from './credentials.ts'
import { connectionPool, exchange, type Wire } from './exchange.ts'
import type { ClusterOptions } from './options.ts'
import { type Reply, retryAfterMsOf, statusOf } from './status.ts'
import { sleep } from './waiting.ts'

export type Unsent = Omit<Wire, 'dispatcher' | 'timeoutMs'>

const MOST_WAITS = 3

/** Puts credentials and connections under requests, renews both, and waits where the server asks for it. Throws K8S-CREDENTIALS. */
export function sender(options: ClusterOptions) {
  const { name, requestTimeoutMs } = options
  let kc = loadKubeConfig(name, options.credentials, KubeConfig)
  const pool = connectionPool(options.connections ?? 32)
  const server = (): string => (kc.getCurrentCluster()?.server ?? '').replace(/\/+$/, '')
  const extra: Record<string, string | string[]> = { 'user-agent': options.userAgent }
  if (options.impersonate !== undefined) {
    extra['impersonate-user'] = options.impersonate.user
    extra['impersonate-group'] = [...options.impersonate.groups]
  }

  async function prepare(wire: Unsent, watch: boolean): Promise<{ wire: Wire; material: Material }> {
    const material = await materialOf(name, kc)
    const dispatcher = await pool.dispatcher(kc, material, watch)
    return {
      material,
      wire: {
        ...wire,
        headers: { ...wire.headers, ...material.headers, ...extra },
        dispatcher,
        timeoutMs: requestTimeoutMs,
      },
    }
  }

  /** A 401 may mean that the files were rotated since: they are read again, once. */
  async function withFreshCredentials(wire: Unsent): Promise<Reply> {
    const first = await prepare(wire, false)
    const reply = await exchange(first.wire)
    if (reply.status !== 401) return reply
    kc = loadKubeConfig(name, options.credentials, KubeConfig)
    const second = await prepare(wire, false)
    return JSON.stringify(first.material) === JSON.stringify(second.material) ? reply : exchange(second.wire)
  }

  /** Reads wait out what the server asks for (client-go does the same); changes are the caller's to repeat. */
  async function patiently(wire: Unsent): Promise<Reply> {
    const startedAtMs = performance.now()
    for (let waits = 0; ; waits++) {
      const reply = await withFreshCredentials(wire)
      if (wire.method !== 'GET' || (reply.status !== 429 && reply.status !== 503) || waits === MOST_WAITS) return reply
      const waitMs = retryAfterMsOf(reply, statusOf(reply.text), options.clock.now()) ?? 250 * 2 ** waits
      if (performance.now() - startedAtMs + waitMs > requestTimeoutMs) return reply
      await sleep(waitMs, wire.signal)
    }
  }

  return { server, pool, prepare, patiently }
}
