import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Revision } from '../../../src/jobs/job.ts'
import { silentLog } from '../../../src/log.ts'
import { openStore } from '../../../src/store/open.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Human, Seen, World } from '../chat.contract.ts'
import { type Bot, type Setting, startBot } from './bot.ts'
import type { Stage } from './suite.ts'
import { makeToy, type Toy } from './toy.ts'

/** In `make soak` platforms are slow for as long as real ones are. */
export const SOAK = process.env['SOAK'] === '1'
const LIMIT_MS = SOAK ? 150_000 : 45_000
const PAUSE_MS = 100

/** Looks again until there is something. Throws Error with `what` and what `last` tells. */
export async function wait<T>(
  what: string,
  look: () => Promise<T | undefined>,
  last: () => string = () => '',
): Promise<T> {
  const end = performance.now() + LIMIT_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`${what}: not within ${LIMIT_MS} ms. ${last()}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

/** A room of one world, as the people in it see it and act in it. */
export type RoomOf = {
  readonly world: World
  readonly seen: () => Promise<readonly Seen[]>
  /** The first message of the bot for which it holds, as soon as there is one. */
  readonly look: (what: string, which: (seen: Seen) => boolean) => Promise<Seen>
  /** Says it so that the bot is meant. */
  readonly say: (who: Human, text: string, how?: { readonly mention?: boolean }) => Promise<string>
  /** Says it, and waits for the card of the job that comes of it. */
  readonly ask: (who: Human, text: string, how?: { readonly mention?: boolean }) => Promise<Asked>
  /** Somebody who is configured says something that is answered: what was said before it was handled before it. */
  readonly marker: (who: Human) => Promise<void>
}
export type Asked = { readonly job: string; readonly message: string; readonly card: string }

/** The bot and the worlds it is in, as one scenario has them. */
export type Scene = RoomOf & {
  /** Every room, when there are two. */
  readonly rooms: readonly RoomOf[]
  readonly toy: Toy
  readonly bot: () => Bot
  readonly job: (job: string) => Promise<Revision>
  readonly isIn: (job: string, state: Revision['state']) => Promise<Revision>
  readonly stop: () => Promise<void>
  /** `aheadMs`: so much time seems to have passed. */
  readonly start: (aheadMs?: number) => Promise<void>
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

export const cardOf = (job: string) => (seen: Seen) => seen.text.includes(`#${job} `) && seen.text.includes('asked by')
export const cardIn = (job: string, word: string) => (seen: Seen) => cardOf(job)(seen) && seen.text.includes(word)
export const questionOf = (job: string) => (seen: Seen) =>
  seen.text.includes(`#${job} `) && /may it start\?/.test(seen.text)
export const endOf = (job: string) => (seen: Seen) =>
  seen.text.includes(`#${job} `) &&
  !seen.text.includes('asked by') &&
  /: (done|failed|cancelled|expired|refused)/.test(seen.text)

/** The asker is told how it ended: by a line of its own, or by the card of a job that was over before it was there. */
export const toldOf =
  (job: string, { id }: Human) =>
  (seen: Seen) =>
    seen.mentions.includes(id) &&
    seen.text.includes(`#${job} `) &&
    /\b(done|failed|cancelled|expired|refused)\b/.test(seen.text)

let markers = 0

function roomOf(world: World): RoomOf {
  let last: readonly Seen[] = []
  const seen = async (): Promise<readonly Seen[]> => (last = await world.seen(world.place))
  const look: RoomOf['look'] = (what, which) =>
    wait(
      `${what} in ${world.place.chat}`,
      async () => (await seen()).find(which),
      () => `Last seen: ${JSON.stringify(last.slice(-5), null, 1)}`,
    )
  const say: RoomOf['say'] = (who, text, how = {}) =>
    who.say(world.calls && how.mention !== true ? `! ${text}` : text, how)
  return {
    world,
    seen,
    look,
    say,
    ask: async (who, text, how) => {
      const before = new Set((await seen()).map(({ id }) => id))
      const message = await say(who, text, how)
      const isCard = (s: Seen) => !before.has(s.id) && s.text.includes('asked by') && s.text.includes(text)
      const card = await look(`a card for ${text}`, isCard)
      return { message, card: card.id, job: /#(\d+) /.exec(card.text)?.[1] ?? '' }
    },
    marker: async (who) => {
      const word = `marker-${++markers}`
      await say(who, `echo ${word}`)
      await look(word, (s) => s.text.includes(`heard: ${word}`))
    },
  }
}

/** A store of its own, the bot on it, and the people of its worlds. `makeStages` gets the store: the console is one with it. */
export async function openScene(
  makeStages: (store: Store) => Promise<readonly Stage[]>,
  api: { readonly url: string; readonly uid: string },
  setting: Setting,
): Promise<Scene> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-conformance-'))
  // a store has ten seconds to start, which a busy machine may not give it
  const store = await wait('a store', () => openStore({ dir, log: silentLog }).catch(() => undefined))
  const stages = await makeStages(store)
  const worlds = stages.map(({ world }) => world)
  const toy = makeToy()
  const home = { store, dir, stages, toy, api, setting }
  let running: Bot | undefined = await startBot(home)
  const bot = (): Bot => {
    if (running === undefined) throw new Error('the bot is stopped')
    return running
  }
  const stop = async (): Promise<void> => {
    await running?.sluice.stop()
    running = undefined
  }
  const start = async (aheadMs?: number): Promise<void> => {
    running = await startBot(home, aheadMs)
  }
  const job = async (id: string): Promise<Revision> => {
    const revision = await bot().sluice.engine.jobs.get(id)
    if (revision === undefined) throw new Error(`no job ${id}`)
    return revision
  }
  const rooms = worlds.map(roomOf)
  const [first] = rooms
  if (first === undefined) throw new Error('a scene wants a world')
  return {
    ...first,
    rooms,
    toy,
    bot,
    job,
    isIn: (id, state) =>
      wait(`job ${id} is ${state}`, async () => {
        const now = await job(id)
        return now.state === state ? now : undefined
      }),
    stop,
    start,
    restart: async () => {
      await stop()
      await start()
    },
    close: async () => {
      toy.letGo()
      await stop()
      for (const world of worlds) await world.stop()
      await store.close()
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}
