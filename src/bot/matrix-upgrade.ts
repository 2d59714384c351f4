import { z } from 'zod'
import type { Log } from '../log.ts'
import { isNo } from './matrix-direct.ts'
import type { MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'

const tombstone = z.object({ replacement_room: z.string().min(1) })
const created = z.object({ predecessor: z.object({ room_id: z.string() }).optional().catch(undefined) })

export type UpgradeDeps = {
  readonly request: Request
  /** The rooms that are followed, under their newest ids. */
  readonly rooms: () => readonly string[]
  /** Resolves when it is kept that `from` is `to` from now on. */
  readonly onMoved: (from: string, to: string) => Promise<void>
  readonly log: Log
}
export type Upgrades = {
  readonly onState: (room: string, event: MatrixEvent) => void
  /** A successor the bot is in becomes known before anything said there is told. Throws when that cannot be looked up now. */
  readonly beforeRoom: (room: string) => Promise<void>
  /** After the old room's last words were told. Never throws. */
  readonly afterRoom: (room: string) => Promise<void>
  /** Beside the reading: what failed is tried again, and after the start tombstones are looked for that nobody noticed. */
  readonly afterBatch: () => void
}

type Move = { readonly to: string; readonly via: string; dueMs: number; said: string }

const AGAIN_MS = 120_000
/** Each request waits so long before the other rooms are read on. */
const LIMIT_MS = 10_000
const DOING = 'following a room that was upgraded'
const at = (room: string): string => `/v3/rooms/${encodeURIComponent(room)}`

/**
 * Follows upgrades of the configured rooms: the tombstone names the new room, the new room's creation event has to name the old one,
 * and then the new id stands for the configured one.
 */
export function roomUpgrades(deps: UpgradeDeps): Upgrades {
  const waiting = new Map<string, Move>()
  const running = new Map<string, Promise<void>>()
  let looked = false
  const note = (room: string, content: unknown, via: string): void => {
    const to = tombstone.safeParse(content).data?.replacement_room
    if (to === undefined || to === room || waiting.get(room)?.to === to || !deps.rooms().includes(room)) return
    waiting.set(room, { to, via, dueMs: 0, said: '' })
  }
  const attempt = async (room: string, move: Move): Promise<void> => {
    move.dueMs = performance.now() + AGAIN_MS
    // the successor may have one, too
    if (await follow(deps, room, move)) looked = false
    waiting.delete(room)
  }
  const settle = (room: string): Promise<void> => {
    const move = waiting.get(room)
    if (move === undefined) return Promise.resolve()
    const one = running.get(room) ?? attempt(room, move).finally(() => running.delete(room))
    running.set(room, one)
    return one
  }
  const quietly = (room: string): Promise<void> => settle(room).catch((e: unknown) => tell(deps, room, waiting, e))
  const look = async (): Promise<void> => {
    for (const room of deps.rooms()) note(room, await tombstoneOf(deps, room), '')
    for (const room of waiting.keys()) await quietly(room)
  }
  return {
    onState: (room, event) => {
      const server = event.sender.slice(event.sender.indexOf(':') + 1)
      if (event.type === 'm.room.tombstone' && event.state_key === '') note(room, event.content, server)
    },
    beforeRoom: async (room) => {
      for (const [from, { to }] of waiting) if (to === room) await settle(from)
    },
    afterRoom: quietly,
    afterBatch: () => {
      for (const [room, { dueMs }] of waiting) if (dueMs <= performance.now()) void quietly(room)
      if (looked) return
      looked = true
      void look().catch((error: unknown) => {
        looked = false
        deps.log.debug({ error: String(error) }, 'upgraded rooms could not be looked for')
      })
    },
  }
}

/** Once for each reason: it is tried every two minutes. */
function tell({ log }: UpgradeDeps, room: string, waiting: ReadonlyMap<string, Move>, error: unknown): void {
  const move = waiting.get(room)
  if (move === undefined || move.said === String(error)) return
  move.said = String(error)
  const replacement = move.to
  log.error({ room, replacement, error: move.said }, 'a room was upgraded and Sluice cannot follow: invite it there')
}

/** True when the bot is in the successor now; false when it is none. Throws when it cannot be known, or the bot is not let in. */
async function follow(deps: UpgradeDeps, room: string, { to, via }: Move): Promise<boolean> {
  const { request, log } = deps
  const refused = (): false => {
    log.error({ room, replacement: to }, 'a room names a successor that does not name it: not followed')
    return false
  }
  // a room the bot is in, or may look into: then nothing false is ever joined, and none left that it belongs to
  const known = await predecessorOf(deps, to)
  if (known !== undefined && known !== room) return refused()
  const query = via === '' ? {} : { server_name: via, via }
  await request('POST', `/v3/join/${encodeURIComponent(to)}`, DOING, { query, body: {}, limitMs: LIMIT_MS })
  if ((known ?? (await predecessorOf(deps, to))) !== room) {
    await request('POST', `${at(to)}/leave`, DOING, { body: {}, limitMs: LIMIT_MS })
    return refused()
  }
  await deps.onMoved(room, to)
  log.warn({ from: room, to }, 'a room was upgraded: write its new id into config/sluice.yaml')
  return true
}

/** The room a room says it replaces, `none` when it replaces none, undefined when the bot may not look. */
async function predecessorOf({ request }: UpgradeDeps, room: string): Promise<string | undefined> {
  const raw = await stateOf(request, room, 'm.room.create')
  return raw === undefined ? undefined : (created.parse(raw).predecessor?.room_id ?? 'none')
}

const tombstoneOf = ({ request }: UpgradeDeps, room: string): Promise<unknown> =>
  stateOf(request, room, 'm.room.tombstone')

async function stateOf(request: Request, room: string, type: string): Promise<unknown> {
  try {
    return await request('GET', `${at(room)}/state/${type}`, DOING, { limitMs: LIMIT_MS })
  } catch (error) {
    if (isNo(error)) return undefined
    throw error
  }
}
