import type { Chat } from '../../src/bot/chat.ts'
import { openSlack, type SlackChat, type SlackOptions } from '../../src/bot/slack.ts'
import { wordOf } from '../../src/bot/slack-names.ts'
import { silentLog } from '../../src/log.ts'
import { bringSlack, type SlackLab } from '../lab/slack.ts'
import type { Human, Seen, World } from './chat.contract.ts'

export type SlackWorld = World & {
  readonly lab: SlackLab
  readonly slowDown: () => Promise<void>
  readonly open: () => Promise<SlackChat>
}

const emojiWord = (emoji: string): string => wordOf(emoji) ?? 'question'
const EMOJI: Record<string, string> = { white_check_mark: '✅', x: '❌' }

/** A workspace of its own on our fake of Slack's wire, over Socket Mode or signed HTTP. */
export async function slackWorld(mode: 'socket' | 'http', scopes?: readonly string[]): Promise<SlackWorld> {
  const lab = await bringSlack(scopes === undefined ? {} : { scopes })
  lab.ackWithin(300)
  const room = lab.channel('ops')
  const human = (id: string, bot = false): Human => ({
    id,
    say: async (text, how = {}) => {
      const raw = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
      const channel = how.direct === true ? lab.direct(id) : room
      return lab.say(id, channel, how.mention === true ? `<@${lab.bot.user}> ${raw}` : raw, {
        bot,
        ...(how.thread === undefined ? {} : { thread: how.thread }),
      })
    },
    edit: async (message, text) => lab.edit(room, message, text),
    remove: async (message) => lab.remove(room, message),
    react: async (message, emoji) => lab.react(id, room, message, emojiWord(emoji)),
    unreact: async (message, emoji) => lab.react(id, room, message, emojiWord(emoji), false),
    press: async (message, label) => {
      if (!(await lab.press(id, room, message, label))) throw new Error('the press was not acknowledged')
    },
  })
  const nico = human(lab.user('nico'))
  const everybody = { nico, fran: human(lab.user('fran')), robot: human(lab.user('robot', true), true) }
  return {
    lab,
    ...everybody,
    place: { chat: 'slack', id: room },
    calls: true,
    open: () => openOn(lab, mode),
    seen: async (place) =>
      lab
        .messages(place.id)
        .filter((m) => m.user === lab.bot.user)
        .map(seenOf),
    privateWith: async (person) => {
      const id = `D${person.id.slice(1)}`
      return lab.messages(id).length > 0 ? { chat: 'slack', id } : undefined
    },
    slowDown: async () => lab.limit(1),
    stop: lab.stop,
  }
}

function seenOf(m: ReturnType<SlackLab['messages']>[number]): Seen {
  const users = [...m.text.matchAll(/<@(\w+)>/g)].map((match) => match[1] ?? '')
  const inBlocks = JSON.stringify(m.blocks).matchAll(/"type":"user","user_id":"(\w+)"/g)
  const all = /<!(?:channel|here|everyone)/.test(m.text) ? ['all'] : []
  return {
    id: m.ts,
    text: m.seen,
    reactions: m.reactions.filter((r) => r.users.includes(m.user)).map((r) => EMOJI[r.name] ?? r.name),
    mentions: [...new Set([...users, ...[...inBlocks].map((match) => match[1] ?? ''), ...all])],
    ...(m.thread === undefined ? {} : { thread: m.thread }),
  }
}

/** An adapter on the workspace. In HTTP mode the workspace sends its events to the adapter that started last. */
export async function openOn(
  lab: SlackLab,
  mode: 'socket' | 'http',
  more: Partial<SlackOptions> = {},
): Promise<SlackChat> {
  const chat = await openSlack({
    mode,
    botToken: lab.botToken,
    appToken: lab.appToken,
    signingSecret: lab.signingSecret,
    apiUrl: lab.apiUrl,
    port: 0,
    callTimeoutMs: 2_000,
    log: silentLog,
    ...more,
  })
  const start: Chat['start'] = async (onIncoming, onHealth) => {
    await chat.start(onIncoming, onHealth)
    if (mode === 'http') lab.sendTo(`http://127.0.0.1:${chat.port()}/slack/events`)
  }
  return { ...chat, start }
}
