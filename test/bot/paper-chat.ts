import type { Chat, ChatName, Health, Incoming, SendOptions } from '../../src/bot/chat.ts'
import { type Message, plain } from '../../src/message.ts'

/** What arrived on the platform, in order. */
export type Sheet = {
  readonly kind: 'post' | 'edit' | 'react' | 'unreact' | 'private'
  readonly id: string
  readonly text: string
  readonly mention: readonly string[]
  readonly key: string
  readonly job?: string
}
export type Paper = Chat & {
  readonly sheets: Sheet[]
  /** Thrown by every call while it is set; called anew for each. */
  fail: ((kind: Sheet['kind'], key: string) => Error | undefined) | undefined
  /** Awaited in each call, before anything arrives. */
  hold: ((kind: Sheet['kind'], key: string) => Promise<void>) | undefined
  readonly tell: (incoming: Incoming) => Promise<void>
  readonly feel: (health: Health) => void
  /** How often the bot called, whatever came of it. */
  readonly calls: () => number
}

/** A platform of paper: it keeps the contract of a chat (the same key is one message), and does what a test wants beside. */
export function paperChat(name: ChatName, rate: Chat['rate'] = {}, abreast?: number): Paper {
  const sheets: Sheet[] = []
  const ids = new Map<string, string>()
  let [calls, count] = [0, 0]
  let onIncoming: (incoming: Incoming) => Promise<void> = async () => {}
  let onHealth: (health: Health) => void = () => {}
  const take = async (kind: Sheet['kind'], id: string, message: Message | string, options: SendOptions) => {
    calls += 1
    await paper.hold?.(kind, options.key)
    options.signal?.throwIfAborted()
    const error = paper.fail?.(kind, options.key)
    if (error !== undefined) throw error
    const [text, mention] =
      typeof message === 'string' ? [message, []] : [plain(message), Object.keys(options.mentions ?? {})]
    const about = options.job === undefined ? {} : { job: options.job }
    sheets.push({ kind, id, text, mention, key: options.key, ...about })
  }
  const paper: Paper = {
    name,
    can: { edit: true, buttons: false, threads: true, upload: true },
    rate,
    ...(abreast === undefined ? {} : { abreast }),
    sheets,
    fail: undefined,
    hold: undefined,
    calls: () => calls,
    tell: (incoming) => onIncoming(incoming),
    feel: (health) => onHealth(health),
    post: async (place, message, options) => {
      const known = ids.get(options.key)
      const id = known ?? `${name}-${++count}`
      if (known !== undefined) return { place, id }
      await take('post', id, message, options)
      ids.set(options.key, id)
      return { place, id }
    },
    edit: ({ id }, message, options) => take('edit', id, message, options),
    react: ({ id }, emoji, options) => take('react', id, emoji, options),
    unreact: ({ id }, emoji, options) => take('unreact', id, emoji, options),
    tellPrivately: (user, message, options) => take('private', user, message, options),
    link: async ({ id }) => `https://${name}.example.org/${id}`,
    upload: (_place, file, options) => take('post', `${name}-${++count}`, file.name, options),
    start: async (incoming, health) => {
      onIncoming = incoming
      if (health !== undefined) onHealth = health
    },
    stop: async () => {},
  }
  return paper
}
