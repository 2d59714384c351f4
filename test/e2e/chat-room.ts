import { expect } from 'vitest'
import type { Human, Seen, World } from '../bot/chat.contract.ts'
import { matrixWorld } from '../bot/matrix-world.ts'
import { slackWorld } from '../bot/slack-world.ts'
import type { MatrixEvent } from '../lab/matrix-user.ts'
import { until } from '../lab/process.ts'
import type { SlackLab } from '../lab/slack.ts'
import type { SynapseData } from '../lab/synapse.ts'

const LIMIT_MS = 90_000

/** A room of people and the bot on one platform, as this story needs it. */
export type ChatRoom = {
  readonly name: string
  readonly place: string
  readonly nico: Human
  readonly fran: Human
  /** Says it so that the bot is meant, and gives the number of the job that comes of it. */
  readonly ask: (who: Human, sentence: string, how: 'mention' | '!') => Promise<string>
  /** The first message of the bot for which it holds, looked at again until it does. */
  readonly look: (what: string, which: (seen: Seen) => boolean) => Promise<Seen>
  readonly seen: () => Promise<readonly Seen[]>
  /** What the platform was given for a message, links included. */
  readonly raw: (message: string) => Promise<string>
  /** Where a browser finds a message. */
  readonly link: (message: string) => string
  readonly stop: () => Promise<void>
}

export type SlackRoom = ChatRoom & { readonly lab: SlackLab }
export type MatrixRoom = ChatRoom & { readonly token: string; readonly bot: string }

/** The heading names the job and its sentence; a bare `#3 ` may be another job's ticket. */
const isAbout = (job: string, { text }: Seen): boolean => new RegExp(`#${job} (drain|uncordon) `).test(text)
export const cardOf = (job: string) => (seen: Seen) => isAbout(job, seen) && seen.text.includes('asked by')
export const isDone = (job: string) => (seen: Seen) => cardOf(job)(seen) && /\bdone in\b/.test(seen.text)
export const questionOf = (job: string) => (seen: Seen) => isAbout(job, seen) && seen.text.includes('may it start?')
export const endOf = (job: string) => (seen: Seen) =>
  isAbout(job, seen) && !seen.text.includes('asked by') && /: (done|failed|cancelled|expired)/.test(seen.text)

function roomOf(name: string, world: World, { raw, link }: Pick<ChatRoom, 'raw' | 'link'>): ChatRoom {
  const seen = () => world.seen(world.place)
  const look: ChatRoom['look'] = async (what, which) => {
    let last: readonly Seen[] = []
    try {
      return await until(what, LIMIT_MS, async () => {
        last = await seen()
        return last.find(which)
      })
    } catch (error) {
      throw new Error(`${name}: the bot's last words: ${JSON.stringify(last.slice(-4), null, 1)}`, { cause: error })
    }
  }
  return {
    name,
    place: world.place.id,
    nico: world.nico,
    fran: world.fran,
    seen,
    look,
    raw,
    link,
    stop: world.stop,
    ask: async (who, sentence, how) => {
      const before = new Set((await seen()).map((s) => s.id))
      await who.say(how === '!' ? `! ${sentence}` : sentence, { mention: how === 'mention' })
      const bare = sentence.replace(/ #\d+$/, '')
      const card = await look(`a card for ${sentence}`, (s) => !before.has(s.id) && s.text.includes(bare))
      const job = /#(\d+) /.exec(card.text)?.[1]
      expect(job, card.text).toBeDefined()
      return job ?? ''
    },
  }
}

export async function slackRoom(mode: 'socket' | 'http'): Promise<SlackRoom> {
  const world = await slackWorld(mode)
  const { lab, place } = world
  // a bot of its own process stores an event before it acknowledges it: more than the few milliseconds of the adapter's tests
  lab.ackWithin(3_000)
  const raw = async (message: string) => JSON.stringify(lab.messages(place.id).find((m) => m.ts === message))
  const link = (message: string) => `${new URL(lab.apiUrl).origin}/archives/${place.id}/p${message.replace('.', '')}`
  return { ...roomOf(`Slack by ${mode}`, world, { raw, link }), lab }
}

export async function matrixRoom(synapse: SynapseData): Promise<MatrixRoom> {
  const world = await matrixWorld(synapse)
  const { users, bot, place } = world
  const raw = async (message: string): Promise<string> => {
    const path = `/rooms/${encodeURIComponent(place.id)}/messages?dir=b&limit=200`
    const { chunk } = (await users.nico.request('GET', path)) as { chunk: MatrixEvent[] } // the lab's homeserver
    return JSON.stringify(chunk.filter((e) => e.event_id === message || JSON.stringify(e.content).includes(message)))
  }
  const link = (message: string) =>
    `https://matrix.to/#/${encodeURIComponent(place.id)}/${encodeURIComponent(message)}?via=${synapse.serverName}`
  return { ...roomOf('Matrix', world, { raw, link }), token: bot.token, bot: bot.id }
}
