import { checkBlocks, type SlackBlock } from './slack-blocks.ts'

/** A message as the fake keeps it. */
export type Stored = {
  readonly ts: string
  readonly user: string
  text: string
  blocks: SlackBlock[]
  readonly botId?: string
  readonly thread?: string
  readonly metadata?: { event_type: string; event_payload: Record<string, unknown> }
  readonly reactions: { name: string; users: string[] }[]
  edited: boolean
  readonly files?: readonly { id: string; name: string }[]
  /** Not undefined when only this user sees it. */
  readonly onlyFor?: string
}
export type Channel = {
  readonly id: string
  readonly name: string
  readonly im?: string
  readonly members: Set<string>
  messages: Stored[]
}
export type SlackState = {
  readonly team: string
  readonly bot: { readonly user: string; readonly botId: string; readonly name: string }
  readonly users: Map<string, { id: string; name: string; bot: boolean }>
  readonly channels: Map<string, Channel>
  readonly scopes: Set<string>
  readonly files: Map<string, { name: string; length: number; text: string }>
  base: string
  readonly nextTs: () => string
  /** Tells the app of something that happened. */
  readonly emit: (event: Record<string, unknown>) => void
}
export type Args = Readonly<Record<string, string>>
export type Answer = { ok: true; [field: string]: unknown } | { ok: false; error: string; [field: string]: unknown }
type Method = {
  readonly scopes: readonly string[]
  readonly args: readonly string[]
  readonly run: (args: Args, s: SlackState) => Answer
}

const no = (error: string, messages?: string[]): Answer => ({
  ok: false,
  error,
  ...(messages === undefined ? {} : { response_metadata: { messages } }),
})
const json = (text: string | undefined): unknown => {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return Symbol('not json')
  }
}

/** The message as Slack shows it in history and events. */
export function shown(m: Stored, s: SlackState, metadata = false): Record<string, unknown> {
  return {
    type: 'message',
    user: m.user,
    text: m.text,
    ts: m.ts,
    team: s.team,
    ...(m.blocks.length === 0 ? {} : { blocks: m.blocks }),
    ...(m.botId === undefined ? {} : { bot_id: m.botId, app_id: 'A0SLUICE' }),
    ...(m.thread === undefined ? {} : { thread_ts: m.thread }),
    ...(m.files === undefined ? {} : { files: m.files }),
    ...(m.edited ? { edited: { user: m.user, ts: m.ts } } : {}),
    ...(m.reactions.length === 0 ? {} : { reactions: m.reactions.map((r) => ({ ...r, count: r.users.length })) }),
    ...(metadata && m.metadata !== undefined ? { metadata: m.metadata } : {}),
  }
}

function inChannel(args: Args, s: SlackState): Channel | Answer {
  const channel = s.channels.get(args['channel'] ?? '')
  if (channel === undefined) return no('channel_not_found')
  return channel.members.has(s.bot.user) ? channel : no('not_in_channel')
}
const isAnswer = (value: Channel | Answer): value is Answer => 'ok' in value

function content(
  args: Args,
): { text: string; blocks: SlackBlock[]; metadata?: NonNullable<Stored['metadata']> } | Answer {
  const text = args['text'] ?? ''
  const raw = json(args['blocks'])
  const checked = raw === undefined ? { blocks: [] } : checkBlocks(raw)
  if ('error' in checked) return no(checked.error, checked.messages)
  if (text === '' && checked.blocks.length === 0) return no('no_text')
  if (text.length > 40_000) return no('msg_too_long')
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

function post(args: Args, s: SlackState, onlyFor?: string): Answer {
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

function update(args: Args, s: SlackState): Answer {
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

function remove(args: Args, s: SlackState): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['ts'])
  if (message === undefined) return no('message_not_found')
  if (message.user !== s.bot.user) return no('cant_delete_message')
  channel.messages = channel.messages.filter((m) => m !== message)
  return { ok: true, channel: channel.id, ts: message.ts }
}

function reaction(args: Args, s: SlackState, add: boolean): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const message = channel.messages.find((m) => m.ts === args['timestamp'])
  const name = args['name'] ?? ''
  if (message === undefined) return no('message_not_found')
  if (!/^[\w+-]+$/.test(name)) return no('invalid_name')
  return setReaction(message, name, s.bot.user, add) ? { ok: true } : no(add ? 'already_reacted' : 'no_reaction')
}

/** Adds or takes back one user's reaction; false when there was nothing to do. */
export function setReaction(message: Stored, name: string, user: string, add: boolean): boolean {
  let entry = message.reactions.find((r) => r.name === name)
  if (add === (entry?.users.includes(user) ?? false)) return false
  if (entry === undefined) {
    entry = { name, users: [] }
    message.reactions.push(entry)
  }
  entry.users = add ? [...entry.users, user] : entry.users.filter((u) => u !== user)
  if (entry.users.length === 0) message.reactions.splice(message.reactions.indexOf(entry), 1)
  return true
}

function read(args: Args, s: SlackState, all: (channel: Channel) => Stored[]): Answer {
  const channel = inChannel(args, s)
  if (isAnswer(channel)) return channel
  const limit = Math.min(Number(args['limit'] ?? 100), 1000)
  const from = Number(args['cursor'] ?? 0)
  const list = all(channel).filter((m) => m.onlyFor === undefined)
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

/** The direct channel of the bot with a user; made when there is none. */
export function directChannel(user: string, s: SlackState): Channel {
  const id = `D${user.slice(1)}`
  const found = s.channels.get(id)
  if (found !== undefined) return found
  const made: Channel = { id, name: id, im: user, members: new Set([user, s.bot.user]), messages: [] }
  s.channels.set(id, made)
  return made
}

function open(args: Args, s: SlackState): Answer {
  const user = s.users.get(args['users'] ?? '')
  if (user === undefined) return no('user_not_found')
  return { ok: true, channel: { id: directChannel(user.id, s).id } }
}

function uploadUrl(args: Args, s: SlackState): Answer {
  const id = `F${s.files.size + 1}`
  s.files.set(id, { name: args['filename'] ?? '', length: Number(args['length']), text: '' })
  return { ok: true, upload_url: `${s.base}/upload/${id}`, file_id: id }
}

function uploadDone(args: Args, s: SlackState): Answer {
  const list = json(args['files'])
  const channel = s.channels.get(args['channel_id'] ?? '')
  if (channel === undefined || !Array.isArray(list)) return no('invalid_arguments')
  const names = list.map((f: unknown) =>
    typeof f === 'object' && f !== null && 'id' in f ? s.files.get(String(f.id)) : undefined,
  )
  if (names.some((f) => f === undefined || f.text.length === 0)) return no('file_not_found')
  const thread = args['thread_ts']
  channel.messages.push({
    ts: s.nextTs(),
    user: s.bot.user,
    botId: s.bot.botId,
    text: '',
    files: names.map((f) => ({ id: 'F0', name: f?.name ?? '' })),
    blocks: [],
    reactions: [],
    edited: false,
    ...(thread === undefined ? {} : { thread }),
  })
  return { ok: true, files: list }
}

const WRITE = ['channel', 'text', 'blocks', 'metadata', 'thread_ts', 'unfurl_links', 'unfurl_media', 'mrkdwn']
const PAGE = ['channel', 'limit', 'cursor', 'oldest', 'latest', 'inclusive', 'include_all_metadata']
/** Slack's methods: scopes, arguments, and what they do. https://docs.slack.dev/reference/methods */
export const METHODS: Readonly<Record<string, Method>> = {
  'auth.test': {
    scopes: [],
    args: [],
    run: (_args, s) => ({
      ok: true,
      url: `${s.base}/`,
      team: 'lab',
      user: s.bot.name,
      team_id: s.team,
      user_id: s.bot.user,
      bot_id: s.bot.botId,
    }),
  },
  'chat.postMessage': { scopes: ['chat:write'], args: WRITE, run: (args, s) => post(args, s) },
  'chat.postEphemeral': {
    scopes: ['chat:write'],
    args: [...WRITE, 'user'],
    run: (args, s) => post(args, s, args['user']),
  },
  'chat.update': { scopes: ['chat:write'], args: ['channel', 'ts', 'text', 'blocks', 'metadata'], run: update },
  'chat.delete': { scopes: ['chat:write'], args: ['channel', 'ts'], run: remove },
  'chat.getPermalink': {
    scopes: [],
    args: ['channel', 'message_ts'],
    run: (args, s) => ({ ok: true, permalink: `${s.base}/archives/${args['channel']}/p${args['message_ts']}` }),
  },
  'reactions.add': {
    scopes: ['reactions:write'],
    args: ['channel', 'timestamp', 'name'],
    run: (args, s) => reaction(args, s, true),
  },
  'reactions.remove': {
    scopes: ['reactions:write'],
    args: ['channel', 'timestamp', 'name'],
    run: (args, s) => reaction(args, s, false),
  },
  'conversations.open': { scopes: ['im:write'], args: ['users'], run: open },
  'conversations.info': {
    scopes: ['channels:read'],
    args: ['channel'],
    run: (args, s) => {
      const channel = inChannel(args, s)
      return isAnswer(channel)
        ? channel
        : {
            ok: true,
            channel: { id: channel.id, name: channel.name, is_im: channel.im !== undefined, is_member: true },
          }
    },
  },
  'conversations.history': {
    scopes: ['channels:history'],
    args: PAGE,
    run: (args, s) => read(args, s, (c) => c.messages.filter((m) => m.thread === undefined).toReversed()),
  },
  'conversations.replies': {
    scopes: ['channels:history'],
    args: [...PAGE, 'ts'],
    run: (args, s) => read(args, s, (c) => c.messages.filter((m) => m.ts === args['ts'] || m.thread === args['ts'])),
  },
  'users.info': {
    scopes: ['users:read'],
    args: ['user'],
    run: (args, s) => {
      const user = s.users.get(args['user'] ?? '')
      return user === undefined
        ? no('user_not_found')
        : { ok: true, user: { id: user.id, name: user.name, is_bot: user.bot, tz: 'Europe/Zurich' } }
    },
  },
  'views.open': { scopes: [], args: ['trigger_id', 'view'], run: () => ({ ok: true, view: { id: 'V1' } }) },
  'files.getUploadURLExternal': {
    scopes: ['files:write'],
    args: ['filename', 'length', 'snippet_type', 'alt_txt'],
    run: uploadUrl,
  },
  'files.completeUploadExternal': {
    scopes: ['files:write'],
    args: ['files', 'channel_id', 'thread_ts', 'initial_comment'],
    run: uploadDone,
  },
}
