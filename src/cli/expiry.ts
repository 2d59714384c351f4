import { accessOf } from '../access.ts'
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
    for (const { name } of config().clusters) await warn(sluice, config(), name, nowMs())
  }
  const quietly = (): void => void look().catch(() => {})
  quietly()
  const timer = setInterval(quietly, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

async function warn(sluice: Sluice, config: Config, name: string, nowMs: number): Promise<void> {
  const credentials = accessOf(() => config, process.env)(name)?.credentials
  if (credentials === undefined) return
  const expiry = await credentialsExpiry(name, credentials)
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
