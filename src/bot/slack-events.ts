import { z } from 'zod'
import type { Incoming } from './chat.ts'
import { calls, emojiOf, typedText } from './slack-names.ts'

/** Who Sluice is in the workspace, from `auth.test`. */
export type Self = { readonly team: string; readonly user: string; readonly botId: string }

const messageShape = z.object({
  user: z.string().optional(),
  bot_id: z.string().optional(),
  text: z.string().default(''),
  ts: z.string(),
  thread_ts: z.string().optional(),
})
const eventShape = z.object({
  type: z.string(),
  subtype: z.string().optional(),
  channel: z.string().optional(),
  channel_type: z.string().optional(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  text: z.string().optional(),
  ts: z.string().optional(),
  event_ts: z.string().optional(),
  thread_ts: z.string().optional(),
  deleted_ts: z.string().optional(),
  reaction: z.string().optional(),
  item: z.object({ type: z.string(), channel: z.string().optional(), ts: z.string().optional() }).optional(),
  message: messageShape.optional(),
  previous_message: messageShape.optional(),
})
type SlackEvent = z.infer<typeof eventShape>
const callbackShape = z.object({
  type: z.literal('event_callback'),
  team_id: z.string(),
  event_id: z.string(),
  event: eventShape,
})
const commandShape = z.object({
  command: z.string(),
  text: z.string().default(''),
  team_id: z.string(),
  channel_id: z.string(),
  user_id: z.string(),
  trigger_id: z.string(),
})
const actionsShape = z.object({
  type: z.literal('block_actions'),
  user: z.object({ id: z.string() }),
  channel: z.object({ id: z.string() }),
  message: z.object({ ts: z.string() }),
  team: z.object({ id: z.string() }).nullish(),
  actions: z.array(z.object({ action_id: z.string(), action_ts: z.string().optional() })),
})

const msOf = (ts: string): number => Math.round(Number(ts) * 1000)
const isDirect = (channel: string, kind: string | undefined): boolean => kind === 'im' || channel.startsWith('D')
/** Subtypes that are still a person's own words; every other subtype is Slack's own notice. */
const SPOKEN = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message'])

/**
 * One body of Slack's Events API, interactivity or slash command, as what happened in our words.
 * Own messages, notices and texts that are for nobody give an empty list. Shapes: https://api.slack.com/events
 */
export function incomingOf(body: unknown, self: Self, nowMs: number): Incoming[] {
  const callback = callbackShape.safeParse(body)
  if (callback.success) return fromEvent(callback.data.event, callback.data.team_id, callback.data.event_id, self)
  const command = commandShape.safeParse(body)
  if (command.success) return [fromCommand(command.data, nowMs)]
  const actions = actionsShape.safeParse(body)
  return actions.success ? fromActions(actions.data, self, nowMs) : []
}

function fromEvent(event: SlackEvent, team: string, id: string, self: Self): Incoming[] {
  if (event.type === 'reaction_added' || event.type === 'reaction_removed') return fromReaction(event, team, id, self)
  if (event.type !== 'message' && event.type !== 'app_mention') return []
  if (event.subtype === 'message_changed') return fromEdit(event, team, self)
  if (event.subtype === 'message_deleted') return fromDelete(event, team, self)
  return fromText(event, team, self)
}

function fromText(event: SlackEvent, team: string, self: Self): Incoming[] {
  const { channel, ts, user } = event
  if (channel === undefined || ts === undefined) return []
  if (user === self.user || event.bot_id === self.botId) return []
  const bot = event.bot_id !== undefined || !SPOKEN.has(event.subtype)
  const raw = event.text ?? ''
  const direct = isDirect(channel, event.channel_type)
  const addressed = direct || calls(raw, self.user)
  const thread = event.thread_ts === ts ? undefined : event.thread_ts
  if (!addressed && thread === undefined) return []
  const place = { chat: 'slack', id: channel } as const
  return [
    {
      kind: 'text',
      // app_mention and message tell of the same text with two event ids: the time stamp makes them one.
      event: `${team}:${channel}:${ts}`,
      place,
      user: user ?? event.bot_id ?? 'unknown',
      bot: bot || user === undefined,
      sentAtMs: msOf(ts),
      text: typedText(raw, self.user),
      message: ts,
      addressed,
      direct,
      ...(thread === undefined ? {} : { thread }),
    },
  ]
}

function fromReaction(event: SlackEvent, team: string, id: string, self: Self): Incoming[] {
  const { item, user, reaction } = event
  if (item?.channel === undefined || item.ts === undefined || user === undefined || reaction === undefined) return []
  if (user === self.user) return []
  return [
    {
      kind: 'reaction',
      event: `${team}:${id}`,
      place: { chat: 'slack', id: item.channel },
      direct: isDirect(item.channel, undefined),
      user,
      bot: false,
      sentAtMs: msOf(event.event_ts ?? item.ts),
      name: emojiOf(reaction),
      on: item.ts,
      added: event.type === 'reaction_added',
    },
  ]
}

/** True when a message was for Sluice; a stranger's talk is nobody's business, edited or not. */
const wasOurs = (message: z.infer<typeof messageShape> | undefined, direct: boolean, self: Self): boolean =>
  message === undefined || direct || message.thread_ts !== undefined || calls(message.text, self.user)

function fromEdit(event: SlackEvent, team: string, self: Self): Incoming[] {
  const { channel, message, previous_message: before } = event
  if (channel === undefined || message?.user === undefined) return []
  if (message.user === self.user || message.bot_id !== undefined) return []
  // Slack sends message_changed for unfurled links and new thread replies too.
  if (before?.text === message.text) return []
  const direct = isDirect(channel, event.channel_type)
  if (!wasOurs(before, direct, self) && !wasOurs(message, direct, self)) return []
  const at = event.event_ts ?? event.ts ?? message.ts
  return [
    {
      kind: 'edit',
      event: `${team}:${channel}:${message.ts}:edit:${at}`,
      place: { chat: 'slack', id: channel },
      direct,
      user: message.user,
      bot: false,
      sentAtMs: msOf(at),
      message: message.ts,
      text: typedText(message.text, self.user),
    },
  ]
}

function fromDelete(event: SlackEvent, team: string, self: Self): Incoming[] {
  const { channel, previous_message: before } = event
  const ts = event.deleted_ts ?? before?.ts
  if (channel === undefined || ts === undefined) return []
  if (before?.user === self.user || before?.bot_id !== undefined) return []
  if (!wasOurs(before, isDirect(channel, event.channel_type), self)) return []
  return [
    {
      kind: 'delete',
      event: `${team}:${channel}:${ts}:delete`,
      place: { chat: 'slack', id: channel },
      direct: isDirect(channel, event.channel_type),
      // Slack does not tell who deleted: only the author and the workspace's administrators can.
      user: before?.user ?? 'unknown',
      bot: false,
      sentAtMs: msOf(event.event_ts ?? event.ts ?? ts),
      message: ts,
    },
  ]
}

function fromCommand(command: z.infer<typeof commandShape>, nowMs: number): Incoming {
  return {
    kind: 'text',
    event: `${command.team_id}:command:${command.trigger_id}`,
    place: { chat: 'slack', id: command.channel_id },
    user: command.user_id,
    bot: false,
    sentAtMs: nowMs,
    text: typedText(command.text, ''),
    // A slash command leaves no message behind; nothing can be hung under this id.
    message: `command:${command.trigger_id}`,
    addressed: true,
    direct: isDirect(command.channel_id, undefined),
  }
}

function fromActions(body: z.infer<typeof actionsShape>, self: Self, nowMs: number): Incoming[] {
  const team = body.team?.id ?? self.team
  return body.actions.map((action) => ({
    kind: 'press',
    event: `${team}:${body.channel.id}:${body.message.ts}:press:${body.user.id}:${action.action_id}:${action.action_ts ?? nowMs}`,
    place: { chat: 'slack', id: body.channel.id },
    direct: isDirect(body.channel.id, undefined),
    user: body.user.id,
    bot: false,
    sentAtMs: action.action_ts === undefined ? nowMs : msOf(action.action_ts),
    button: action.action_id,
    on: body.message.ts,
  }))
}
