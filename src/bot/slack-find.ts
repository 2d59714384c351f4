import type { WebClient } from '@slack/web-api'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Place, SendOptions, Sent } from './chat.ts'
import type { Self } from './slack-events.ts'

/** Under this name Slack keeps our keys beside our messages. */
export const METADATA = 'sluice'

const seenShape = z.object({
  ts: z.string(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  files: z.array(z.object({ name: z.string().nullish() })).optional(),
  metadata: z.object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) }).optional(),
})
export type SeenMessage = z.infer<typeof seenShape>
const pageShape = z.object({ messages: z.array(seenShape) })

/** A message's own time stamp; ids of slash commands are none. */
export const isTs = (id: string | undefined): id is string => id !== undefined && /^\d+\.\d+$/.test(id)

const PAGE = 100
const PAGES = 3

export type Sought = {
  readonly place: Place
  readonly options: SendOptions
  /** Told before a double is deleted. */
  readonly deleting: (ts: string) => void
}

/**
 * Looks for our own message in the newest three hundred of the place or thread, and deletes doubles of it. `which` tells it
 * among our own ones; by default the key does.
 */
export async function findSent(
  client: WebClient,
  self: Self,
  { place, options, deleting }: Sought,
  which: (message: SeenMessage) => boolean = (message) => hasKey(message, options.key),
): Promise<Sent | undefined> {
  const found: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES; page++) {
    const answer = await readPage(client, place, options.thread, cursor)
    for (const message of answer.messages) if (isOurs(message, self) && which(message)) found.push(message.ts)
    cursor = answer.next
    if (cursor === undefined) break
  }
  const [first, ...doubles] = found.sort()
  for (const ts of doubles) {
    deleting(ts)
    await client.apiCall('chat.delete', { channel: place.id, ts })
  }
  return first === undefined ? undefined : { place, id: first }
}

async function readPage(client: WebClient, place: Place, thread: string | undefined, cursor: string | undefined) {
  const page = {
    channel: place.id,
    limit: PAGE,
    include_all_metadata: true,
    ...(cursor === undefined ? {} : { cursor }),
  }
  const answer = isTs(thread)
    ? await client.apiCall('conversations.replies', { ...page, ts: thread })
    : await client.apiCall('conversations.history', page)
  const next = answer.response_metadata?.next_cursor
  return { messages: pageShape.parse(answer).messages, next: next === undefined || next === '' ? undefined : next }
}

/** Any app can write metadata and files: only our own messages count. */
const isOurs = (message: SeenMessage, self: Self): boolean =>
  message.user === self.user || (message.bot_id !== undefined && message.bot_id === self.botId)

const hasKey = ({ metadata }: SeenMessage, key: string): boolean =>
  metadata?.event_type === METADATA && metadata.event_payload['key'] === key

const REMEMBERED = 2000

/**
 * What this process knows of its keys: on the way, sent, or begun without a clear answer. Older ones are forgotten, and a
 * restart knows none: for these the outbox says `again`.
 */
export function sentKeys() {
  const known = new Map<string, Promise<Sent> | 'begun'>()
  const once = (key: string, send: (begun: boolean) => Promise<Sent>): Promise<Sent> => {
    const state = known.get(key)
    if (state !== undefined && state !== 'begun') return state
    const sending = send(state === 'begun').catch((error: unknown) => {
      // A clear no means nothing was posted; anything else leaves it open.
      if (state !== 'begun' && isClearNo(error)) known.delete(key)
      else known.set(key, 'begun')
      throw error
    })
    known.delete(key)
    known.set(key, sending)
    for (const oldest of known.keys()) if (known.size > REMEMBERED) known.delete(oldest)
    return sending
  }
  return { once }
}

const isClearNo = (error: unknown): boolean =>
  error instanceof SluiceError
    ? error.code !== 'CHAT-UNREACHABLE'
    : error instanceof Error && error.name === 'AbortError'
