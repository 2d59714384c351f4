import type { SlackBlock } from './slack-blocks.ts'

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
  readonly isPrivate?: boolean
  readonly members: Set<string>
  messages: Stored[]
}
/** Somebody of the workspace, or, by their flags, not quite. */
export type Flags = {
  readonly guest?: 'multi' | 'single'
  readonly stranger?: boolean
  readonly deleted?: boolean
  readonly team?: string
}
export type User = { readonly id: string; readonly name: string; readonly bot: boolean; flags: Flags }
export type View = {
  readonly id: string
  readonly user: string
  readonly type: 'modal' | 'home'
  hash: string
  content: Record<string, unknown>
  open: boolean
}
export type SlackState = {
  readonly team: string
  readonly bot: { readonly user: string; readonly botId: string; readonly name: string }
  readonly users: Map<string, User>
  readonly channels: Map<string, Channel>
  readonly scopes: Set<string>
  readonly files: Map<string, { name: string; length: number; text: string }>
  readonly views: Map<string, View>
  /** Trigger ids that were given out and not used yet, with their user. */
  readonly triggers: Map<string, string>
  /** What an app may not send: a test that ends with some of them fails. */
  readonly violations: string[]
  base: string
  readonly nextTs: () => string
  /** Tells the app of something that happened. */
  readonly emit: (event: Record<string, unknown>) => void
}
export type Args = Readonly<Record<string, string>>
export type Answer = { ok: true; [field: string]: unknown } | { ok: false; error: string; [field: string]: unknown }
export type Method = {
  /** The scopes that are needed; with several kinds of channels it depends on the channel. */
  readonly scopes: readonly string[] | ((channel: Channel | undefined) => readonly string[])
  readonly args: readonly string[]
  readonly run: (args: Args, s: SlackState) => Answer
}

export const no = (error: string, messages?: string[]): Answer => ({
  ok: false,
  error,
  ...(messages === undefined ? {} : { response_metadata: { messages } }),
})
/** Parsed, or a symbol that no schema takes. */
export const json = (text: string | undefined): unknown => {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return Symbol('not json')
  }
}

/** The message as Slack shows it in history and events. */
export function shown(m: Stored, s: SlackState, metadata = false): Record<string, unknown> {
  const replies = [...s.channels.values()].flatMap((c) => c.messages.filter((r) => r.thread === m.ts))
  return {
    type: 'message',
    ...(replies.length === 0 ? {} : { thread_ts: m.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }),
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

/** The direct channel of the bot with a user; made when there is none. */
export function directChannel(user: string, s: SlackState): Channel {
  const id = `D${user.slice(1)}`
  const found = s.channels.get(id)
  if (found !== undefined) return found
  const made: Channel = { id, name: id, im: user, members: new Set([user, s.bot.user]), messages: [] }
  s.channels.set(id, made)
  return made
}
