import type { Config } from '../config.ts'
import { humanAge } from '../duration.ts'
import { say } from '../message.ts'
import type { Sluice } from '../main.ts'
import { credentialsExpiry } from '../systems/kubernetes/adapter.ts'

const DAY_MS = 86_400_000
const WARN_MS = 21 * DAY_MS
const LOOK_MS = 6 * 3_600_000

/** Says once a day, in the rooms of a cluster, that its credentials end within three weeks. Looks at once and then every six hours. */
export function watchExpiry(sluice: Sluice, config: () => Config, nowMs: () => number): () => void {
  const look = async (): Promise<void> => {
    for (const cluster of config().clusters) await warn(sluice, config(), cluster, nowMs())
  }
  const quietly = (): void => void look().catch(() => {})
  quietly()
  const timer = setInterval(quietly, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

async function warn(
  sluice: Sluice,
  config: Config,
  { name, credentials }: Config['clusters'][number],
  nowMs: number,
): Promise<void> {
  if (credentials === undefined || !('kubeconfig' in credentials)) return
  const expiry = await credentialsExpiry(name, {
    kubeconfig: credentials.kubeconfig,
    ...(credentials.context === undefined ? {} : { context: credentials.context }),
  })
  const leftMs = (expiry.expiresAtMs ?? Number.POSITIVE_INFINITY) - nowMs
  if (leftMs > WARN_MS) return
  const text =
    leftMs <= 0
      ? `The credentials of ${name} (${expiry.kind}) have expired: nothing can be read or done there.`
      : `The credentials of ${name} (${expiry.kind}) expire in ${humanAge(leftMs)}.`
  const own = config.rooms.filter((r) => r.clusters.includes(name))
  const rooms = own.length > 0 ? own : config.rooms.filter((r) => r.clusters.length === 0)
  for (const room of rooms)
    await sluice.tell(room.name, `expiry:${name}:${room.name}:${Math.floor(nowMs / DAY_MS)}`, say(text, 'warn'))
}
