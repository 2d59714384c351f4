import { makeAnswers } from '../../src/bot/answers.ts'
import type { Chat, ChatName, Incoming } from '../../src/bot/chat.ts'
import { makeHandle } from '../../src/bot/handle.ts'
import { type Mouth, openMouth } from '../../src/bot/mouth.ts'
import { makeReceive } from '../../src/bot/receive.ts'
import type { TicketSink } from '../../src/bot/send.ts'
import { startChat } from '../../src/bot/start.ts'
import type { Capabilities, Understood } from '../../src/commands/command.ts'
import { job as jobCommand } from '../../src/commands/job.ts'
import type { PersonConfig, Room } from '../../src/config.ts'
import type { Engine, Processors } from '../../src/jobs/deps.ts'
import type { Change } from '../../src/jobs/job.ts'
import { type Log, silentLog } from '../../src/log.ts'
import type { Decide } from '../../src/policies/policy.ts'
import { finish, nextOf } from '../../src/store/inbox.ts'
import type { Store } from '../../src/store/store.ts'
import { change, engineOn, person, toyStep } from '../jobs/toy.ts'

/** Everything of the bot but clusters and grammar: `toy N` is a change, `job N` the command of that name. */
export type ToyBot = { readonly engine: Engine; readonly mouth: Mouth; readonly stop: () => Promise<void> }
export type ToySetting = {
  readonly store: Store
  readonly chats: readonly Chat[]
  readonly room: Omit<Room, 'clusters' | 'name'>
  /** Chat identities by person. */
  readonly people?: Readonly<Record<string, Partial<PersonConfig>>>
  readonly change?: Change
  readonly decide?: Decide
  readonly tickets?: TicketSink
  readonly nowMs?: () => number
  readonly log?: Log
  readonly patienceMs?: number
}

const PEOPLE = ['nico', 'fran', 'amal', 'jin-guk']

export const understandToy = (text: string): Understood => {
  const [, word, id = ''] = /\b(toy|job) (\d+)/.exec(text) ?? []
  if (word === 'job') return { result: 'command', commands: [{ command: 'job', risk: 'read', args: { job: id } }] }
  if (word !== 'toy') return { result: 'ignore' }
  const args = { cluster: 'p10', toy: id }
  return { result: 'command', commands: [{ command: 'toy', risk: 'disruptive', args }] }
}

/** Starts it on the chats; they are stopped with it, the store is not. */
export async function startToyBot(setting: ToySetting): Promise<ToyBot> {
  const { store, nowMs = Date.now, log = silentLog } = setting
  const rooms: readonly Room[] = [{ ...setting.room, name: 'ops', clusters: [] }]
  const people = PEOPLE.map((name) => ({ ...person(name), ...setting.people?.[name] }))
  const chats = new Map<ChatName, Chat>(setting.chats.map((chat) => [chat.name, chat]))
  const over = new AbortController()
  const processors: { current?: Processors } = {}
  const engine = engineOn({
    store,
    change: setting.change ?? change([toyStep('a')]),
    ...(setting.decide === undefined ? {} : { decide: setting.decide }),
    clock: { now: nowMs },
    processors: {
      inbox: async (room, signal) => processors.current?.inbox(room, signal),
      outbox: async (key, signal) => processors.current?.outbox(key, signal),
    },
  })
  const mouth = openMouth({
    store,
    chats,
    rooms: () => rooms,
    people: () => people,
    jobs: engine.jobs,
    view: () => ({ nowMs: nowMs(), timeZone: 'Europe/Zurich', practice: false }),
    log,
    reportTo: () => undefined,
    nowMs,
    wake: (key, now) => engine.wake('outbox', key, now),
    lockMs: 5_000,
    signal: over.signal,
    ...(setting.tickets === undefined ? {} : { tickets: setting.tickets }),
    ...(setting.patienceMs === undefined ? {} : { patienceMs: setting.patienceMs }),
  })
  const answer = makeAnswers({
    store,
    nowMs,
    commands: () => [jobCommand],
    // the one command takes no more than these
    capabilities: () => ({ jobs: engine.jobs, nowMs, lag: mouth.lag }) as unknown as Capabilities,
    people: () => people,
    send: mouth.send,
    log,
    isPinned: () => true,
  })
  const handle = makeHandle({
    store,
    jobs: engine.jobs,
    people: () => people,
    rooms: () => rooms,
    understand: understandToy,
    acts: () => undefined,
    answer: (question) => answer(question, over.signal),
    send: mouth.send,
    removed: mouth.removed,
    nowMs,
    limits: { requestsPerMinute: 100, oldCommandMs: 300_000 },
  })
  processors.current = {
    outbox: mouth.process,
    inbox: async (room) => {
      for (let item = await nextOf(store, room); item !== undefined; item = await nextOf(store, room)) {
        // written by receive with exactly this type
        await handle(JSON.parse(item.json) as Incoming, room)
        await finish(store, item)
      }
    },
  }
  await engine.start()
  const receive = makeReceive({ store, rooms: () => rooms, wake: (room) => engine.wake('inbox', room) })
  for (const chat of chats.values()) await startChat(chat, receive, mouth.health(chat.name), over.signal)
  const stop = async (): Promise<void> => {
    over.abort()
    for (const chat of chats.values()) await chat.stop()
    await engine.stop()
  }
  return { engine, mouth, stop }
}
