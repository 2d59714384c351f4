import type { Message } from '../message.ts'
import { firstTime } from '../store/messages.ts'
import type { Health } from './chat.ts'
import { type HealthDeps, makeHealth } from './health.ts'
import { makeLag } from './lag.ts'
import { makeOutbox, type Outbox, type Wake } from './outbox.ts'
import { placesOf, roomOf } from './places.ts'
import { openPulse } from './pulse.ts'
import type { OutboxDeps } from './send.ts'

/** All that the bot says: the outbox, how far it is behind, and the reports of trouble, which go through it too. */
export type Mouth = Outbox & {
  readonly health: ReturnType<typeof makeHealth>
  readonly lag: ReturnType<typeof makeLag>
  /** Says something in a room by itself; the same key is said once. */
  readonly tell: (room: string, key: string, message: Message) => Promise<void>
}
export type MouthDeps = Omit<OutboxDeps, 'redmine' | 'pulse'> &
  Pick<HealthDeps, 'reportTo' | 'nowMs' | 'signal'> & {
    readonly wake: Wake
    /** For how long the lock of a key holds. */
    readonly lockMs: number
    /** See `HealthDeps`. */
    readonly patienceMs?: number
  }

const PATIENCE_MS = 3_000

export function openMouth(given: MouthDeps): Mouth {
  const pulse = openPulse(given.lockMs / 2, given.signal)
  const deps: OutboxDeps = { ...given, pulse, redmine: (told: Health) => redmine(told) }
  const outbox = makeOutbox(deps, given.wake)
  const health = makeHealth({ ...given, ...outbox, patienceMs: given.patienceMs ?? PATIENCE_MS })
  const redmine = health('redmine')
  return { ...outbox, health, lag: makeLag(deps), tell: (...what) => tell(deps, outbox, ...what) }
}

async function tell(
  { chats, rooms, store }: OutboxDeps,
  { send }: Outbox,
  name: string,
  key: string,
  message: Message,
): Promise<void> {
  const room = roomOf(name, rooms())
  if (room === undefined || !(await firstTime(store, key))) return
  for (const place of placesOf(room, chats)) await send({ kind: 'say', key, place, message })
}
