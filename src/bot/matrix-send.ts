import type { MatrixClient } from 'matrix-bot-sdk'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Chat, ChatFile, Place, SendOptions, Sent } from './chat.ts'
import { chatError } from './chat-errors.ts'
import type { RoomCrypto } from './matrix-crypto.ts'
import type { DirectRooms } from './matrix-direct.ts'
import { type Request, withSignal } from './matrix-http.ts'
import { type Content, renderMatrix } from './matrix-render.ts'

const sentShape = z.object({ event_id: z.string() })
const relatedShape = z.object({
  content: z.object({ 'm.relates_to': z.object({ rel_type: z.literal('m.thread'), event_id: z.string() }) }),
})

export type Sending = {
  readonly client: MatrixClient
  readonly request: Request
  /** The bot's own user id. */
  readonly self: string
  readonly direct: DirectRooms
  readonly crypto: Pick<RoomCrypto, 'seal' | 'sealFile'>
}
export type Sender = Pick<Chat, 'post' | 'edit' | 'react' | 'unreact' | 'tellPrivately' | 'upload'>

/** The sending half of the Matrix adapter. The key is the transaction id: the homeserver makes the same key one event. */
export function matrixSender(sending: Sending): Sender {
  const { direct } = sending
  const post: Sender['post'] = async (place, message, options) => {
    const content = renderMatrix(message, options.mentions)
    return { place, id: await postContent(sending, place, content, options) }
  }
  const edit: Sender['edit'] = async (sent, message, options) => {
    const content = replacing(sent.id, renderMatrix(message, options.mentions))
    await put(sending, sent.place, 'm.room.message', content, 'editing a Matrix message', options)
  }
  const react: Sender['react'] = async (sent, name, options) => {
    const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: sent.id, key: name } }
    await put(sending, sent.place, 'm.reaction', content, 'reacting in Matrix', options).catch((error: unknown) => {
      if (!String(error).includes('M_DUPLICATE_ANNOTATION')) throw error
    })
  }
  const unreact: Sender['unreact'] = async (sent, name, options) => {
    for (const id of await ownReactions(sending, sent, name, options)) await redact(sending, sent.place, id, options)
  }
  const tellPrivately: Sender['tellPrivately'] = async (user, message, { thread: _thread, ...options }) => {
    const id = await direct.directWith(user, options.signal)
    await post({ chat: 'matrix', id }, message, options)
  }
  const upload: Sender['upload'] = async (place, file, options) => {
    await postContent(sending, place, await uploaded(sending, place, file, options), options)
  }
  return { post, edit, react, unreact, tellPrivately, upload }
}

/** The only way into a room: what is to be sealed there is sealed here. Reactions are not, the homeserver counts them. */
async function put(
  { request, crypto }: Sending,
  place: Place,
  type: 'm.room.message' | 'm.reaction',
  content: Record<string, unknown>,
  doing: string,
  { key, signal }: SendOptions,
): Promise<string> {
  const wire = type === 'm.reaction' ? { type, content } : await crypto.seal(place.id, type, content, signal)
  const path = `/v3/rooms/${encodeURIComponent(place.id)}/send/${wire.type}/${encodeURIComponent(key)}`
  const answer = await request('PUT', path, doing, { body: wire.content, ...(signal === undefined ? {} : { signal }) })
  return sentShape.parse(answer).event_id
}

const annotations = z.object({
  chunk: z.array(
    z.object({
      event_id: z.string(),
      sender: z.string(),
      content: z.object({ 'm.relates_to': z.object({ key: z.string() }).optional() }),
    }),
  ),
})

/** The bot's own reactions of a name on a message that still stand: a redacted one has no relation any more. */
async function ownReactions(
  { request, self }: Sending,
  sent: Sent,
  name: string,
  { signal }: SendOptions,
): Promise<readonly string[]> {
  const path = `/v1/rooms/${encodeURIComponent(sent.place.id)}/relations/${encodeURIComponent(sent.id)}/m.annotation/m.reaction`
  const raw = await request('GET', path, 'looking for an own reaction', {
    query: { limit: 100 },
    ...(signal === undefined ? {} : { signal }),
  })
  return annotations
    .parse(raw)
    .chunk.filter((event) => event.sender === self && event.content['m.relates_to']?.key === name)
    .map((event) => event.event_id)
}

async function redact({ request }: Sending, place: Place, id: string, { key, signal }: SendOptions): Promise<void> {
  const path = `/v3/rooms/${encodeURIComponent(place.id)}/redact/${encodeURIComponent(id)}/${encodeURIComponent(key)}`
  await request('PUT', path, 'taking a Matrix reaction back', { body: {}, ...(signal === undefined ? {} : { signal }) })
}

async function postContent(
  sending: Sending,
  place: Place,
  content: Record<string, unknown>,
  options: SendOptions,
): Promise<string> {
  const send = (more: Record<string, unknown>) =>
    put(sending, place, 'm.room.message', { ...content, ...more }, 'posting to Matrix', options)
  if (options.thread === undefined) return send({})
  try {
    return await send(inThread(options.thread))
  } catch (error) {
    // A thread can hang on its root only; the caller may have named an answer inside it.
    const root =
      error instanceof SluiceError && error.code === 'CHAT-REJECTED' ? await rootOf(sending, place, options) : undefined
    if (root === undefined) throw error
    return send(inThread(root))
  }
}

/** In an encrypted room the homeserver gets neither the file nor its name nor its kind. */
async function uploaded({ client, crypto }: Sending, place: Place, file: ChatFile, { signal }: SendOptions) {
  const doing = 'uploading to Matrix'
  const data = Buffer.from(file.data)
  const sealed = await crypto.sealFile(place.id, data, signal)
  const url: unknown = await withSignal(signal, doing, () =>
    sealed === undefined
      ? client.uploadContent(data, contentType(file), file.name)
      : client.uploadContent(Buffer.from(sealed.data), 'application/octet-stream'),
  )
  if (typeof url !== 'string') throw chatError('CHAT-REJECTED', doing, 'the homeserver named no address for the file')
  return {
    msgtype: file.mime.startsWith('image/') ? 'm.image' : 'm.file',
    body: file.alt ?? file.name,
    filename: file.name,
    ...(sealed === undefined ? { url } : { file: { ...sealed.info, url } }),
    info: { mimetype: file.mime, size: data.length },
  }
}

const contentType = ({ mime }: ChatFile): string => (mime.startsWith('text/') ? `${mime}; charset=utf-8` : mime)

const inThread = (root: string) => ({
  'm.relates_to': { rel_type: 'm.thread', event_id: root, is_falling_back: true, 'm.in_reply_to': { event_id: root } },
})

/** Clients without edits show the new text behind a star. An edit mentions nobody anew. */
const replacing = (id: string, content: Content) => ({
  ...content,
  'm.mentions': {},
  body: `* ${content.body}`,
  formatted_body: `* ${content.formatted_body}`,
  'm.new_content': content,
  'm.relates_to': { rel_type: 'm.replace', event_id: id },
})

async function rootOf(
  { request }: Sending,
  place: Place,
  { thread = '', signal }: SendOptions,
): Promise<string | undefined> {
  const path = `/v3/rooms/${encodeURIComponent(place.id)}/event/${encodeURIComponent(thread)}`
  const doing = 'looking for the root of a thread'
  const event = await request('GET', path, doing, signal === undefined ? {} : { signal }).catch(() => undefined)
  return relatedShape.safeParse(event).data?.content['m.relates_to'].event_id
}
