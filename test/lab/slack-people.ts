import type { Events } from './slack-delivery.ts'
import { interactions } from './slack-interactions.ts'
import { takeAway } from './slack-messages.ts'
import {
  type Channel,
  directChannel,
  type Flags,
  type SlackState,
  type Stored,
  setReaction,
  shown,
} from './slack-state.ts'

/** People of the workspace and what they do. Everything answers at once; the app is told beside it. */
export function people(state: SlackState, events: Events) {
  const channelOf = (id: string): Channel => {
    const channel = state.channels.get(id)
    if (channel === undefined) throw new Error(`no channel ${id}`)
    return channel
  }
  const messageOf = (channel: string, ts: string): Stored => {
    const message = channelOf(channel).messages.find((m) => m.ts === ts)
    if (message === undefined) throw new Error(`no message ${ts} in ${channel}`)
    return message
  }
  const kindOf = (channel: Channel) => (channel.im === undefined ? 'channel' : 'im')
  const tell = (event: Record<string, unknown>): void => void events.event(state, event)

  return {
    ackWithin: events.ackWithin,
    retries: events.retries,
    loseEvents: events.lose,
    repeatEvents: events.repeat,
    /** An event as another workspace sees it. */
    elsewhere: (team: string, event: Record<string, unknown>) => events.event(state, event, team),
    user: (name: string, bot = false, flags: Flags = {}): string => {
      const id = `U${name.toUpperCase().replace(/[^A-Z0-9]/g, '')}${state.users.size}`
      state.users.set(id, { id, name, bot, flags })
      return id
    },
    channel: (name: string, withBot = true, isPrivate = false): string => {
      const id = `C${name.toUpperCase().replace(/[^A-Z0-9]/g, '')}${state.channels.size}`
      const members = new Set(withBot ? [state.bot.user] : [])
      state.channels.set(id, { id, name, isPrivate, members, messages: [] })
      return id
    },
    direct: (user: string): string => directChannel(user, state).id,
    say: (
      user: string,
      channel: string,
      text: string,
      more: { thread?: string; bot?: boolean; subtype?: string; metadata?: Stored['metadata'] } = {},
    ): string => {
      const place = channelOf(channel)
      const message: Stored = {
        ts: state.nextTs(),
        user,
        text,
        blocks: [],
        reactions: [],
        edited: false,
        ...(more.bot === true ? { botId: 'B0OTHER' } : {}),
        ...(more.thread === undefined ? {} : { thread: more.thread }),
        ...(more.metadata === undefined ? {} : { metadata: more.metadata }),
      }
      place.messages.push(message)
      const event = {
        ...shown(message, state),
        channel,
        channel_type: kindOf(place),
        event_ts: message.ts,
        ...(more.subtype === undefined ? {} : { subtype: more.subtype }),
      }
      tell(event)
      if (text.includes(`<@${state.bot.user}>`) && place.im === undefined) tell({ ...event, type: 'app_mention' })
      return message.ts
    },
    edit: (channel: string, ts: string, text: string): void => {
      const message = messageOf(channel, ts)
      const before = shown(message, state)
      Object.assign(message, { text, edited: true })
      const at = state.nextTs()
      tell({
        type: 'message',
        subtype: 'message_changed',
        hidden: true,
        channel,
        channel_type: kindOf(channelOf(channel)),
        ts: at,
        event_ts: at,
        message: shown(message, state),
        previous_message: before,
      })
    },
    remove: (channel: string, ts: string): void => takeAway(channelOf(channel), messageOf(channel, ts), state),
    react: (user: string, channel: string, ts: string, name: string, add = true): void => {
      const message = messageOf(channel, ts)
      if (!setReaction(message, name, user, add)) throw new Error(`${user} cannot ${add ? 'add' : 'take back'} ${name}`)
      tell({
        type: add ? 'reaction_added' : 'reaction_removed',
        user,
        reaction: name,
        item: { type: 'message', channel, ts },
        item_user: message.user,
        event_ts: state.nextTs(),
      })
    },
    ...interactions(state, events, channelOf, messageOf),
  }
}
