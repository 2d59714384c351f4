import type { WebClient } from '@slack/web-api'
import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Message } from '../message.ts'
import type { Chat, Place, SendOptions, Sent } from './chat.ts'
import { chatError, limited } from './chat-errors.ts'
import type { Self } from './slack-events.ts'
import { wordOf } from './slack-names.ts'
import { renderSlack } from './slack-render.ts'

const AUTH = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'not_allowed_token_type',
  'no_permission',
])
const AGAIN = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org'])
const METADATA = 'sluice'

const openedShape = z.object({ channel: z.object({ id: z.string() }) })
const postedShape = z.object({ ts: z.string(), channel: z.string() })
const seenShape = z.object({
  ts: z.string(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  metadata: z.object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) }).optional(),
})
type Seen = z.infer<typeof seenShape>
const pageShape = z.object({ messages: z.array(seenShape) })

/** Whatever a call of Slack's Web API threw, as CHAT-LIMITED, CHAT-AUTH, CHAT-REJECTED or CHAT-UNREACHABLE. */
export function slackError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  if (error instanceof WebAPIRateLimitedError) return limited(doing, error.retryAfter * 1000)
  if (error instanceof WebAPIPlatformError) return platformError(error, doing)
  if (error instanceof WebAPIHTTPError)
    return chatError(error.statusCode >= 500 ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, `HTTP ${error.statusCode}`)
  if (error instanceof WebAPIRequestError) return chatError('CHAT-UNREACHABLE', doing, error.original.message)
  return chatError('CHAT-UNREACHABLE', doing, error instanceof Error ? error.message : String(error))
}

function platformError(error: WebAPIPlatformError, doing: string): SluiceError {
  const word = error.data.error
  if (word === 'ratelimited' || word === 'rate_limited') return limited(doing, 1000)
  const details = error.data.response_metadata?.messages?.join('; ')
  const text = details === undefined ? word : `${word}: ${details}`
  return chatError(AUTH.has(word) ? 'CHAT-AUTH' : AGAIN.has(word) ? 'CHAT-UNREACHABLE' : 'CHAT-REJECTED', doing, text)
}

const isPlatform = (error: unknown, ...codes: string[]): boolean =>
  error instanceof WebAPIPlatformError && codes.includes(error.data.error)

async function call<T>(doing: string, options: SendOptions, run: () => Promise<T>): Promise<T> {
  options.signal?.throwIfAborted()
  try {
    return await run()
  } catch (error) {
    throw slackError(error, doing)
  }
}

/** A message's own time stamp; ids of slash commands are none. */
const isTs = (id: string | undefined): id is string => id !== undefined && /^\d+\.\d+$/.test(id)

/** The sending half of the Slack adapter. `self` answers once `auth.test` did. */
export function slackSender(
  client: WebClient,
  self: () => Promise<Self>,
): Pick<Chat, 'post' | 'edit' | 'react' | 'tellPrivately' | 'upload'> {
  const keys = sentKeys()

  const post: Chat['post'] = (place, message, options) =>
    keys.once(options.key, async (begun) => {
      const look = begun || options.again === true
      const found = look
        ? await call('looking for a message in Slack', options, async () =>
            findSent(client, await self(), place, options),
          )
        : undefined
      return found ?? call('posting to Slack', options, () => postNew(place, message, options))
    })

  async function postNew(place: Place, message: Message, options: SendOptions): Promise<Sent> {
    const { text, blocks } = renderSlack(message, options.mentions)
    const answer = await client.apiCall('chat.postMessage', {
      channel: place.id,
      text,
      blocks,
      unfurl_links: false,
      unfurl_media: false,
      metadata: {
        event_type: METADATA,
        event_payload: { key: options.key, ...(options.job === undefined ? {} : { job: options.job }) },
      },
      ...(isTs(options.thread) ? { thread_ts: options.thread } : {}),
    })
    return sentOf(answer)
  }

  const edit: Chat['edit'] = (sent, message, options) =>
    call('editing a Slack message', options, async () => {
      const { text, blocks } = renderSlack(message, options.mentions)
      await client.apiCall('chat.update', { channel: sent.place.id, ts: sent.id, text, blocks })
    })

  const react: Chat['react'] = (sent, name, options) =>
    call('reacting in Slack', options, async () => {
      const word = wordOf(name)
      if (word === undefined)
        throw chatError('CHAT-REJECTED', 'reacting in Slack', `no Slack name is known for ${name}`)
      if (!isTs(sent.id)) return
      await client
        .apiCall('reactions.add', { channel: sent.place.id, timestamp: sent.id, name: word })
        .catch((error: unknown) => {
          if (!isPlatform(error, 'already_reacted')) throw error
        })
    })

  const tellPrivately: Chat['tellPrivately'] = (user, message, options) =>
    call('writing a private Slack message', options, async () => {
      const opened = await client.apiCall('conversations.open', { users: user })
      const { thread: _thread, ...rest } = options
      await post({ chat: 'slack', id: openedShape.parse(opened).channel.id }, message, rest)
    })

  const upload: Chat['upload'] = async (place, file, options) => {
    await post(
      place,
      {
        blocks: [
          { kind: 'text', text: [{ bold: file.name }] },
          { kind: 'code', text: file.text },
        ],
      },
      options,
    )
  }

  return { post, edit, react, tellPrivately, upload }
}

function sentOf(answer: unknown): Sent {
  const { ts, channel } = postedShape.parse(answer)
  return { place: { chat: 'slack', id: channel }, id: ts }
}

const REMEMBERED = 2000

/**
 * What this process knows of its keys: on the way, sent, or begun without a clear answer. Older ones are forgotten, and a
 * restart knows none: for these the outbox says `again`.
 */
function sentKeys() {
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

const PAGE = 100
const PAGES = 3

/** Looks for our own message with this key in the newest messages of the place or thread, and deletes doubles of it. */
async function findSent(client: WebClient, self: Self, place: Place, options: SendOptions): Promise<Sent | undefined> {
  const found: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES; page++) {
    const answer = await readPage(client, place, options.thread, cursor)
    for (const message of answer.messages) if (isOurs(message, self, options.key)) found.push(message.ts)
    cursor = answer.next
    if (cursor === undefined) break
  }
  const [first, ...doubles] = found.sort()
  for (const ts of doubles) await client.apiCall('chat.delete', { channel: place.id, ts })
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

/** Metadata can be written by any app: only our own messages count. */
const isOurs = (message: Seen, self: Self, key: string): boolean =>
  (message.user === self.user || (message.bot_id !== undefined && message.bot_id === self.botId)) &&
  message.metadata?.event_type === METADATA &&
  message.metadata.event_payload['key'] === key
