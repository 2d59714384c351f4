import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { FINAL } from '../../src/jobs/job.ts'
import type { Step } from '../../src/steps/step.ts'
import { endsWithin } from '../../src/duration.ts'
import { silentLog } from '../../src/log.ts'
import type { Topology } from '../../src/store/connect.ts'
import { accept, type InboxItem } from '../../src/store/inbox.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, needs, toyStep } from '../jobs/toy.ts'
import type { Member } from '../lab/member.ts'
import { until } from '../lab/process.ts'
import { type Look, lookAt, type Watched, watched } from './look.ts'

/** One bot, and what it was told is safe. */
export type Bot = {
  readonly name: string
  readonly store: Store
  readonly engine: Engine
  /** Its connections, to be told when something does not go on. */
  readonly clients: readonly Watched[]
  /** Events whose storing was acknowledged. */
  readonly accepted: Set<string>
  /** Codes of what was not. */
  readonly refused: Set<string>
  /** Votes that were answered with yes: job -> event. */
  readonly voted: Map<string, string>
  /** Ends of jobs that its outbox would have told. */
  readonly told: Map<string, string>
}

/** What the jobs do to: a ledger of effects, outside of Redis. */
export class World {
  readonly effects = new Map<string, number>()
  readonly has = (what: string): boolean => this.effects.has(what)
  readonly act = (what: string): void => void this.effects.set(what, (this.effects.get(what) ?? 0) + 1)
}

/** Two effects, each after a safe point and some time, as evictions are. */
function steps(world: World, job: () => string): readonly Step[] {
  const parts = ['a', 'b']
  return ['one', 'two'].map((id) =>
    toyStep(id, {
      done: async (ctx) =>
        parts.every((part) => world.has(`${ctx.job.id}/${id}/${part}`)) ? { kind: 'evidence', text: job() } : undefined,
      run: async (ctx) => {
        for (const part of parts) {
          const what = `${ctx.job.id}/${id}/${part}`
          await pause(60)
          await ctx.safePoint()
          if (!world.has(what)) world.act(what)
        }
        return { kind: 'evidence', text: id }
      },
    }),
  )
}

const PLACES = 10
const CLOSE_MS = 30_000
/** Nothing takes longer: what does is stuck. */
const STUCK_MS = 60_000

export async function openBot(name: string, topology: Topology, world: World): Promise<Bot> {
  const { store, clients } = watched(await openStore({ topology, dir: '.', log: silentLog }))
  const told = new Map<string, string>()
  const bot: { engine?: Engine } = {}
  const engine = engineOn({
    store,
    change: change(
      steps(world, () => name),
      { locks: ({ args }) => [`cluster/${String(args['cluster'])}`] },
    ),
    decide: () => needs(1),
    processors: {
      inbox: () => Promise.resolve(),
      outbox: async (key) => {
        const job = key.slice('job/'.length)
        const now = await bot.engine?.jobs.get(job)
        if (now !== undefined && FINAL.has(now.state)) told.set(job, now.state)
      },
    },
    limits: { lockMs: 1_500, stalledMs: 300, sweepMs: 300, progressMs: 50, graceMs: 200 },
  })
  bot.engine = engine
  await engine.start()
  return { name, store, engine, clients, accepted: new Set(), refused: new Set(), voted: new Map(), told }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What a platform does with an event that was not acknowledged: it sends it again. What hangs, or is never taken, is told with where it stands. */
async function insist<T>(bot: Bot, look: Look, doing: string, what: () => Promise<T>): Promise<T> {
  const lastMs = performance.now() + STUCK_MS
  for (;;) {
    const going = what()
    if (!(await endsWithin(STUCK_MS, going))) throw new Error(`${bot.name}: ${doing} hangs: ${await look()}`)
    try {
      return await going
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      bot.refused.add(code)
      if (performance.now() > lastMs) throw new Error(`${bot.name}: ${doing}: still ${code}: ${await look()}`)
      await pause(20)
    }
  }
}

async function sendEvents(bot: Bot, writer: number, signal: AbortSignal, look: Look): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const item: InboxItem = { event: `${bot.name}-${writer}-${i}`, room: `flood-${bot.name}`, json: '{}' }
    await insist(bot, look, `event ${item.event}`, () => accept(bot.store, item))
    bot.accepted.add(item.event)
    await pause(5)
  }
}

/** `until`, and where it stands when it does not come to that. */
async function awaited(look: Look, what: string, job: string, condition: () => Promise<boolean>): Promise<void> {
  await until(what, STUCK_MS, async () => ((await condition()) ? true : undefined)).catch(async (error: unknown) => {
    throw new Error(`${said(error)}: ${await look(job)}`)
  })
}

/** Asks for a job on one place, votes for it, waits for its end, and again. Resolves with the jobs it was given. */
async function askFor(bot: Bot, place: number, signal: AbortSignal, look: Look): Promise<readonly string[]> {
  const jobs: string[] = []
  const cluster = `c${place}`
  for (let i = 0; !signal.aborted; i++) {
    const request = asked({ args: { cluster }, event: `ask-${bot.name}-${place}-${i}` })
    const job = await insist(bot, look, `submit ${request.event}`, () => bot.engine.jobs.submit(request))
    jobs.push(job)
    const stateOf = () => insist(bot, look, `get ${job}`, async () => (await bot.engine.jobs.get(job))?.state)
    await awaited(look, `job ${job} asks`, job, async () => (await stateOf()) === 'waiting')
    const event = `vote-${bot.name}-${place}-${i}`
    const answer = await insist(bot, look, event, () =>
      bot.engine.jobs.vote({ job, choice: 'approve', person: 'fran', event, atMs: Date.now() }),
    )
    if (!('refused' in answer)) bot.voted.set(job, event)
    await awaited(look, `job ${job} ends`, job, async () => (await stateOf()) === 'done')
  }
  return jobs
}

export type Load = {
  /** Resolves when so many more events were acknowledged to each bot. */
  readonly goesOn: (more: number) => Promise<void>
  /** Nothing new is asked for; resolves with all jobs when the last has ended. */
  readonly end: () => Promise<readonly string[]>
}

/** Events, votes and jobs on ten places, spread over the bots. */
export function startLoad(bots: readonly Bot[], servers: readonly Member[]): Load {
  const look = lookAt(bots, servers)
  const stop = new AbortController()
  const events = bots.flatMap((bot) => [1, 2, 3, 4].map((writer) => sendEvents(bot, writer, stop.signal, look)))
  const places = Array.from({ length: PLACES }, (_, i) => i)
  const jobs = places.flatMap((i) => {
    const bot = bots[i % bots.length]
    return bot === undefined ? [] : [askFor(bot, i, stop.signal, look)]
  })
  const failure = Promise.all([...events, ...jobs]).then(() => new Promise<never>(() => {}))
  failure.catch(() => {})
  /** However slow the machine is: what is stuck is a bot to which nothing is acknowledged for a minute. */
  const more = async (bot: Bot, wanted: number): Promise<void> => {
    while (bot.accepted.size < wanted) {
      const before = bot.accepted.size
      await until(`${bot.name}: one more event`, STUCK_MS, () => (bot.accepted.size > before ? true : undefined)).catch(
        async (error: unknown) => {
          throw new Error(`${said(error)}: ${await look()}`)
        },
      )
    }
  }
  return {
    goesOn: async (events) =>
      void (await Promise.race([failure, Promise.all(bots.map((bot) => more(bot, bot.accepted.size + events)))])),
    end: async () => {
      stop.abort()
      await Promise.all(events)
      return (await Promise.all(jobs)).flat()
    },
  }
}

/** Asks the store itself (not the bots) and the world what there is of all that was acknowledged. */
export async function audit(
  bots: readonly Bot[],
  jobs: readonly string[],
  world: World,
  servers: readonly Member[],
): Promise<void> {
  const look = lookAt(bots, servers)
  const [first] = bots
  if (first === undefined) throw new Error('no bots')
  const redis = first.store.redis
  for (const bot of bots) {
    const stored = await redis.lrange(keys.room(`flood-${bot.name}`), '0', '-1')
    // a set: for each accepted one a walk through all of them holds this process up for seconds, and the relays between the servers with it
    const events = new Set(stored.map((text): string => JSON.parse(text).event))
    expect(events.size, 'each event once').toBe(stored.length)
    expect(
      [...bot.accepted].filter((event) => !events.has(event)),
      'accepted and lost',
    ).toEqual([])
  }
  const doubled = [...world.effects].filter(([, times]) => times !== 1)
  expect(doubled, 'effects that happened twice').toEqual([])
  expect(world.effects.size, 'four effects a job').toBe(4 * new Set(jobs).size)
  expect(new Set(jobs).size, 'each request its own job').toBe(jobs.length)
  for (const bot of bots) {
    for (const job of jobs.filter((one) => bot.voted.has(one))) {
      const now = await first.engine.jobs.get(job)
      const lost = now === undefined ? ` (${await look(job)})` : ''
      expect(now?.approvedBy, `the vote for job ${job}${lost}`).toEqual(['fran'])
    }
    for (const [job, state] of bot.told)
      expect((await first.engine.jobs.get(job))?.state, `job ${job} as it was told`).toBe(state)
  }
  for (const job of jobs) expect(await redis.zscore(keys.jobsIn('done'), job), `job ${job} is done`).toBe(job)
  expect(await verifyAudit(redis)).toMatchObject({ ok: true })
}

export async function close(bots: readonly Bot[]): Promise<void> {
  for (const bot of bots) {
    const look = lookAt([bot], [])
    const ended = async (what: string, work: Promise<unknown>): Promise<void> => {
      if (!(await endsWithin(CLOSE_MS, work))) throw new Error(`${bot.name}: ${what} hangs: ${await look()}`)
    }
    await ended('stop', bot.engine.stop())
    await ended('close', bot.store.close())
  }
}
