import { type WebClient, WebAPIPlatformError } from '@slack/web-api'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Message } from '../message.ts'
import type { Chat, Place, SendOptions, Sent } from './chat.ts'
import { chatError } from './chat-errors.ts'
import { slackError } from './slack-error.ts'
import type { Self } from './slack-events.ts'
import { findSent, isTs, METADATA, sentKeys } from './slack-find.ts'
import { wordOf } from './slack-names.ts'
import { renderSlack } from './slack-render.ts'

const UPLOAD_LIMIT_MS = 30_000

const openedShape = z.object({ channel: z.object({ id: z.string() }) })
const uploadShape = z.object({ upload_url: z.url(), file_id: z.string() })
const postedShape = z.object({ ts: z.string(), channel: z.string() })
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

  const upload: Chat['upload'] = (place, file, options) =>
    keys
      .once(`upload ${options.key}`, async (begun) => {
        const doing = 'uploading to Slack'
        const look = begun || options.again === true
        const found = look
          ? await call(doing, options, async () =>
              findSent(
                client,
                await self(),
                place,
                options,
                (m) => m.files?.some((f) => f.name === file.name) === true,
              ),
            )
          : undefined
        if (found !== undefined) return found
        return call(doing, options, () => uploadFile(client, place, file, options)).catch((error: unknown) => {
          // Without the scope files:write, or where an administrator forbids files, the text itself is shown.
          if (!(error instanceof SluiceError) || error.code === 'CHAT-UNREACHABLE' || error.code === 'CHAT-LIMITED')
            throw error
          return post(
            place,
            {
              blocks: [
                { kind: 'text', text: [{ bold: file.name }] },
                { kind: 'code', text: file.text },
              ],
            },
            options,
          )
        })
      })
      .then(() => undefined)

  return { post, edit, react, tellPrivately, upload }
}

function sentOf(answer: unknown): Sent {
  const { ts, channel } = postedShape.parse(answer)
  return { place: { chat: 'slack', id: channel }, id: ts }
}

/** https://docs.slack.dev/messaging/working-with-files#upload: an address, the bytes, then the place. */
async function uploadFile(
  client: WebClient,
  place: Place,
  file: { name: string; text: string },
  options: SendOptions,
): Promise<Sent> {
  const data = Buffer.from(file.text)
  const { upload_url, file_id } = uploadShape.parse(
    await client.apiCall('files.getUploadURLExternal', { filename: file.name, length: data.length }),
  )
  const limit = AbortSignal.timeout(UPLOAD_LIMIT_MS)
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal])
  const answer = await fetch(upload_url, { method: 'POST', body: data, signal })
  if (!answer.ok) throw chatError('CHAT-UNREACHABLE', 'uploading to Slack', `HTTP ${answer.status}`)
  await client.apiCall('files.completeUploadExternal', {
    files: [{ id: file_id, title: file.name }],
    channel_id: place.id,
    ...(isTs(options.thread) ? { thread_ts: options.thread } : {}),
  })
  return { place, id: file_id }
}
