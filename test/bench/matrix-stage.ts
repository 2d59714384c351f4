import { attachSynapse, type MatrixUser } from '../lab/matrix-user.ts'
import type { Lab } from '../lab/server.ts'
import { startSynapse } from '../lab/synapse.ts'
import type { Account } from './bots.ts'
import { numbers, watch } from './watcher.ts'

/** A homeserver without limits, nico, and a crowd. */
export type MatrixStage = {
  readonly nico: MatrixUser
  readonly crowd: readonly MatrixUser[]
  /** An account for a bot, in a room with nico. */
  readonly account: (name: string) => Promise<Account>
  /** A room of the bot for the crowd, which comes with `gather`: a bot that shares a room with a hundred people waits longer for every /sync. */
  readonly crowdRoom: (bot: Account) => Promise<string>
  readonly gather: (room: string) => Promise<void>
  /** From here on the replies of all bots made so far are seen. */
  readonly listen: () => Promise<void>
  /** Milliseconds from a person's sending until nico sees the reply. Throws Error when there is none. */
  readonly ask: (who: MatrixUser, room: string, limitMs?: number) => Promise<number>
  readonly stop: () => Promise<void>
}

const REPLY_LIMIT_MS = 300_000
const AT_ONCE = 10

/** Makes so many, a few at a time: a homeserver on a small machine. */
async function inBatches<T>(count: number, make: (index: number) => Promise<T>): Promise<readonly T[]> {
  const made: T[] = []
  for (let from = 0; from < count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - from)
    made.push(...(await Promise.all(Array.from({ length }, (_, i) => make(from + i)))))
  }
  return made
}

/** @throws NotHere when there is no Synapse */
export async function matrixStage(lab: Lab, people: number): Promise<MatrixStage> {
  const synapse = await startSynapse(lab, 'off')
  const { user } = attachSynapse(synapse)
  const nico = await user('nico')
  const crowd = await inBatches(people, (i) => user(`p${i + 1}`))
  const bots = new Map<string, MatrixUser>()
  const heard = numbers()
  let count = 10_000
  let unwatch = (): void => {}
  const account = async (name: string): Promise<Account> => {
    const bot = await user(name)
    const room = await nico.createRoom({ preset: 'private_chat', invite: [bot.id] })
    await bot.join(room)
    bots.set(bot.id, bot)
    return { url: synapse.url, user: bot.id, token: bot.token, room }
  }
  const crowdRoom = async (bot: Account): Promise<string> => {
    const room = await nico.createRoom({ preset: 'public_chat' })
    await bots.get(bot.user)?.join(room)
    return room
  }
  return {
    nico,
    crowd,
    account,
    crowdRoom,
    gather: async (room) => void (await inBatches(crowd.length, async (i) => crowd[i]?.join(room))),
    listen: async () => {
      unwatch()
      unwatch = await watch(nico, [...bots.keys()], heard)
    },
    ask: async (who, room, limitMs = REPLY_LIMIT_MS) => {
      const number = ++count
      const startMs = performance.now()
      const [atMs] = await Promise.all([heard.wait(number, limitMs), who.send(room, `!job ${number}`)])
      return atMs - startMs
    },
    stop: async () => {
      unwatch()
      await synapse.stop()
    },
  }
}
