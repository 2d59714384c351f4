import { inChannel, isAnswer, post, reaction, reactionsOf, read, remove, update } from './slack-messages.ts'
import {
  type Answer,
  type Args,
  type Channel,
  directChannel,
  json,
  type Method,
  no,
  type SlackState,
  type User,
} from './slack-state.ts'
import { openView, publishView, updateView } from './slack-views.ts'

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

/** Which scope a history needs depends on the kind of channel. */
const history = (channel: Channel | undefined): readonly string[] =>
  channel?.im !== undefined ? ['im:history'] : channel?.isPrivate === true ? ['groups:history'] : ['channels:history']

/** https://docs.slack.dev/reference/objects/user-object */
const userObject = ({ id, name, bot, flags }: User, s: SlackState): Record<string, unknown> => ({
  id,
  team_id: flags.team ?? s.team,
  name,
  real_name: name,
  profile: { display_name: name, team: flags.team ?? s.team },
  deleted: flags.deleted === true,
  is_bot: bot,
  is_restricted: flags.guest !== undefined,
  is_ultra_restricted: flags.guest === 'single',
  ...(flags.stranger === undefined ? {} : { is_stranger: flags.stranger }),
  tz: 'Europe/Zurich',
})

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
  'reactions.get': { scopes: ['reactions:read'], args: ['channel', 'timestamp', 'full'], run: reactionsOf },
  'chat.delete': { scopes: ['chat:write'], args: ['channel', 'ts'], run: remove },
  'chat.getPermalink': {
    scopes: [],
    args: ['channel', 'message_ts'],
    run: (args, s) => ({
      ok: true,
      permalink: `${s.base}/archives/${args['channel']}/p${String(args['message_ts']).replace('.', '')}`,
    }),
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
    scopes: history,
    args: PAGE,
    run: (args, s) => read(args, s, (c) => c.messages.filter((m) => m.thread === undefined).toReversed()),
  },
  'conversations.replies': {
    scopes: history,
    args: [...PAGE, 'ts'],
    run: (args, s) => {
      const ts = args['ts']
      const known = [...s.channels.values()].some(
        (c) => c.id === args['channel'] && c.messages.some((m) => m.ts === ts),
      )
      return known
        ? read(args, s, (c) => c.messages.filter((m) => m.ts === ts || m.thread === ts))
        : no('thread_not_found')
    },
  },
  'users.info': {
    scopes: ['users:read'],
    args: ['user'],
    run: (args, s) => {
      const user = s.users.get(args['user'] ?? '')
      return user === undefined ? no('user_not_found') : { ok: true, user: userObject(user, s) }
    },
  },
  'views.open': { scopes: [], args: ['trigger_id', 'view'], run: openView },
  'views.update': { scopes: [], args: ['view_id', 'view', 'hash'], run: updateView },
  'views.publish': { scopes: [], args: ['user_id', 'view', 'hash'], run: publishView },
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
