import type { Message } from '../message.ts'
import { SluiceError } from '../errors.ts'
import type { Chat, Incoming, Sent } from './chat.ts'
import { pause } from './pause.ts'
import { isDirect, type Self } from './slack-events.ts'

/** Slack wants its answer within three seconds. */
const SHOW_MS = 1_400

/** What a person asked without leaving a message: a slash command, a form. */
export type Asked = {
  /** Unique for ever: the same one again is the same request. */
  readonly id: string
  readonly user: string
  /** As people see them. */
  readonly name: string
  readonly channel: string
  readonly text: string
  readonly atMs: number
}
export type Shown =
  | { readonly at: string }
  /** Slack did not answer in time: the request counts, and Slack shows it as best it can. */
  | { readonly at?: undefined }
  /** The bot is not in the channel, so nobody could see what comes of it. */
  | 'nowhere'

/** Posts `nico: drain server23 on p10`, so that everybody sees who asked what, and the answers have a place. */
export async function show(post: Chat['post'], asked: Asked): Promise<Shown> {
  const message: Message = { blocks: [{ kind: 'text', text: [{ bold: asked.name }, ': ', { code: asked.text }] }] }
  const posting = post({ chat: 'slack', id: asked.channel }, message, { key: `asked:${asked.id}` }).then(
    (sent: Sent): Shown => ({ at: sent.id }),
    (error: unknown): Shown => (error instanceof SluiceError && error.code === 'CHAT-REJECTED' ? 'nowhere' : {}),
  )
  return Promise.race([posting, pause(SHOW_MS).then((): Shown => ({}))])
}

export const incomingOfAsked = (asked: Asked, shown: { readonly at?: string | undefined }, self: Self): Incoming => ({
  kind: 'text',
  event: `${self.team}:${asked.id}`,
  place: { chat: 'slack', id: asked.channel },
  user: asked.user,
  bot: false,
  sentAtMs: asked.atMs,
  text: asked.text,
  // without a message nothing can be hung under it
  message: shown.at ?? asked.id,
  addressed: true,
  direct: isDirect(asked.channel),
})
