import type { MatrixClient } from 'matrix-bot-sdk'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Chat, Place, SendOptions, Sent } from './chat.ts'
import { chatError } from './chat-errors.ts'
import { type Request, withSignal } from './matrix-http.ts'
import { type Content, renderMatrix } from './matrix-render.ts'
import type { Rooms } from './matrix-rooms.ts'

const sentShape = z.object({ event_id: z.string() })
const relatedShape = z.object({
  content: z.object({ 'm.relates_to': z.object({ rel_type: z.literal('m.thread'), event_id: z.string() }) }),
})

/** The sending half of the Matrix adapter. The key is the transaction id: the homeserver makes the same key one event. */
export function matrixSender(
  client: MatrixClient,
  request: Request,
  rooms: Rooms,
): Pick<Chat, 'post' | 'edit' | 'react' | 'tellPrivately' | 'upload'> {
  const send = async (
    place: Place,
    type: string,
    content: Record<string, unknown>,
    doing: string,
    { key, signal }: SendOptions,
  ): Promise<string> => {
    const path = `/v3/rooms/${encodeURIComponent(place.id)}/send/${type}/${encodeURIComponent(key)}`
    return sentShape.parse(
      await request('PUT', path, doing, { body: content, ...(signal === undefined ? {} : { signal }) }),
    ).event_id
  }
  const doing = 'posting to Matrix'

  const postContent = async (place: Place, content: Record<string, unknown>, options: SendOptions): Promise<string> => {
    await rooms.assertPlain(place.id, options.signal)
    if (options.thread === undefined) return send(place, 'm.room.message', content, doing, options)
    try {
      return await send(
        place,
        'm.room.message',
        { ...content, 'm.relates_to': inThread(options.thread) },
        doing,
        options,
      )
    } catch (error) {
      // A thread can hang on its root only; the caller may have named an answer inside it.
      const root =
        error instanceof SluiceError && error.code === 'CHAT-REJECTED'
          ? await rootOf(request, place, options)
          : undefined
      if (root === undefined) throw error
      return send(place, 'm.room.message', { ...content, 'm.relates_to': inThread(root) }, doing, options)
    }
  }

  const post: Chat['post'] = async (place, message, options): Promise<Sent> => ({
    place,
    id: await postContent(place, renderMatrix(message, options.mentions), options),
  })

  const edit: Chat['edit'] = async (sent, message, options) => {
    await rooms.assertPlain(sent.place.id, options.signal)
    await send(
      sent.place,
      'm.room.message',
      replacing(sent.id, renderMatrix(message, options.mentions)),
      'editing a Matrix message',
      options,
    )
  }

  const react: Chat['react'] = async (sent, name, options) => {
    const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: sent.id, key: name } }
    await send(sent.place, 'm.reaction', content, 'reacting in Matrix', options).catch((error: unknown) => {
      if (!String(error).includes('M_DUPLICATE_ANNOTATION')) throw error
    })
  }

  const tellPrivately: Chat['tellPrivately'] = async (user, message, { thread: _thread, ...options }) => {
    const id = await rooms.directWith(user, options.signal)
    await post({ chat: 'matrix', id }, message, options)
  }

  const upload: Chat['upload'] = async (place, file, options) => {
    await rooms.assertPlain(place.id, options.signal)
    const data = Buffer.from(file.text)
    const type = 'text/plain; charset=utf-8'
    const url = await withSignal(options.signal, 'uploading to Matrix', () =>
      client.uploadContent(data, type, file.name),
    )
    if (typeof url !== 'string')
      throw chatError('CHAT-REJECTED', 'uploading to Matrix', 'the homeserver named no address for the file')
    await postContent(
      place,
      {
        msgtype: 'm.file',
        body: file.name,
        filename: file.name,
        url,
        info: { mimetype: 'text/plain', size: data.length },
      },
      options,
    )
  }

  return { post, edit, react, tellPrivately, upload }
}

const inThread = (root: string) => ({
  rel_type: 'm.thread',
  event_id: root,
  is_falling_back: true,
  'm.in_reply_to': { event_id: root },
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
  request: Request,
  place: Place,
  { thread = '', signal }: SendOptions,
): Promise<string | undefined> {
  const path = `/v3/rooms/${encodeURIComponent(place.id)}/event/${encodeURIComponent(thread)}`
  const event = await request(
    'GET',
    path,
    'looking for the root of a thread',
    signal === undefined ? {} : { signal },
  ).catch(() => undefined)
  const parsed = relatedShape.safeParse(event)
  return parsed.success ? parsed.data.content['m.relates_to'].event_id : undefined
}
