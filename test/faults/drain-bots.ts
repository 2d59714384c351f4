import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { Redis } from 'ioredis'
import { expect } from 'vitest'
import { lab } from '../lab/need.ts'
import { startRedis } from '../lab/redis.ts'
import { attachRedmine, type RedmineData } from '../lab/redmine.ts'
import { bringSlack, type SlackLab } from '../lab/slack.ts'
import type { Given, Told } from './drain-child.ts'
import { STOPPED } from './drain-points.ts'
import type { DrainWorld, Loaded } from './drain-world.ts'

/** A bot that takes longer is stuck. */
export const BOT_MS = process.env['SOAK'] === '1' ? 200_000 : 40_000

const children = new Set<ChildProcess>()
/** Whatever still runs when a file has ended. */
export const killBots = (): void => {
  for (const child of children) child.kill('SIGKILL')
}

export type Ended = { readonly how: NodeJS.Signals | number | null; readonly out: string; readonly errors: string }
export type Bot = {
  /** Resolves when it stands still at the moment it was given. */
  readonly stopped: Promise<void>
  readonly goOn: () => void
  readonly ended: Promise<Ended>
}

/** The bot in a process of its own, for so long at most. */
export function startBot(given: Given, limitMs = BOT_MS): Bot {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'drain-child.ts'), JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // the same modules are compiled once for all of them
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(lab().dir, 'compiled') },
    timeout: limitMs,
    killSignal: 'SIGTERM',
  })
  children.add(child)
  const said = { out: '', errors: '' }
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.errors += text))
  const stopped = new Promise<void>((resolve) =>
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out += text
      if (said.out.startsWith(STOPPED)) resolve()
    }),
  )
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code, signal) => {
      children.delete(child)
      resolve({ how: signal ?? code, ...said })
    }),
  )
  return { stopped, ended, goOn: () => void child.kill('SIGCONT') }
}
export const bot = (given: Given): Promise<Ended> => startBot(given).ended

export type Scene = {
  readonly given: Given
  readonly slack: SlackLab
  readonly ticket: string
  readonly stop: () => Promise<void>
}

/** A Redis, a Slack and a ticket of one kill's own; the sentence (`drain`, of the node) waits in Slack for the bot to come. */
export async function scene(
  world: DrainWorld,
  kubeconfig: string,
  redmine: RedmineData,
  node: string,
  { verb = 'drain', ...at }: Pick<Given, 'killAt' | 'stopAt'> & { readonly verb?: string },
): Promise<Scene> {
  const [redis, slack, ticket] = await Promise.all([
    startRedis(lab()),
    bringSlack(),
    attachRedmine(redmine).createIssue(`${verb} ${node}`),
  ])
  const room = slack.channel('ops')
  const nico = slack.user('nico')
  slack.say(nico, room, `<@${slack.bot.user}> ${verb} ${node} on p10 #${ticket}`)
  const { apiUrl, botToken, appToken } = slack
  return {
    given: {
      kubeconfig,
      uid: world.uid,
      node,
      redis: redis.socket,
      redmine: { url: redmine.url, key: redmine.botKey },
      slack: { apiUrl, botToken, appToken, room, nico },
      ...at,
    },
    slack,
    ticket,
    stop: async () => void (await Promise.all([redis.stop(), slack.stop()])),
  }
}

/** What five seconds do to the locks of a process that is dead. Short locks instead would be lost by a living one on a busy machine. */
export async function locksRunOut(socket: string): Promise<void> {
  const redis = new Redis({ path: socket })
  try {
    const locks = [...(await redis.keys('*:lock')), ...(await redis.keys('*:begun:*'))]
    if (locks.length > 0) await redis.del(...locks)
  } finally {
    redis.disconnect()
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

export async function expectDrained(
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
  await expectTold(one, redmine)
}

/** Each message and each note that a job leaves, once. */
export async function expectTold(one: Scene, redmine: RedmineData): Promise<void> {
  expect(posted(one)).toEqual(MESSAGES)
  expect(standing(one)).toEqual(MESSAGES)
  const notes = (await attachRedmine(redmine).notes(one.ticket)).map(({ notes: text }) =>
    text.trim().split('\n').at(-1),
  )
  expect(notes).toEqual(NOTES)
}

/** What the bot said at its end. Throws with what can be seen from outside when it did not come to one. */
export async function toldOf(
  { how, out, errors }: Ended,
  world: DrainWorld,
  { slack, given }: Scene,
  on: Loaded,
): Promise<Told> {
  if (how === 0) return JSON.parse(out.replace(STOPPED, '')) as Told // one line, printed by the child with exactly this type
  const room = slack.messages(given.slack.room).map(({ seen }) => seen)
  throw new Error(
    [`the bot ended with ${how}`, out, errors, ...room, await world.describe(on.namespace)].join('\n---\n'),
  )
}

/** Nodes with their pods: the next one is filled while this one is drained, and what was drained is taken away. */
export function nodesOf(world: () => DrainWorld, last: number) {
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
