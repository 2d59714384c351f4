import { humanSpan } from '../duration.ts'
import type { Room } from '../config.ts'
import type { Log } from '../log.ts'
import { type Message, say } from '../message.ts'
import { beginTrouble, endTrouble } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { type Chat, type ChatName, type Health, PLATFORMS } from './chat.ts'
import type { OutItem } from './outbox.ts'
import { placesOf } from './places.ts'

/** How something outside is, told as often as one likes. */
export type Trouble = (health: Health) => void

export type HealthDeps = {
  readonly store: Store
  readonly chats: ReadonlyMap<ChatName, Chat>
  readonly rooms: () => readonly Room[]
  /** The room that is told; without it `ops`, or the first room. */
  readonly reportTo: () => string | undefined
  readonly send: (item: OutItem) => Promise<void>
  /** A platform is back: what waits for it is tried at once. */
  readonly hurry: (chat: ChatName) => Promise<void>
  readonly log: Log
  readonly nowMs: () => number
  /** Trouble shorter than this is nobody's business; a refused token is told at once. Milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/**
 * Trouble with a chat or with Redmine is said in the log and on the other platforms: once when it begins and once when it ends, over all replicas and
 * restarts.
 */
export function makeHealth(deps: HealthDeps): (what: ChatName | 'redmine') => Trouble {
  return (what) => {
    const state: State = { what }
    const told: Trouble = (health) => {
      const now = health.up ? 'up' : kindOf(health)
      if (now === state.now) return
      state.now = now
      clearTimeout(state.timer)
      if (health.up) return queue(deps, state, () => over(deps, what))
      const sinceMs = deps.nowMs()
      const report = (): void => queue(deps, state, () => begun(deps, what, health, sinceMs))
      state.timer = setTimeout(report, now === 'refused' ? 0 : deps.patienceMs)
      state.timer.unref()
    }
    deps.signal.addEventListener('abort', () => clearTimeout(state.timer), { once: true })
    return told
  }
}

/** A refused token is a trouble of its own: somebody has to do something. */
const KINDS = ['away', 'refused'] as const
type Kind = (typeof KINDS)[number]
const kindOf = ({ code }: Down): Kind => (code.endsWith('-AUTH') ? 'refused' : 'away')

type State = { readonly what: string; now?: 'up' | Kind; timer?: NodeJS.Timeout; last?: Promise<void> }

/** One report after the other; a store that is away has its own way of being noticed. */
function queue({ log }: HealthDeps, state: State, report: () => Promise<void>): void {
  state.last = (state.last ?? Promise.resolve())
    .then(report)
    .catch((error: unknown) => log.error({ what: state.what, err: String(error) }, 'its health could not be reported'))
}

type Down = Extract<Health, { up: false }>
const nameOf = (what: ChatName | 'redmine'): string => (what === 'redmine' ? 'Redmine' : PLATFORMS[what])

async function begun(deps: HealthDeps, what: ChatName | 'redmine', health: Down, sinceMs: number): Promise<void> {
  const kind = kindOf(health)
  if (!(await beginTrouble(deps.store, `${what} ${kind}`, sinceMs))) return
  const cause = `${nameOf(what)}: ${health.text}${health.text.includes(health.code) ? '' : ` (${health.code})`} ${health.next}`
  deps.log.error({ code: health.code, what }, cause)
  const kept =
    what === 'redmine' ? 'Notes are written when it is back.' : 'What is to be said there is sent when it is back.'
  await tellOthers(deps, what, `trouble-${what}-${kind}-${sinceMs}`, say(`${cause} ${kept}`, 'warn'))
}

async function over(deps: HealthDeps, what: ChatName | 'redmine'): Promise<void> {
  const ended = await Promise.all(KINDS.map((kind) => endTrouble(deps.store, `${what} ${kind}`)))
  if (what !== 'redmine') await deps.hurry(what)
  const sinceMs = Math.min(...ended.filter((since) => since !== undefined))
  if (!Number.isFinite(sinceMs)) return
  const text = `${nameOf(what)} is back after ${humanSpan(deps.nowMs() - sinceMs)}.`
  deps.log.warn({ what }, text)
  await tellOthers(deps, what, `trouble-${what}-${sinceMs}-over`, say(text, 'ok'))
}

async function tellOthers(deps: HealthDeps, what: ChatName | 'redmine', key: string, message: Message): Promise<void> {
  const rooms = deps.rooms()
  const wanted = deps.reportTo() ?? 'ops'
  const room = rooms.find(({ name }) => name === wanted) ?? rooms[0]
  if (room === undefined) return
  for (const place of placesOf(room, deps.chats))
    if (place.chat !== what) await deps.send({ kind: 'say', key, place, message })
}
