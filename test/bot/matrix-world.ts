import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Chat } from '../../src/bot/chat.ts'
import { type MatrixOptions, openMatrix } from '../../src/bot/matrix.ts'
import { silentLog } from '../../src/log.ts'
import { attachSynapse, type MatrixEvent, type MatrixUser } from '../lab/matrix-user.ts'
import { SecretUser, secretUser } from '../lab/matrix-secret.ts'
import { lab } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import type { SynapseData } from '../lab/synapse.ts'
import type { Human, Seen, World } from './chat.contract.ts'
import { visible } from './html.ts'

export type MatrixWorld = World & {
  readonly bot: MatrixUser
  readonly users: { readonly nico: MatrixUser; readonly fran: MatrixUser }
  readonly state: Map<string, string>
  readonly open: (more?: Partial<MatrixOptions>) => Promise<Chat>
  readonly slowDown: () => Promise<void>
  /** Where the bot keeps its keys. */
  readonly keysDir: string
  /** Logs the bot in anew, and gives the new token. */
  readonly login: () => Promise<string>
}
type How = {
  /** The people's clients encrypt, and so does the room from its beginning. */
  readonly encrypted?: boolean
  /** The people's clients encrypt, and the room does not. */
  readonly able?: boolean
  /** More or other options of the adapter. */
  readonly bot?: Partial<MatrixOptions>
}

type Related = { readonly rel_type?: string; readonly event_id?: string; readonly key?: string }
const related = (event: MatrixEvent): Related => event.content['m.relates_to'] ?? {}
const part = encodeURIComponent

export const LOCK = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }

/** A room of its own on the lab's homeserver, of a room version; the bot is in it, and accepts nico's invitations. */
export async function matrixWorld(synapse: SynapseData, version = '12', how: How = {}): Promise<MatrixWorld> {
  const { user, login } = attachSynapse(synapse)
  const bot = await user('sluice')
  const person = async (name: string): Promise<MatrixUser> =>
    how.encrypted === true || how.able === true ? secretUser(await user(name), synapse.url, bot.id) : user(name)
  const [nico, fran, robot] = await Promise.all([person('nico'), person('fran'), person('robot')])
  const lock = how.encrypted === true ? { initial_state: [LOCK] } : {}
  const keysDir = mkdtempSync(join(lab().dir, 'keys'))
  const room = await nico.createRoom({
    room_version: version,
    preset: 'private_chat',
    invite: [bot.id, fran.id, robot.id],
    ...lock,
  })
  for (const one of [bot, fran, robot]) await one.join(room)
  if (how.encrypted === true) for (const one of [nico, fran, robot]) if (one instanceof SecretUser) await one.sees(room)
  const state = new Map<string, string>()
  const reactions = new Map<string, string>()
  const privately = new Map<string, string>()

  const direct = async (person: MatrixUser): Promise<string> => {
    const made = await person.createRoom({
      is_direct: true,
      preset: 'trusted_private_chat',
      invite: [bot.id],
      room_version: version,
      ...lock,
    })
    await until('the bot came', 15_000, async () => (made in (await roomsWith(person, bot)) ? true : undefined))
    if (how.encrypted === true && person instanceof SecretUser) await person.sees(made)
    return made
  }
  const human = (one: MatrixUser): Human => ({
    id: one.id,
    say: async (text, how = {}) => {
      const body = how.mention === true ? `${bot.id}: ${text}` : text
      const content = {
        msgtype: 'm.text',
        body,
        ...(how.mention === true ? { 'm.mentions': { user_ids: [bot.id] } } : {}),
      }
      const relation =
        how.thread === undefined ? {} : { 'm.relates_to': { rel_type: 'm.thread', event_id: how.thread } }
      return one.send(how.direct === true ? await direct(one) : room, { ...content, ...relation })
    },
    edit: async (message, text) => void (await one.edit(room, message, text)),
    remove: (message) => one.redact(room, message),
    react: async (message, emoji) =>
      void reactions.set(`${one.id} ${message} ${emoji}`, await one.react(room, message, emoji)),
    unreact: (message, emoji) => one.redact(room, reactions.get(`${one.id} ${message} ${emoji}`) ?? ''),
    press: () => Promise.reject(new Error('Matrix has no buttons')),
  })
  return {
    bot,
    users: { nico, fran },
    state,
    nico: human(nico),
    fran: human(fran),
    robot: human(robot),
    place: { chat: 'matrix', id: room },
    calls: true,
    open: (more: Partial<MatrixOptions> = {}) =>
      openMatrix({
        homeserver: synapse.url,
        accessToken: bot.token,
        userId: bot.id,
        state: { load: async (key) => state.get(key), save: async (key, value) => void state.set(key, value) },
        invitesFrom: [nico.id, fran.id],
        bots: ['@robot-*:lab.test'],
        log: silentLog,
        keysDir,
        ...how.bot,
        ...more,
      }),
    seen: async (place) => {
      // a person's own client reads what is encrypted, once the person has joined
      const reader = [nico, fran].find((one) => privately.get(one.id) === place.id && one instanceof SecretUser)
      if (reader !== undefined) await reader.join(place.id)
      return seenIn(place.id === room ? nico : (reader ?? bot), bot.id, place.id)
    },
    privateWith: async (person) => {
      const one = [nico, fran, robot].find(({ id }) => id === person.id) ?? nico
      const id = Object.keys(await roomsWith(bot, one)).find((other) => other !== room)
      if (id !== undefined) privately.set(one.id, id)
      return id === undefined ? undefined : { chat: 'matrix', id }
    },
    slowDown: async () => {
      for (let n = 0; n < 40; n++) {
        const refused = await bot.send(room, { msgtype: 'm.notice', body: `noise ${n}` }).then(
          () => false,
          () => true,
        )
        if (refused) return
      }
      throw new Error('the homeserver has no limit')
    },
    keysDir,
    login: async () => (await login(bot.id)).token,
    stop: async () => {
      for (const one of [nico, fran, robot]) one.stop()
    },
  }
}

/** Rooms where one is joined and the other joined or invited. */
async function roomsWith(one: MatrixUser, other: MatrixUser): Promise<Record<string, true>> {
  const { joined_rooms } = (await one.request('GET', '/joined_rooms')) as { joined_rooms: string[] } // the lab's homeserver
  const found: Record<string, true> = {}
  for (const room of joined_rooms) {
    const state = await one
      .request('GET', `/rooms/${part(room)}/state/m.room.member/${part(other.id)}`)
      .catch((): Readonly<Record<string, unknown>> => ({}))
    if (state['membership'] === 'join' || (state['membership'] === 'invite' && one !== other)) found[room] = true
  }
  return found
}

async function opened(reader: MatrixUser, event: MatrixEvent, room: string): Promise<MatrixEvent> {
  const clear = reader instanceof SecretUser ? await reader.open(event, room) : event
  return clear ?? { ...event, type: 'm.room.message', content: { body: 'UNREADABLE' } }
}

async function seenIn(reader: MatrixUser, bot: string, room: string): Promise<Seen[]> {
  const { chunk } = (await reader.request('GET', `/rooms/${part(room)}/messages?dir=b&limit=200`)) as {
    chunk: MatrixEvent[]
  } // the lab's homeserver
  const all = chunk.toReversed().filter((e) => e.sender === bot && Object.keys(e.content).length > 0)
  const ours = await Promise.all(all.map((event) => opened(reader, event, room)))
  return ours
    .filter((e) => e.type === 'm.room.message' && related(e).rel_type !== 'm.replace')
    .map((e) => seenOf(e, ours))
}

function seenOf(event: MatrixEvent, all: readonly MatrixEvent[]): Seen {
  const edits = all.filter((e) => related(e).rel_type === 'm.replace' && related(e).event_id === event.event_id)
  const last = edits.at(-1)
  const content = (last === undefined ? event.content : last.content['m.new_content']) as {
    body: string
    formatted_body?: string
    'm.mentions'?: { user_ids?: string[]; room?: boolean }
  } // the bot's own
  const { text, pills } = visible(content.formatted_body ?? content.body.replace(/&/g, '&amp;').replace(/</g, '&lt;'))
  const named = content['m.mentions']?.user_ids ?? []
  const thread = related(event).rel_type === 'm.thread' ? related(event).event_id : undefined
  return {
    id: event.event_id,
    text,
    reactions: all
      .filter((e) => e.type === 'm.reaction' && related(e).event_id === event.event_id)
      .map((e) => related(e).key ?? ''),
    mentions: [...new Set([...named, ...pills, ...(content['m.mentions']?.room === true ? ['all'] : [])])],
    ...(thread === undefined ? {} : { thread }),
  }
}
