import { within } from './duration.ts'
import { contextOf } from './access.ts'
import { type Aids, makeAids } from './aids.ts'
import { asksCluster, makeAnswers } from './bot/answers.ts'
import type { View } from './bot/cards.ts'
import type { Chat, ChatName, Incoming } from './bot/chat.ts'
import { makeHandle } from './bot/handle.ts'
import { type Mouth, openMouth } from './bot/mouth.ts'
import { pause } from './bot/pause.ts'
import type { Question } from './bot/scene.ts'
import { makeReceive } from './bot/receive.ts'
import { listen } from './bot/turn.ts'
import type { TicketSink } from './bot/send.ts'
import type { Capabilities, Command } from './commands/command.ts'
import { KNOWN } from './commands/not-yet.ts'
import { parse } from './commands/parse.ts'
import type { Config, PersonConfig } from './config.ts'
import type { Clock } from './duration.ts'
import type { LiveInventory } from './inventory.ts'
import type { Engine, Processors } from './jobs/deps.ts'
import { openJobs } from './jobs/engine.ts'
import { openGuard } from './jobs/guard.ts'
import { enterStore } from './jobs/schema.ts'
import type { Log } from './log.ts'
import type { Message } from './message.ts'
import { finish, nextOf } from './store/inbox.ts'
import { peekOut, popOut, pushOut } from './store/messages.ts'
import type { Store } from './store/store.ts'
import { openSystems, type Systems } from './outside.ts'
import type { Roles } from './jobs/roles.ts'
import type { Tickets } from './systems/redmine/port.ts'
import type { Host } from './systems/ssh/port.ts'

/** What a process brings: its configuration, its store, its clock, its chats. */
export type Parts = {
  /** Asked anew each time, so that SIGHUP counts. */
  readonly config: () => Config
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly practice: boolean
  readonly tickets?: Tickets
  readonly host: (cluster: string, person: string) => (name: string) => Host
  readonly env: NodeJS.ProcessEnv
  /** What people can say. Default: THE list. */
  readonly commands?: readonly Command[]
  /** Makes the chats once the engine is there: the console asks it, Slack shows the aids. */
  readonly chats: (engine: Engine, aids: Aids) => Promise<readonly Chat[]>
  /** The Lease in kube-system that keeps other installations away. Default `sluice`; tests that share a cluster have one each. */
  readonly lease?: string
  /** What this process does; default: all. */
  readonly roles?: Roles
  /** What of the outbox waits for the replica that holds the lease of a chat; the same in all replicas. */
  readonly isAlone?: (key: string) => boolean
  /** For fault tests: told around every journal write. */
  readonly onJournalWrite?: (when: 'before' | 'after', what: string) => void
}
export type Sluice = {
  readonly engine: Engine
  readonly inventory: LiveInventory
  /** Events are accepted before it, and handled from then on. Rejects when the engine cannot start. */
  readonly started: Promise<void>
  /** Says something in a room by itself; the same key is said once. */
  readonly tell: (room: string, key: string, message: Message) => Promise<void>
  readonly stop: () => Promise<void>
}

const ANSWER_MS = 60_000
const REFRESH_MS = 15_000
const FIRST_READ_MS = 3_000
/** What waits at the door is stored before the queues are loaded, which keeps a thread busy for longer than that takes. */
const HEAD_START_MS = 30

/**
 * Composition root: wires every room and starts it. Resolves when it receives: what is accepted is kept, and handled once `started`.
 * Throws STORE-NEWER on the store of a newer Sluice, before anything is heard or done.
 */
export async function startSluice(parts: Parts): Promise<Sluice> {
  await enterStore(parts.store.redis)
  const systems = openSystems(parts)
  const chats = new Map<ChatName, Chat>()
  // the engine wants the bot's processors, the bot wants the engine's jobs: the one knot, tied here
  const processors: { current?: Processors } = {}
  const engine = openEngine(parts, systems, {
    inbox: async (room, signal) => processors.current?.inbox(room, signal),
    outbox: async (key, signal) => processors.current?.outbox(key, signal),
  })
  const stop = new AbortController()
  const outbox = openOutbox(parts, engine, chats, stop.signal)
  processors.current = wireBot(parts, systems, engine, outbox)
  const aids = makeAids({
    config: parts.config,
    store: parts.store,
    jobs: engine.jobs,
    chats,
    inventory: systems.inventory.now,
    capabilities: capabilitiesOf(parts, systems, engine, outbox),
    nowMs: parts.clock.now,
  })
  for (const chat of await parts.chats(engine, aids)) chats.set(chat.name, chat)
  const started = pause(HEAD_START_MS).then(() => startEngine(engine, systems))
  // told to whoever awaits it; until then it must not look unhandled
  started.catch(() => {})
  const ends = await listenTo([...chats.values()], parts, engine, outbox, stop.signal)
  const timer = setInterval(() => void systems.inventory.refresh(stop.signal), REFRESH_MS)
  timer.unref()
  return {
    engine,
    inventory: systems.inventory,
    started,
    tell: outbox.tell,
    stop: async () => {
      clearInterval(timer)
      stop.abort()
      for (const end of ends) await end()
      await started.catch(() => {})
      await engine.stop()
      await systems.pool.close()
    },
  }
}

/** Resolves when each platform has been asked for once, with what ends the listening. */
function listenTo(
  chats: readonly Chat[],
  { config, log, store }: Parts,
  engine: Engine,
  { health }: Mouth,
  signal: AbortSignal,
): Promise<readonly (() => Promise<void>)[]> {
  const receive = makeReceive({ store, rooms: () => config().rooms, wake: (room) => engine.wake('inbox', room) })
  const shared = { receive, health, alone: engine.alone, log, signal }
  return Promise.all(chats.map((chat) => listen({ chat, ...shared })))
}

/** Names first: a sentence that waits in the inbox may speak of nodes only the live clusters know. */
async function startEngine(engine: Engine, systems: Systems): Promise<void> {
  await Promise.all([systems.inventory.refresh(within(FIRST_READ_MS)), systems.pinned.refresh()])
  await engine.start()
}

function openEngine(parts: Parts, systems: Systems, processors: Processors): Engine {
  const { config, store, clock, log, host, practice } = parts
  return openJobs({
    store,
    log,
    clock,
    lookup: (name) => systems.changes.get(name),
    cluster: async (name, person) => systems.pool.get(name, person),
    host,
    readFacts: systems.readFacts,
    decide: systems.decide,
    policyVersion: systems.policyVersion,
    requestContext: (asking, target) => contextOf(config(), asking, target?.cluster),
    processors,
    mode: config().mode,
    practice,
    guard: openGuard({ store, cluster: (name) => systems.pool.get(name, 'sluice'), log, lease: parts.lease }),
    limits: { lockMs: config().limits.lockMs, stalledMs: config().limits.stalledCheckMs },
    ...(parts.roles === undefined ? {} : { roles: parts.roles }),
    ...(parts.isAlone === undefined ? {} : { isAlone: parts.isAlone }),
    ...(parts.onJournalWrite === undefined ? {} : { onJournalWrite: parts.onJournalWrite }),
  })
}

function openOutbox(parts: Parts, engine: Engine, chats: ReadonlyMap<ChatName, Chat>, signal: AbortSignal): Mouth {
  const { config, store, clock, log, tickets, practice } = parts
  const view = (): View => ({
    nowMs: clock.now(),
    timeZone: config().timeZone,
    zoneOf: (name) => config().people.find((p) => p.name === name)?.timeZone,
    practice,
    ...(tickets === undefined ? {} : { ticketUrl: tickets.url }),
  })
  const sink = tickets === undefined ? {} : { tickets: (...what: Parameters<TicketSink>) => tickets.note(...what) }
  return openMouth({
    store,
    chats,
    rooms: () => config().rooms,
    people: () => config().people,
    jobs: engine.jobs,
    view,
    log,
    reportTo: () => config().reportTo,
    nowMs: clock.now,
    wake: (key, now) => engine.wake('outbox', key, now),
    lockMs: config().limits.lockMs,
    signal,
    ...sink,
  })
}

function wireBot(parts: Parts, systems: Systems, engine: Engine, outbox: Mouth): Processors {
  const { config, store, clock } = parts
  const people = (): readonly PersonConfig[] => config().people
  const rooms = (): Config['rooms'] => config().rooms
  const answers = wireAnswers(parts, systems, engine, outbox)
  const handle = makeHandle({
    store,
    jobs: engine.jobs,
    people,
    rooms,
    understand: (text, { room, ...situation }) =>
      parse(text, { commands: systems.commands, known: KNOWN, inventory: systems.inventory.now(), room, ...situation }),
    acts: (name) => systems.commands.find((c) => c.name === name)?.acts,
    answer: answers.ask,
    send: outbox.send,
    removed: outbox.removed,
    nowMs: clock.now,
    limits: config().limits,
  })
  return {
    outbox: async (key, signal) => {
      if (key.startsWith('answer/')) return answers.process(key, signal)
      if (key.startsWith('job/')) await systems.pinned.learn(await engine.jobs.get(key.slice('job/'.length)))
      await outbox.process(key, signal)
    },
    inbox: async (room, signal) => {
      for (
        let item = await nextOf(store, room);
        item !== undefined && !signal.aborted;
        item = await nextOf(store, room)
      ) {
        // written by receive with exactly this type
        await handle(JSON.parse(item.json) as Incoming, room)
        await finish(store, item)
      }
    },
  }
}

type Answers = {
  readonly ask: (question: Question) => Promise<void>
  readonly process: (key: string, signal: AbortSignal) => Promise<void>
}

/** Everything an answer may be given, for one person. */
const capabilitiesOf =
  ({ config, clock }: Parts, systems: Systems, engine: Engine, { lag }: Mouth) =>
  (person: PersonConfig): Capabilities => ({
    inventory: systems.inventory.now(),
    cluster: async (name) => systems.pool.get(name, person.name),
    jobs: engine.jobs,
    changes: systems.changes,
    decide: systems.decide,
    readFacts: systems.readFacts,
    commands: () => systems.commands,
    people: config().people,
    rooms: config().rooms,
    nowMs: clock.now,
    lag,
  })

/** What asks a cluster waits in the outbox queue beside the room, so that the room goes on; the rest is answered at once. */
function wireAnswers(parts: Parts, systems: Systems, engine: Engine, outbox: Mouth): Answers {
  const { config, store, clock, log } = parts
  const run = makeAnswers({
    store,
    nowMs: clock.now,
    commands: () => systems.commands,
    capabilities: capabilitiesOf(parts, systems, engine, outbox),
    people: () => config().people,
    send: outbox.send,
    log,
    isPinned: (name) => systems.pinned.uidOf(name) !== undefined,
  })
  return {
    ask: async (question) => {
      if (!asksCluster(systems.commands.find((c) => c.name === question.command)))
        return run(question, within(ANSWER_MS))
      const list = `answer/${question.event}`
      await pushOut(store, list, question)
      await engine.wake('outbox', list)
    },
    process: async (key, signal) => {
      const [question] = await peekOut<Question>(store, key)
      if (question === undefined) return
      await run(question, within(ANSWER_MS, signal))
      await popOut(store, key, question)
    },
  }
}
