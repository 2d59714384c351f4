import { z } from 'zod'
import type { Incoming } from './chat.ts'

export type MatrixSelf = { readonly user: string; readonly displayName: string }

const relation = z.object({
  rel_type: z.string().optional(),
  event_id: z.string().optional(),
  key: z.string().optional(),
  'm.in_reply_to': z.object({ event_id: z.string() }).optional(),
})
const content = z.looseObject({
  msgtype: z.string().optional(),
  body: z.string().optional(),
  formatted_body: z.string().optional(),
  membership: z.string().optional(),
  redacts: z.string().optional(),
  'm.mentions': z
    .object({ user_ids: z.array(z.string()).optional() })
    .optional()
    .catch(undefined),
  'm.new_content': z
    .object({ msgtype: z.string().optional(), body: z.string().optional() })
    .optional()
    .catch(undefined),
  'm.relates_to': relation.optional().catch(undefined),
})
const eventShape = z.object({
  type: z.string(),
  event_id: z.string(),
  sender: z.string(),
  origin_server_ts: z.number(),
  state_key: z.string().optional(),
  redacts: z.string().optional(),
  content: content.catch({}),
  unsigned: z
    .looseObject({ prev_content: z.object({ membership: z.string().optional() }).optional().catch(undefined) })
    .optional()
    .catch(undefined),
})
/** One event of a room's timeline, as far as Sluice looks at it. */
export type MatrixEvent = z.infer<typeof eventShape>

/** The events of a list that have the form of an event; others are left out. */
export const eventsOf = (list: readonly unknown[]): MatrixEvent[] =>
  list.flatMap((raw) => {
    const parsed = eventShape.safeParse(raw)
    return parsed.success ? [parsed.data] : []
  })

export type About = { readonly type: string; readonly sender: string }
export type Reaction = { readonly on: string; readonly name: string; readonly user: string }
export type EventContext = {
  readonly self: MatrixSelf
  /** True for app-service ghosts and other bots, by configured patterns. */
  readonly isBot: (user: string) => boolean
  readonly isDirect: (room: string) => boolean
  /** A reaction seen before: its redaction no longer tells what it was. */
  readonly recall: (event: string) => Promise<Reaction | undefined>
  /** Type and sender of an event, also of a redacted one; undefined when it cannot be read. */
  readonly about: (room: string, event: string) => Promise<About | undefined>
}

/** An event as what happened in our words; undefined for own events, notices, and what is for nobody. */
export async function matrixIncoming(
  event: MatrixEvent,
  room: string,
  context: EventContext,
): Promise<Incoming | undefined> {
  if (event.state_key !== undefined) return undefined
  if (event.type === 'm.room.redaction') return fromRedaction(event, room, context)
  if (event.sender === context.self.user) return undefined
  if (event.type === 'm.reaction') return fromReaction(event, room, context)
  return event.type === 'm.room.message' ? fromMessage(event, room, context) : undefined
}

const base = (event: MatrixEvent, room: string, context: EventContext) => ({
  event: event.event_id,
  place: { chat: 'matrix', id: room } as const,
  user: event.sender,
  bot: context.isBot(event.sender),
  sentAtMs: event.origin_server_ts,
  direct: context.isDirect(room),
})

/** `✅` and `✅` with a variation selector are one emoji. */
const emoji = (key: string): string => key.replace(/^(\p{Emoji_Presentation})\ufe0f$/u, '$1')

/** What an `m.reaction` says, or undefined when it is malformed or redacted. */
export function reactionOf(event: MatrixEvent): Reaction | undefined {
  const { rel_type, event_id, key } = event.content['m.relates_to'] ?? {}
  if (event.type !== 'm.reaction' || rel_type !== 'm.annotation' || event_id === undefined || key === undefined)
    return undefined
  return { on: event_id, name: emoji(key), user: event.sender }
}

function fromReaction(event: MatrixEvent, room: string, context: EventContext): Incoming | undefined {
  const reaction = reactionOf(event)
  if (reaction === undefined) return undefined
  return { ...base(event, room, context), kind: 'reaction', name: reaction.name, on: reaction.on, added: true }
}

const MESSAGES = new Set(['m.room.message', 'm.room.encrypted'])

async function fromRedaction(event: MatrixEvent, room: string, context: EventContext): Promise<Incoming | undefined> {
  // Room version 11 moved it into the content.
  const target = event.content.redacts ?? event.redacts
  if (target === undefined) return undefined
  const reaction = await context.recall(target)
  if (reaction !== undefined) {
    if (reaction.user === context.self.user) return undefined
    // A moderator's redaction takes away the vote of the one who reacted.
    return {
      ...base(event, room, context),
      user: reaction.user,
      bot: context.isBot(reaction.user),
      kind: 'reaction',
      name: reaction.name,
      on: reaction.on,
      added: false,
    }
  }
  if (event.sender === context.self.user) return undefined
  const about = await context.about(room, target)
  if (about !== undefined && !MESSAGES.has(about.type)) return undefined
  const own = about?.sender === context.self.user ? { own: true as const } : {}
  return { ...base(event, room, context), kind: 'delete', message: target, ...own }
}

/** A person's own words; programs send notices. */
export const isSpoken = ({ content: { msgtype } }: MatrixEvent): boolean =>
  msgtype === 'm.text' || msgtype === 'm.emote'

function fromMessage(event: MatrixEvent, room: string, context: EventContext): Incoming | undefined {
  const { body } = event.content
  if (body === undefined || !isSpoken(event)) return undefined
  const related = event.content['m.relates_to']
  const direct = context.isDirect(room)
  if (related?.rel_type === 'm.replace') return fromEdit(event, room, context, direct)
  const reply = related?.['m.in_reply_to']?.event_id
  // A plain reply belongs to what it answers; inside a thread it is only there for old clients.
  const thread = related?.rel_type === 'm.thread' ? related.event_id : reply
  const said = reply === undefined ? body : withoutQuote(body)
  const addressed = direct || calls(event, said, context.self)
  if (!addressed && thread === undefined) return undefined
  const text = typed(said, context.self)
  return {
    ...base(event, room, context),
    kind: 'text',
    text,
    message: event.event_id,
    addressed,
    ...(thread === undefined ? {} : { thread }),
  }
}

function fromEdit(event: MatrixEvent, room: string, context: EventContext, direct: boolean): Incoming | undefined {
  const { body, msgtype } = event.content['m.new_content'] ?? {}
  const message = event.content['m.relates_to']?.event_id
  if (body === undefined || message === undefined || msgtype === 'm.notice') return undefined
  if (!direct && !calls(event, body, context.self)) return undefined
  return { ...base(event, room, context), kind: 'edit', message, text: typed(body, context.self) }
}

/** True when the text calls Sluice: a mention by any client's means, its name at the beginning, or a leading `!`. */
function calls(event: MatrixEvent, body: string, self: MatrixSelf): boolean {
  if (event.content['m.mentions']?.user_ids?.includes(self.user) === true) return true
  const pills = [`matrix.to/#/${self.user}`, `matrix.to/#/${encodeURIComponent(self.user)}`]
  if (pills.some((pill) => event.content.formatted_body?.includes(`${pill}"`) === true)) return true
  return body.includes(self.user) || namedFirst(body, self) !== undefined || /^\s*!\s*\S/.test(body)
}

/** The text behind the bot's name, when the text begins with it: `sluice: drain`, `@sluice drain`. */
function namedFirst(body: string, self: MatrixSelf): string | undefined {
  const local = /^@([^:]+):/.exec(self.user)?.[1]
  const names = [self.user, self.displayName, local].filter((name) => name !== undefined && name !== '')
  const text = body.trimStart().replace(/^@(?=[^\s])/, '')
  for (const name of names) {
    const bare = (name ?? '').replace(/^@/, '')
    if (text.toLowerCase().startsWith(bare.toLowerCase()) && /^\s*[:,]|^\s|^$/.test(text.slice(bare.length)))
      return text.slice(bare.length).replace(/^\s*[:,]?\s*/, '')
  }
  return undefined
}

/** What was typed, without the bot's own name. */
const typed = (body: string, self: MatrixSelf): string =>
  (namedFirst(body, self) ?? body.replaceAll(self.user, ' ')).trim()

/** Old clients put the answered message in front: `> <@nico:mx> ...` and an empty line. */
const withoutQuote = (body: string): string => (body.startsWith('> <@') ? body.replace(/^(?:>[^\n]*\n)+\n?/, '') : body)
