import { KubeConfig } from '@kubernetes/client-node'
import { isTransient } from '../../errors.ts'
import { again } from '../../retry.ts'
import { loadKubeConfig, type Material, materialOf } from './credentials.ts'
import { connectionPool, exchange, type Wire } from './exchange.ts'
import type { ClusterOptions } from './options.ts'
import { errorOf, type Reply } from './status.ts'

export type Unsent = Omit<Wire, 'dispatcher' | 'timeoutMs'>

/** Trouble that is over sooner is not worth a word; whoever asks has the patience for more, and tells people. */
const QUIET_MS = 3_000

/** Puts credentials and connections under requests, and renews both. Throws K8S-CREDENTIALS. */
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

  /** A read that meets trouble which passes is tried again for a moment; changes are the caller's to repeat, who looks first. */
  async function patiently(wire: Unsent): Promise<Reply> {
    if (wire.method !== 'GET') return withFreshCredentials(wire)
    const read = async (): Promise<Reply> => {
      const reply = await withFreshCredentials(wire)
      const error = reply.status < 300 ? undefined : errorOf(reply, wire.doing)
      if (isTransient(error)) throw error
      return reply
    }
    return again(read, { signal: wire.signal, limitMs: Math.min(QUIET_MS, requestTimeoutMs) })
  }

  return { server, pool, prepare, patiently }
}
