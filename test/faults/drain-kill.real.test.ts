import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lab, real } from '../lab/need.ts'
import { startRedis } from '../lab/redis.ts'
import { attachRedmine, type RedmineData } from '../lab/redmine.ts'
import { bringSlack, type SlackLab } from '../lab/slack.ts'
import type { Given, Told } from './drain-child.ts'
import { PODS, POINTS, spread } from './drain-points.ts'
import { type DrainWorld, type Loaded, openDrainWorld } from './drain-world.ts'

const SOAK = process.env['SOAK'] === '1'
/** At every so many points the two minutes of giveBack() are really waited for; the others would learn nothing new from it. */
const PATIENT = 12
const isPatient = (number: number): boolean => SOAK && number % PATIENT === 0
/** A bot that takes longer is stuck. */
const BOT_MS = SOAK ? 200_000 : 40_000
const LIMIT_MS = 3 * BOT_MS
const SAMPLE = 30
const KILLS = SOAK ? POINTS : spread(POINTS, SAMPLE)

const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** What five seconds do to the locks of a process that is dead. Short locks instead would be lost by a living one on a busy machine. */
async function locksRunOut(socket: string): Promise<void> {
  const redis = new Redis({ path: socket })
  try {
    const locks = [...(await redis.keys('*:lock')), ...(await redis.keys('*:begun:*'))]
    if (locks.length > 0) await redis.del(...locks)
  } finally {
    redis.disconnect()
  }
}

type Ended = { readonly how: NodeJS.Signals | number | null; readonly out: string; readonly errors: string }
function bot(given: Given): Promise<Ended> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'drain-child.ts'), JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // the same modules are compiled once for all of them
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(lab().dir, 'compiled') },
    timeout: BOT_MS,
    killSignal: 'SIGTERM',
  })
  children.add(child)
  const said = { out: '', errors: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.errors += text))
  return new Promise((resolve) =>
    child.once('close', (code, signal) => {
      children.delete(child)
      resolve({ how: signal ?? code, ...said })
    }),
  )
}

type Scene = {
  readonly given: Given
  readonly slack: SlackLab
  readonly ticket: string
  readonly stop: () => Promise<void>
}

/** A Redis, a Slack and a ticket of one kill's own; the sentence waits in Slack for the bot to come. */
async function scene(
  world: DrainWorld,
  kubeconfig: string,
  redmine: RedmineData,
  node: string,
  killAt: string,
): Promise<Scene> {
  const [redis, slack, ticket] = await Promise.all([
    startRedis(lab()),
    bringSlack(),
    attachRedmine(redmine).createIssue(`drain ${node}`),
  ])
  const room = slack.channel('ops')
  const nico = slack.user('nico')
  slack.say(nico, room, `<@${slack.bot.user}> drain ${node} on p10 #${ticket}`)
  const { apiUrl, botToken, appToken } = slack
  return {
    given: {
      kubeconfig,
      uid: world.uid,
      node,
      redis: redis.socket,
      redmine: { url: redmine.url, key: redmine.botKey },
      slack: { apiUrl, botToken, appToken, room, nico },
      killAt,
    },
    slack,
    ticket,
    stop: async () => void (await Promise.all([redis.stop(), slack.stop()])),
  }
}

/** Keys of the messages that were really sent to Slack, and of those that stand there. */
const posted = ({ slack }: Scene): readonly string[] =>
  slack.calls
    .filter(({ method }) => method === 'chat.postMessage')
    .map(({ args }) => keyOf(JSON.parse(args['metadata'] ?? '{}')))
const standing = ({ slack, given }: Scene): readonly string[] =>
  slack
    .messages(given.slack.room)
    .filter(({ user }) => user === slack.bot.user)
    .map(({ metadata }) => keyOf(metadata))
const keyOf = (metadata: { event_payload?: Readonly<Record<string, unknown>> } | undefined): string =>
  String(metadata?.event_payload?.['key'])

const MESSAGES = ['job-1-card', 'job-1-end-done']
const NOTES = ['plan', 'approval', 'start', 'result'].map((kind) => `sluice:1:${kind}`)

async function expectDrained(
  world: DrainWorld,
  one: Scene,
  { node, namespace, uids }: Loaded,
  redmine: RedmineData,
): Promise<void> {
  expect(await world.podsOn(node)).toEqual([])
  expect(await world.isCordoned(node)).toBe(true)
  const evicted = await world.evicted(namespace)
  expect(evicted.length).toBe(new Set(evicted).size)
  expect(uids).toEqual(expect.arrayContaining([...evicted]))
  expect(posted(one)).toEqual(MESSAGES)
  expect(standing(one)).toEqual(MESSAGES)
  const notes = (await attachRedmine(redmine).notes(one.ticket)).map(({ notes: text }) =>
    text.trim().split('\n').at(-1),
  )
  expect(notes).toEqual(NOTES)
}

/** What the bot said at its end. Throws with what can be seen from outside when it did not come to one. */
async function toldOf(
  { how, out, errors }: Ended,
  world: DrainWorld,
  { slack, given }: Scene,
  on: Loaded,
): Promise<Told> {
  if (how === 0) return JSON.parse(out) as Told // one line, printed by the child with exactly this type
  const room = slack.messages(given.slack.room).map(({ seen }) => seen)
  throw new Error(
    [`the bot ended with ${how}`, out, errors, ...room, await world.describe(on.namespace)].join('\n---\n'),
  )
}

/** Nodes with their pods: the next one is filled while this one is drained, and what was drained is taken away. */
function nodesOf(world: () => DrainWorld, last: number) {
  const loading = new Map<number, Promise<Loaded>>()
  const drops: Promise<void>[] = []
  const load = (number: number): Promise<Loaded> => {
    const known = loading.get(number) ?? world().load(number)
    loading.set(number, known)
    return known
  }
  const drop = (number: number): void => {
    const known = loading.get(number)
    loading.delete(number)
    if (known !== undefined) drops.push(known.then((on) => world().drop(on)))
  }
  return {
    take: (number: number): Promise<Loaded> => {
      const taken = load(number)
      // its failure is told when it is taken
      if (number < last) load(number + 1).catch(() => {})
      return taken
    },
    drop,
    close: async (): Promise<void> => {
      for (const number of loading.keys()) drop(number)
      await Promise.allSettled(drops)
    },
  }
}

await real(['kube', 'redmine'], 'kill -9 of the bot at every journal write of a drain of 20 pods', (kube, redmine) => {
  let world: DrainWorld
  const nodes = nodesOf(() => world, KILLS.length)
  beforeAll(async () => {
    world = await openDrainWorld(kube)
  })
  afterAll(async () => {
    await nodes.close()
    await world?.close()
  })

  /** A bot that finds what the dead one has left. */
  const again = async (one: Scene, on: Loaded, number: number): Promise<Ended> => {
    const over = new AbortController()
    const givingBack = isPatient(number) ? undefined : world.giveBack(on.namespace, over.signal)
    try {
      return await bot({ ...one.given, killAt: '' })
    } finally {
      over.abort()
      await givingBack
    }
  }

  /** Drains one node by a bot that dies at the named moment, and by the one after it. */
  const drained = async (number: number, killAt: string): Promise<{ first: Ended; told: Told }> => {
    const on = await nodes.take(number)
    const one = await scene(world, kube.kubeconfig, redmine, on.node, killAt)
    try {
      const first = await bot(one.given)
      await locksRunOut(one.given.redis)
      const last = killAt === '' ? first : await again(one, on, number)
      const told = await toldOf(last, world, one, on)
      expect(told).toMatchObject({ state: 'done', code: null })
      expect(told.result.join('\n')).toContain(`${PODS} pods gone`)
      await expectDrained(world, one, on, redmine)
      return { first, told }
    } finally {
      await one.stop()
      nodes.drop(number)
    }
  }

  test('a run that is not disturbed passes every moment, and no others', { timeout: LIMIT_MS }, async () => {
    const { told } = await drained(0, '')
    expect([...told.points].sort()).toEqual([...POINTS].sort())
  })

  test.each(KILLS.map((killAt, i) => [killAt, i + 1] as const))(
    '%s: resumes, ends done, everything once',
    { timeout: LIMIT_MS },
    async (killAt, number) => {
      const { first } = await drained(number, killAt)
      expect(first.how, first.errors).toBe('SIGKILL')
    },
  )
})
