import { asksCluster, makeAnswers } from './bot/answers.ts'
import type { View } from './bot/cards.ts'
import type { Chat, ChatName, Incoming } from './bot/chat.ts'
import { makeHandle, type Question } from './bot/handle.ts'
import { makeOutbox, type Outbox } from './bot/outbox.ts'
import { makeReceive } from './bot/receive.ts'
import type { Capabilities } from './commands/command.ts'
import { CHANGES, COMMANDS } from './commands/index.ts'
import { NOT_YET } from './commands/not-yet.ts'
import { parse } from './commands/parse.ts'
import { type Config, type PersonConfig, readSecret } from './config.ts'
import type { Clock } from './duration.ts'
import { type Refusal, refuse } from './errors.ts'
import { type LiveInventory, liveInventory } from './inventory.ts'
import type { Asking, Engine, Processors, RequestContext } from './jobs/deps.ts'
import { openJobs } from './jobs/engine.ts'
import type { Log } from './log.ts'
import { makeDecide, safetyRules } from './policies/index.ts'
import type { Decide } from './policies/policy.ts'
import { rulesPolicy } from './policies/rules.ts'
import { unused } from './policies/unused.ts'
import { finish, nextOf } from './store/inbox.ts'
import { peekOut, popOut, pushOut } from './store/messages.ts'
import type { Store } from './store/store.ts'
import { makeReadFacts } from './systems/facts/adapter.ts'
import type { ReadFacts } from './systems/facts/port.ts'
import { type Access, openPool, type Pool } from './systems/kubernetes/pool.ts'
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
  /** Makes the chats once the engine is there: the console asks it. */
  readonly chats: (engine: Engine) => Promise<readonly Chat[]>
  /** For fault tests: told around every journal write. */
  readonly onJournalWrite?: (when: 'before' | 'after', what: string) => void
}
export type Sluice = { readonly engine: Engine; readonly inventory: LiveInventory; readonly stop: () => Promise<void> }

const ANSWER_MS = 60_000
const REFRESH_MS = 15_000

/** Composition root: wires every room and starts it. Resolves when it is ready to receive. */
export async function startSluice(parts: Parts): Promise<Sluice> {
  const systems = openSystems(parts)
  const chats = new Map<ChatName, Chat>()
  // the engine wants the bot's processors, the bot wants the engine's jobs: the one knot, tied here
  const processors: { current?: Processors } = {}
  const engine = openEngine(parts, systems, {
    inbox: async (room, signal) => processors.current?.inbox(room, signal),
    outbox: async (key, signal) => processors.current?.outbox(key, signal),
  })
  processors.current = wireBot(parts, systems, engine, chats)
  for (const chat of await parts.chats(engine)) chats.set(chat.name, chat)
  await engine.start()
  const receive = makeReceive({
    store: parts.store,
    rooms: () => parts.config().rooms,
    wake: (room) => engine.wake('inbox', room),
  })
  for (const chat of chats.values()) await chat.start(receive)
  const stop = new AbortController()
  const timer = setInterval(() => void systems.inventory.refresh(stop.signal), REFRESH_MS)
  timer.unref()
  return {
    engine,
    inventory: systems.inventory,
    stop: async () => {
      clearInterval(timer)
      stop.abort()
      for (const chat of chats.values()) await chat.stop()
      await engine.stop()
      await systems.pool.close()
    },
  }
}

type Systems = {
  readonly pool: Pool
  readonly inventory: LiveInventory
  readonly decide: Decide
  readonly readFacts: ReadFacts
}

function openSystems({ config, clock, log, tickets, env }: Parts): Systems {
  const pool = openPool(accessOf(config, env), { requestTimeoutMs: config().limits.clusterRequestMs, clock })
  const unusedNames = config().clusters.flatMap((c) => (c.state === 'unused' ? [c.name] : []))
  return {
    pool,
    inventory: liveInventory(
      () => config().clusters,
      () => config().people,
      (name) => pool.get(name, 'sluice'),
      log,
    ),
    decide: (request) =>
      makeDecide([rulesPolicy(config().rules), unused(unusedNames), ...safetyRules], (policy, error) =>
        log.error({ policy }, `policy failed: ${error instanceof Error ? error.message : String(error)}`),
      )(request),
    readFacts: makeReadFacts({
      cluster: async (name) => pool.get(name, 'sluice'),
      ...(tickets === undefined ? {} : { tickets }),
      pinnedUid: (name) => config().clusters.find((c) => c.name === name)?.uid,
      nowMs: clock.now,
    }),
  }
}

function openEngine(parts: Parts, systems: Systems, processors: Processors): Engine {
  const { config, store, clock, log, host, practice } = parts
  return openJobs({
    store,
    log,
    clock,
    lookup: (name) => CHANGES.get(name),
    cluster: async (name, person) => systems.pool.get(name, person),
    host,
    readFacts: systems.readFacts,
    decide: systems.decide,
    requestContext: (asking, target) => contextOf(config(), asking, target?.cluster),
    processors,
    mode: config().mode,
    practice,
    limits: { lockMs: config().limits.lockMs, stalledMs: config().limits.stalledCheckMs },
    ...(parts.onJournalWrite === undefined ? {} : { onJournalWrite: parts.onJournalWrite }),
  })
}

function wireBot(parts: Parts, systems: Systems, engine: Engine, chats: ReadonlyMap<ChatName, Chat>): Processors {
  const { config, store, clock, log, tickets } = parts
  const wake = (key: string): Promise<void> => engine.wake('outbox', key)
  const view = (): View => ({
    nowMs: clock.now(),
    timeZone: config().timeZone,
    practice: parts.practice,
    ...(tickets === undefined ? {} : { ticketUrl: tickets.url }),
  })
  const people = (): readonly PersonConfig[] => config().people
  const rooms = (): Config['rooms'] => config().rooms
  const outbox = makeOutbox(
    {
      store,
      chats,
      rooms,
      people,
      jobs: engine.jobs,
      view,
      log,
      ...(tickets === undefined ? {} : { tickets: (id, note) => tickets.note(id, note) }),
    },
    wake,
  )
  const answers = wireAnswers(parts, systems, engine, outbox)
  const handle = makeHandle({
    store,
    jobs: engine.jobs,
    people,
    rooms,
    understand: (text, { room, threadJob }) =>
      parse(text, {
        commands: COMMANDS,
        notYet: NOT_YET,
        inventory: systems.inventory.now(),
        room: {
          name: room.name,
          clusters: room.clusters,
          ...(room.cluster === undefined ? {} : { defaultCluster: room.cluster }),
        },
        ...(threadJob === undefined ? {} : { thread: { job: threadJob } }),
      }),
    answer: answers.ask,
    send: outbox.send,
    nowMs: clock.now,
    limits: config().limits,
  })
  return {
    outbox: (key, signal) => (key.startsWith('answer/') ? answers.process(key, signal) : outbox.process(key, signal)),
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

/** What asks a cluster waits in the outbox queue beside the room, so that the room goes on; the rest is answered at once. */
function wireAnswers(parts: Parts, systems: Systems, engine: Engine, outbox: Outbox): Answers {
  const { config, store, clock, log } = parts
  const capabilities = (person: PersonConfig): Capabilities => ({
    inventory: systems.inventory.now(),
    cluster: async (name) => systems.pool.get(name, person.name),
    jobs: engine.jobs,
    changes: CHANGES,
    decide: systems.decide,
    readFacts: systems.readFacts,
    commands: () => COMMANDS,
    people: config().people,
    nowMs: clock.now,
  })
  const run = makeAnswers({
    commands: () => COMMANDS,
    capabilities,
    people: () => config().people,
    send: outbox.send,
    log,
  })
  return {
    ask: async (question) => {
      if (!asksCluster(COMMANDS.find((c) => c.name === question.command)))
        return run(question, AbortSignal.timeout(ANSWER_MS))
      const list = `answer/${question.event}`
      await pushOut(store, list, question)
      await engine.wake('outbox', list)
    },
    process: async (key, signal) => {
      const question = await peekOut<Question>(store, key)
      if (question === undefined) return
      await run(question, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]))
      await popOut(store, key)
    },
  }
}

/** A cluster's credentials with their references resolved, made once per configuration: the pool sees a change by identity. */
function accessOf(config: () => Config, env: NodeJS.ProcessEnv): (name: string) => Access | undefined {
  const known = new WeakMap<object, Access>()
  return (name) => {
    const c = config().clusters.find((x) => x.name === name)
    if (c === undefined) return undefined
    const made = known.get(c) ?? { name, impersonate: c.impersonate, state: c.state, ...credentialsOf(c, env) }
    known.set(c, made)
    return made
  }
}

function credentialsOf(
  { credentials }: Config['clusters'][number],
  env: NodeJS.ProcessEnv,
): Pick<Access, 'credentials'> {
  if (credentials === undefined) return {}
  const given =
    'kubeconfig' in credentials
      ? credentials
      : { ...credentials, token: readSecret(credentials.token, env), ca: readSecret(credentials.ca, env) }
  // the same two forms with references replaced by values; zod's optional keys are never present as undefined
  return { credentials: given as NonNullable<Access['credentials']> }
}

/** Who the asker is to this cluster, and who else there is: asked again at every decision. */
function contextOf(config: Config, asking: Asking, clusterName: string | undefined): RequestContext | Refusal {
  const person = config.people.find((p) => p.name === asking.by)
  if (person === undefined) return refuse('PERSON-UNKNOWN', `${asking.by} is not configured (any more).`)
  const cluster = config.clusters.find((c) => c.name === (clusterName ?? asking.args['cluster']))
  return {
    person,
    people: config.people,
    maintains: cluster?.maintainers.includes(person.name) ?? false,
    ...(cluster === undefined
      ? {}
      : { cluster: { name: cluster.name, type: cluster.type, maintainers: cluster.maintainers } }),
  }
}
