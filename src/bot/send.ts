import type { PersonConfig, Room } from '../config.ts'
import { SluiceError } from '../errors.ts'
import type { Jobs } from '../jobs/job.ts'
import type { Log } from '../log.ts'
import type { Message } from '../message.ts'
import { redact, redactAll } from '../redact.ts'
import { type About, neverArrived, rememberMessage, triedBefore } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { type Rank, RANK, type Send, spend } from './budget.ts'
import type { View } from './cards.ts'
import { isLimited } from './chat-errors.ts'
import type { Chat, ChatName, Place, SendOptions, Sent } from './chat.ts'
import type { Trouble } from './health.ts'
import type { OutItem } from './outbox.ts'
import { identityOf } from './people.ts'
import { placeKey } from './places.ts'
import type { Pulse } from './pulse.ts'

export type TicketSink = (
  id: string,
  note: { readonly marker: string; readonly text: string; readonly links: readonly string[] },
  call: { readonly signal: AbortSignal; readonly mine: () => void },
) => Promise<unknown>

export type OutboxDeps = {
  readonly store: Store
  readonly chats: ReadonlyMap<ChatName, Chat>
  readonly rooms: () => readonly Room[]
  readonly people: () => readonly PersonConfig[]
  readonly jobs: Jobs
  readonly view: () => View
  readonly tickets?: TicketSink
  /** Told when Redmine does not take a note, and when it does again. */
  readonly redmine?: Trouble
  readonly log: Log
  readonly pulse: Pulse
}
/** The turn of a worker at one key of the outbox. */
export type Turn = OutboxDeps & {
  /** Aborted when another worker has the key by now, and then nothing more is sent. */
  readonly signal: AbortSignal
  /** Throws JOB-LOST when this process stood still since the turn began: another may have the key by now. */
  readonly mine: () => void
  /** The key: by it the turn stands in line for a platform's budget. */
  readonly who: string
}
type Options = Pick<SendOptions, 'key' | 'job' | 'thread' | 'card'> & {
  /** What the message says, where the same key may say different things: the revision it shows. */
  readonly says?: string
}
type Subject = Pick<About, 'job' | 'question' | 'asked'>

/** `stale`: an earlier attempt, which said something else, may be what arrived. */
export type Posted = Sent & { readonly stale: boolean }

export const chatOf = (deps: OutboxDeps, name: ChatName): Chat | undefined => deps.chats.get(name)

/** Sends a message once, as far as the platform can, and remembers what it is about and which buttons it carries. Throws Paced when it has to wait. */
export async function post(
  turn: Turn,
  place: Place,
  message: Message,
  { says = '', ...options }: Options,
  rank: Rank,
  about: Subject = {},
): Promise<Posted | undefined> {
  const { store, signal, mine, who } = turn
  const chat = chatOf(turn, place.chat)
  if (chat === undefined) return undefined
  const mentioned = mentions(turn, place.chat, message)
  const sending = { kind: 'post', place, rank, who } as const
  const posted = await once(
    turn,
    chat,
    sending,
    { at: `${placeKey(place)}:${options.key}`, says },
    async (again, before) => ({
      ...(await chat.post(place, redactAll(message), { ...options, ...again, mentions: mentioned, signal, mine })),
      stale: before !== says,
    }),
  )
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(store, `${placeKey(place)}:${posted.id}`, {
    ...about,
    buttons,
    choices: buttons.filter((b) => b.startsWith('say:')).map((b) => b.slice(4)),
  })
  return posted
}

type Attempt = { readonly at: string; readonly says: string }

/**
 * Spends the budget and sends. Tells the adapter when an earlier attempt may have arrived; what was refused for its number surely did not. Both
 * are asked of the store at once: people wait for the answer.
 */
async function once<T>(
  { store, signal }: Turn,
  chat: Chat,
  sending: Send,
  { at, says }: Attempt,
  send: (again: { readonly again?: true }, before: string) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const tried = triedBefore(store, at, says)
  tried.catch(() => {})
  try {
    return await spend(store, chat, sending, async () => {
      const before = await tried
      signal.throwIfAborted()
      return before === undefined ? send({}, says) : send({ again: true }, before)
    })
  } catch (error) {
    if (isLimited(error) && (await tried) === undefined) await neverArrived(store, at)
    throw error
  }
}

const mentions = (deps: OutboxDeps, chat: ChatName, message: Message): Record<string, string> =>
  Object.fromEntries(
    (message.mention ?? []).flatMap((name) => {
      const id = identityOf(deps.people(), chat, name)
      return id === undefined ? [] : [[name, id]]
    }),
  )

/** Edits a message that was sent. Throws Paced when it has to wait, JOB-LOST when `wanted` says in the last moment that another has done it by now. */
export async function edit(
  turn: Turn,
  { place, id }: Sent,
  message: Message,
  options: Options,
  about: Subject,
  wanted: () => Promise<boolean> = async () => true,
): Promise<void> {
  const { store, signal, mine, who } = turn
  const chat = chatOf(turn, place.chat)
  if (chat === undefined) return
  const mentioned = mentions(turn, place.chat, message)
  await spend(store, chat, { kind: 'edit', place, rank: RANK.card, who }, async () => {
    if (!(await wanted())) throw new SluiceError('JOB-LOST', 'editing a message')
    signal.throwIfAborted()
    await chat.edit({ place, id }, redactAll(message), { ...options, mentions: mentioned, signal, mine })
  })
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(store, `${placeKey(place)}:${id}`, { ...about, buttons })
}

/** Writes to one person alone. */
export async function tellOne(turn: Turn, item: Extract<OutItem, { kind: 'private' }>): Promise<void> {
  const { signal, mine, who } = turn
  const chat = chatOf(turn, item.chat)
  if (chat === undefined) return
  const place = { chat: item.chat, id: `@${item.user}` }
  const sending = { kind: 'post', place, rank: RANK.answer, who } as const
  await once(turn, chat, sending, { at: `${placeKey(place)}:${item.key}`, says: '' }, (again) =>
    chat.tellPrivately(item.user, redactAll(item.message), { key: item.key, signal, mine, ...again }),
  )
}

/** Puts the bot's own reaction under a message, or takes it back. */
export async function react(turn: Turn, item: Extract<OutItem, { kind: 'react' }>): Promise<void> {
  const { store, signal, mine, who } = turn
  const { place, name, key } = item
  const chat = chatOf(turn, place.chat)
  if (chat === undefined) return
  await spend(store, chat, { kind: 'react', place, rank: RANK.hint, who }, async () => {
    signal.throwIfAborted()
    await chat[item.remove === true ? 'unreact' : 'react']({ place, id: item.message }, name, { key, signal, mine })
  })
}

/** Puts a text as a file into the thread of a message, where the platform takes files. Throws Paced when it has to wait. */
export async function upload(
  turn: Turn,
  place: Place,
  { name, text }: NonNullable<Message['file']>,
  options: { readonly key: string; readonly thread: string },
): Promise<void> {
  const { signal, mine, who } = turn
  const chat = chatOf(turn, place.chat)
  if (chat?.can.upload !== true) return
  const file = { name, mime: 'text/plain', data: redact(text) } as const
  const sending = { kind: 'post', place, rank: RANK.answer, who } as const
  await once(turn, chat, sending, { at: `${placeKey(place)}:${options.key}`, says: '' }, (again) =>
    chat.upload(place, file, { ...options, ...again, signal, mine }),
  )
}
