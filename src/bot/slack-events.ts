import { z } from 'zod'
import type { Incoming } from './chat.ts'
import { calls, emojiOf, typedText } from './slack-names.ts'

/** Who Sluice is in the workspace, from `auth.test`. */
export type Self = {
  readonly team: string
  readonly user: string
  readonly botId: string
  /** The organisation above the workspace, where there is one. */
  readonly enterprise?: string
}

const messageShape = z.object({
  subtype: z.string().optional(),
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
  item_user: z.string().optional(),
  message: messageShape.optional(),
  previous_message: messageShape.optional(),
})
type SlackEvent = z.infer<typeof eventShape>
const callbackShape = z.object({
  type: z.literal('event_callback'),
  team_id: z.string(),
  event_id: z.string(),
  event: eventShape,
  /** For whom Slack tells it: in a shared channel `team_id` may be the other company's. */
  authorizations: z.array(z.object({ team_id: z.string().nullish() })).optional(),
})
const actionsShape = z.object({
  type: z.literal('block_actions'),
  user: z.object({ id: z.string() }),
  channel: z.object({ id: z.string() }),
  message: z.object({ ts: z.string() }),
  team: z.object({ id: z.string() }).nullish(),
  response_url: z.url().optional(),
  actions: z.array(z.object({ action_id: z.string(), action_ts: z.string().optional() })),
})

export const msOf = (ts: string): number => Math.round(Number(ts) * 1000)
export const isDirect = (channel: string, kind?: string): boolean => kind === 'im' || channel.startsWith('D')
/** Two presses of one person on one button so close together are one. */
const DOUBLE_PRESS_MS = 5_000
/** Subtypes that are still a person's own words; every other subtype is Slack's own notice. */
const SPOKEN = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message'])

/**
 * One body of Slack's Events API or interactivity as what happened in our words. Own messages, notices, other workspaces and
 * texts that are for nobody give an empty list. Shapes: https://docs.slack.dev/apis/events-api
 */
export function incomingOf(body: unknown, self: Self, nowMs: number): Incoming[] {
  const callback = callbackShape.safeParse(body)
  if (callback.success)
    return isFor(callback.data, self) ? fromEvent(callback.data.event, callback.data.event_id, self) : []
  const actions = actionsShape.safeParse(body)
  return actions.success ? fromActions(actions.data, self, nowMs) : []
}

/** A message as `conversations.history` and `conversations.replies` give it: the same event as the live one. */
export function incomingOfMessage(message: unknown, channel: string, self: Self): Incoming[] {
  const event = eventShape.safeParse(typeof message === 'object' ? { ...message, type: 'message', channel } : undefined)
  return event.success ? fromText(event.data, self) : []
}

/** Where to tell the presser at once that the press has arrived. */
export const responseUrl = (body: unknown): string | undefined => actionsShape.safeParse(body).data?.response_url

const isFor = ({ team_id, authorizations }: z.infer<typeof callbackShape>, self: Self): boolean =>
  team_id === self.team || authorizations?.some((a) => a.team_id === self.team) === true

function fromEvent(event: SlackEvent, id: string, self: Self): Incoming[] {
  if (event.type === 'reaction_added' || event.type === 'reaction_removed') return fromReaction(event, id, self)
  if (event.type !== 'message' && event.type !== 'app_mention') return []
  // a deleted message that has a thread stays as a tombstone
  const tombstone = event.message?.subtype === 'tombstone' ? { ...event, deleted_ts: event.message.ts } : undefined
  if (tombstone !== undefined) return fromDelete(tombstone, self)
  if (event.subtype === 'message_changed') return fromEdit(event, self)
  if (event.subtype === 'message_deleted') return fromDelete(event, self)
  return fromText(event, self)
}

function fromText(event: SlackEvent, self: Self): Incoming[] {
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
      event: `${self.team}:${channel}:${ts}`,
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

/** What is put under other people's messages is between them. */
function fromReaction(event: SlackEvent, id: string, self: Self): Incoming[] {
  const { item, user, reaction } = event
  if (item?.channel === undefined || item.ts === undefined || user === undefined || reaction === undefined) return []
  if (user === self.user || (event.item_user !== undefined && event.item_user !== self.user)) return []
  return [
    {
      kind: 'reaction',
      event: `${self.team}:${id}`,
      place: { chat: 'slack', id: item.channel },
      direct: isDirect(item.channel),
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

function fromEdit(event: SlackEvent, self: Self): Incoming[] {
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
      event: `${self.team}:${channel}:${message.ts}:edit:${at}`,
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

function fromDelete(event: SlackEvent, self: Self): Incoming[] {
  const { channel, previous_message: before } = event
  const ts = event.deleted_ts ?? before?.ts
  if (channel === undefined || ts === undefined) return []
  const sentAtMs = msOf(event.event_ts ?? event.ts ?? ts)
  if (before !== undefined && isOwn(before, self)) return [ownDeleted(channel, ts, sentAtMs, self)]
  if (before?.bot_id !== undefined) return []
  if (!wasOurs(before, isDirect(channel, event.channel_type), self)) return []
  return [
    {
      kind: 'delete',
      event: `${self.team}:${channel}:${ts}:delete`,
      place: { chat: 'slack', id: channel },
      direct: isDirect(channel, event.channel_type),
      // Slack does not tell who deleted: only the author and the workspace's administrators can.
      user: before?.user ?? 'unknown',
      bot: false,
      sentAtMs,
      message: ts,
    },
  ]
}

const isOwn = (message: z.infer<typeof messageShape>, self: Self): boolean =>
  message.user === self.user || (message.bot_id !== undefined && message.bot_id === self.botId)

/** A message of the bot that is not there any more; who took it away is not known. */
export const ownDeleted = (channel: string, ts: string, sentAtMs: number, self: Self): Incoming => ({
  kind: 'delete',
  event: `${self.team}:${channel}:${ts}:delete`,
  place: { chat: 'slack', id: channel },
  direct: isDirect(channel),
  user: 'unknown',
  bot: false,
  sentAtMs,
  message: ts,
  own: true,
})

function fromActions(body: z.infer<typeof actionsShape>, self: Self, nowMs: number): Incoming[] {
  // in a shared channel the team is the presser's own
  const outside = body.team?.id !== undefined && body.team.id !== self.team && body.team.id !== self.enterprise
  return body.actions.map((action) => {
    const sentAtMs = action.action_ts === undefined ? nowMs : msOf(action.action_ts)
    const turn = Math.floor(sentAtMs / DOUBLE_PRESS_MS)
    return {
      kind: 'press',
      event: `${self.team}:${body.channel.id}:${body.message.ts}:press:${body.user.id}:${action.action_id}:${turn}`,
      place: { chat: 'slack', id: body.channel.id },
      direct: isDirect(body.channel.id),
      user: body.user.id,
      bot: false,
      sentAtMs,
      button: action.action_id,
      on: body.message.ts,
      ...(outside ? { outsider: 'external' } : {}),
    }
  })
}
