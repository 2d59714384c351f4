import { createHash } from 'node:crypto'
import { type WebClient, WebAPIPlatformError } from '@slack/web-api'
import { z } from 'zod'
import { within } from '../duration.ts'
import { SluiceError } from '../errors.ts'
import { type Message, plain } from '../message.ts'
import type { Chat, ChatFile, Place, SendOptions, Sent } from './chat.ts'
import { chatError } from './chat-errors.ts'
import { slackError } from './slack-error.ts'
import type { Self } from './slack-events.ts'
import { findSent, isTs, METADATA, type SeenMessage, sentKeys } from './slack-find.ts'
import { wordOf } from './slack-names.ts'
import { type Rendered, renderShort, renderSlack } from './slack-render.ts'

const UPLOAD_LIMIT_MS = 30_000

const openedShape = z.object({ channel: z.object({ id: z.string() }) })
const uploadShape = z.object({ upload_url: z.url(), file_id: z.string() })
const postedShape = z.object({ ts: z.string(), channel: z.string() })
const isPlatform = (error: unknown, ...codes: string[]): boolean =>
  error instanceof WebAPIPlatformError && codes.includes(error.data.error)

type Sending = {
  readonly client: WebClient
  readonly self: () => Promise<Self>
  readonly keys: ReturnType<typeof sentKeys>
  /** Told how each call ended; undefined is well. */
  readonly outcome: (error: unknown) => void
  /** A message of ours that is about to be deleted. */
  readonly deleting: (ts: string) => void
}
export type Says = Pick<Chat, 'post' | 'edit' | 'react' | 'unreact' | 'tellPrivately' | 'upload'>
export type Sender = {
  readonly says: Says
  /** True for a message that Sluice itself took away. */
  readonly deleted: (ts: string) => boolean
}

async function call<T>(sending: Sending, doing: string, options: SendOptions, run: () => Promise<T>): Promise<T> {
  options.signal?.throwIfAborted()
  options.mine?.()
  try {
    const result = await run()
    sending.outcome(undefined)
    return result
  } catch (error) {
    sending.outcome(error)
    throw slackError(error, doing)
  }
}

const DELETED_KEPT = 200

/** The sending half of the Slack adapter. `self` answers once `auth.test` did. */
export function slackSender(client: WebClient, self: () => Promise<Self>, outcome: Sending['outcome']): Sender {
  const gone = new Set<string>()
  const deleting = (ts: string): void => {
    gone.add(ts)
    for (const oldest of gone) if (gone.size > DELETED_KEPT) gone.delete(oldest)
  }
  const sending: Sending = { client, self, keys: sentKeys(), outcome, deleting }
  const edit: Says['edit'] = (sent, message, options) =>
    call(sending, 'editing a Slack message', options, async () => {
      const { text, blocks } = renderSlack(message, options.mentions)
      await client.apiCall('chat.update', { channel: sent.place.id, ts: sent.id, text, blocks })
    })
  const tellPrivately: Says['tellPrivately'] = async (user, message, { thread: _thread, ...options }) => {
    const opened = await call(sending, 'writing a private Slack message', options, () =>
      client.apiCall('conversations.open', { users: user }),
    )
    await postWhole(sending, { chat: 'slack', id: openedShape.parse(opened).channel.id }, message, options)
  }
  const says: Says = {
    post: (place, message, options) => postWhole(sending, place, message, options),
    edit,
    react: (sent, name, options) => call(sending, 'reacting in Slack', options, () => react(client, sent, name)),
    unreact: (sent, name, options) =>
      call(sending, 'taking a Slack reaction back', options, () => unreact(client, sent, name)),
    tellPrivately,
    upload: async (place, file, options) => void (await upload(sending, place, file, options)),
  }
  return { says, deleted: (ts) => gone.has(ts) }
}

/** Sends, unless a message of the kind is found where an earlier attempt may have left it. */
function once(
  sending: Sending,
  place: Place,
  options: SendOptions,
  send: () => Promise<Sent>,
  which?: (message: SeenMessage) => boolean,
): Promise<Sent> {
  return sending.keys.once(options.key, async (begun) => {
    if (!begun && options.again !== true) return send()
    const look = async () =>
      findSent(sending.client, await sending.self(), { place, options, deleting: sending.deleting }, which)
    return (await call(sending, 'looking for a message in Slack', options, look)) ?? send()
  })
}

/** What is too long for one message is posted shortened, with all of it as a file in its thread: both once. */
async function postWhole(sending: Sending, place: Place, message: Message, options: SendOptions): Promise<Sent> {
  const rendered = renderSlack(message, options.mentions)
  if (rendered.isWhole) return post(sending, place, rendered, options)
  const sent = await post(sending, place, renderShort(message, options.mentions), options)
  const name = `whole-${createHash('sha1').update(options.key).digest('hex').slice(0, 10)}.txt`
  const file = { name, mime: 'text/plain', data: plain(message) } as const
  await upload(sending, place, file, { ...options, key: `${options.key}:whole`, thread: options.thread ?? sent.id })
  return sent
}

const post = (sending: Sending, place: Place, rendered: Rendered, options: SendOptions): Promise<Sent> =>
  once(sending, place, options, () =>
    call(sending, 'posting to Slack', options, () => postNew(sending.client, place, rendered, options)),
  )

async function postNew(
  client: WebClient,
  place: Place,
  { text, blocks }: Rendered,
  options: SendOptions,
): Promise<Sent> {
  const payload = { key: options.key, ...(options.job === undefined ? {} : { job: options.job }) }
  const answer = await client.apiCall('chat.postMessage', {
    channel: place.id,
    text,
    blocks,
    unfurl_links: false,
    unfurl_media: false,
    metadata: { event_type: METADATA, event_payload: payload },
    ...(isTs(options.thread) ? { thread_ts: options.thread } : {}),
  })
  return sentOf(answer)
}

/** Sets or takes a reaction; what is so already is as good. */
async function changeReaction(client: WebClient, method: string, sent: Sent, name: string, already: string) {
  const word = wordOf(name)
  if (word === undefined) throw chatError('CHAT-REJECTED', 'reacting in Slack', `no Slack name is known for ${name}`)
  if (!isTs(sent.id)) return
  const reaction = { channel: sent.place.id, timestamp: sent.id, name: word }
  await client.apiCall(method, reaction).catch((error: unknown) => {
    if (!isPlatform(error, already)) throw error
  })
}

const react = (client: WebClient, sent: Sent, name: string): Promise<void> =>
  changeReaction(client, 'reactions.add', sent, name, 'already_reacted')
const unreact = (client: WebClient, sent: Sent, name: string): Promise<void> =>
  changeReaction(client, 'reactions.remove', sent, name, 'no_reaction')

function upload(sending: Sending, place: Place, file: ChatFile, options: SendOptions): Promise<Sent> {
  const send = () =>
    call(sending, 'uploading to Slack', options, () => uploadFile(sending.client, place, file, options))
  const own = { ...options, key: `upload ${options.key}` }
  const named = (m: SeenMessage) => m.files?.some((f) => f.name === file.name) === true
  return once(sending, place, own, send, named).catch((error: unknown) => {
    // Without the scope files:write, or where an administrator forbids files, the text itself is shown.
    const forbidden = error instanceof SluiceError && (error.code === 'CHAT-AUTH' || error.code === 'CHAT-REJECTED')
    if (!forbidden) throw error
    const name = { kind: 'text', text: [{ bold: file.name }] } as const
    return post(sending, place, renderSlack({ blocks: [name, shown(file)] }), options)
  })
}

/** A file's text, or what its picture shows. */
const shown = ({ data, alt }: ChatFile) =>
  typeof data === 'string'
    ? ({ kind: 'code', text: data } as const)
    : ({ kind: 'text', text: alt ?? 'a picture' } as const)

function sentOf(answer: unknown): Sent {
  const { ts, channel } = postedShape.parse(answer)
  return { place: { chat: 'slack', id: channel }, id: ts }
}

/** https://docs.slack.dev/messaging/working-with-files#upload: an address, the bytes, then the place. */
async function uploadFile(client: WebClient, place: Place, file: ChatFile, options: SendOptions): Promise<Sent> {
  const data = Buffer.from(file.data)
  const { upload_url, file_id } = uploadShape.parse(
    await client.apiCall('files.getUploadURLExternal', { filename: file.name, length: data.length }),
  )
  const signal = within(UPLOAD_LIMIT_MS, options.signal)
  const answer = await fetch(upload_url, { method: 'POST', body: data, signal })
  if (!answer.ok) throw chatError('CHAT-UNREACHABLE', 'uploading to Slack', `HTTP ${answer.status}`)
  await client.apiCall('files.completeUploadExternal', {
    files: [{ id: file_id, title: file.name }],
    channel_id: place.id,
    ...(isTs(options.thread) ? { thread_ts: options.thread } : {}),
  })
  return { place, id: file_id }
}
