import { type SlackBlock, checkBlocks } from './slack-blocks.ts'
import {
  type Answer,
  type Args,
  type Channel,
  json,
  no,
  type SlackState,
  type Stored,
  setReaction,
  shown,
} from './slack-state.ts'

export function inChannel(args: Args, s: SlackState): Channel | Answer {
  const channel = s.channels.get(args['channel'] ?? '')
  if (channel === undefined) return no('channel_not_found')
  return channel.members.has(s.bot.user) ? channel : no('not_in_channel')
}
export const isAnswer = (value: Channel | Answer): value is Answer => 'ok' in value

function content(
  args: Args,
): { text: string; blocks: SlackBlock[]; metadata?: NonNullable<Stored['metadata']> } | Answer {
  const text = args['text'] ?? ''
  const raw = json(args['blocks'])
  const checked = raw === undefined ? { blocks: [] } : checkBlocks(raw)
  if ('error' in checked) return no(checked.error, checked.messages)
  if (text === '' && checked.blocks.length === 0) return no('no_text')
  // Slack itself cuts at 40,000 and asks for no more than 4,000
  if (text.length > 4_000) return no('msg_too_long')
  if (args['metadata'] === undefined) return { text, blocks: checked.blocks }
  const metadata = json(args['metadata'])
  if (!isMetadata(metadata)) return no('invalid_metadata_format')
  return { text, blocks: checked.blocks, metadata }
}
const isMetadata = (value: unknown): value is NonNullable<Stored['metadata']> =>
  typeof value === 'object' &&
  value !== null &&
  'event_type' in value &&
  typeof value.event_type === 'string' &&
  'event_payload' in value &&
  typeof value.event_payload === 'object' &&
  value.event_payload !== null

export function post(args: Args, s: SlackState, onlyFor?: string): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const what = content(args)
  if ('ok' in what) return what
  const thread = args['thread_ts']
  if (thread !== undefined && !channel.messages.some((m) => m.ts === thread)) return no('thread_not_found')
  const message: Stored = {
    ...what,
    ts: s.nextTs(),
    user: s.bot.user,
    botId: s.bot.botId,
    reactions: [],
    edited: false,
    ...(thread === undefined ? {} : { thread }),
    ...(onlyFor === undefined ? {} : { onlyFor }),
  }
  channel.messages.push(message)
  if (onlyFor !== undefined) return { ok: true, message_ts: message.ts }
  s.emit({
    ...shown(message, s),
    channel: channel.id,
    channel_type: channel.im === undefined ? 'channel' : 'im',
    event_ts: message.ts,
  })
  return { ok: true, channel: channel.id, ts: message.ts, message: shown(message, s) }
}

export function update(args: Args, s: SlackState): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['ts'] && m.onlyFor === undefined)
  if (message === undefined) return no('message_not_found')
  if (message.user !== s.bot.user) return no('cant_update_message')
  const what = content(args)
  if ('ok' in what) return what
  const before = shown(message, s)
  Object.assign(message, { text: what.text, blocks: what.blocks, edited: true })
  s.emit({
    type: 'message',
    subtype: 'message_changed',
    channel: channel.id,
    ts: s.nextTs(),
    message: shown(message, s),
    previous_message: before,
  })
  return { ok: true, channel: channel.id, ts: message.ts, text: message.text, message: shown(message, s) }
}

export function remove(args: Args, s: SlackState): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['ts'])
  if (message === undefined) return no('message_not_found')
  if (message.user !== s.bot.user) return no('cant_delete_message')
  takeAway(channel, message, s)
  return { ok: true, channel: channel.id, ts: message.ts }
}

/** A message goes, and the app is told; one with answers in its thread stays as a tombstone. */
export function takeAway(channel: Channel, message: Stored, s: SlackState): void {
  const before = shown(message, s)
  const hasThread = channel.messages.some((m) => m.thread === message.ts)
  channel.messages = channel.messages.filter((m) => m !== message)
  const at = s.nextTs()
  const about = { channel: channel.id, channel_type: channel.im === undefined ? 'channel' : 'im', ts: at, event_ts: at }
  const tombstone = { subtype: 'tombstone', user: 'USLACKBOT', text: 'This message was deleted.', ts: message.ts }
  s.emit({
    type: 'message',
    hidden: true,
    ...about,
    previous_message: before,
    ...(hasThread
      ? { subtype: 'message_changed', message: { ...tombstone, thread_ts: message.ts } }
      : { subtype: 'message_deleted', deleted_ts: message.ts }),
  })
}

export function reactionsOf(args: Args, s: SlackState): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['timestamp'] && m.onlyFor === undefined)
  return message === undefined
    ? no('message_not_found')
    : { ok: true, type: 'message', channel: channel.id, message: shown(message, s) }
}

export function reaction(args: Args, s: SlackState, add: boolean): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['timestamp'])
  const name = args['name'] ?? ''
  if (message === undefined) return no('message_not_found')
  if (!/^[\w+-]+$/.test(name)) return no('invalid_name')
  return setReaction(message, name, s.bot.user, add) ? { ok: true } : no(add ? 'already_reacted' : 'no_reaction')
}

export function read(args: Args, s: SlackState, all: (channel: Channel) => Stored[]): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const limit = Math.min(Number(args['limit'] ?? 100), 1000)
  const from = Number(args['cursor'] ?? 0)
  const after = args['oldest'] ?? ''
  const before = args['latest'] ?? '9'
  const within = (ts: string): boolean =>
    args['inclusive'] === 'true' ? ts >= after && ts <= before : ts > after && ts < before
  // a thread's own message is always there
  const list = all(channel).filter((m) => m.onlyFor === undefined && (within(m.ts) || m.ts === args['ts']))
  const page = list.slice(from, from + limit)
  const more = from + limit < list.length
  const metadata = args['include_all_metadata'] === 'true'
  return {
    ok: true,
    messages: page.map((m) => shown(m, s, metadata)),
    has_more: more,
    response_metadata: { next_cursor: more ? String(from + limit) : '' },
  }
}
