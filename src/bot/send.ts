import type { PersonConfig, Room } from '../config.ts'
import type { Jobs } from '../jobs/job.ts'
import type { Log } from '../log.ts'
import type { Message } from '../message.ts'
import { redactAll } from '../redact.ts'
import { rememberMessage, triedBefore } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import type { View } from './cards.ts'
import type { Chat, ChatName, Place, SendOptions, Sent } from './chat.ts'
import type { OutItem } from './outbox.ts'
import { identityOf } from './people.ts'
import { placeKey } from './places.ts'

export type TicketSink = (
  id: string,
  note: { readonly marker: string; readonly text: string; readonly links: readonly string[] },
) => Promise<unknown>

export type OutboxDeps = {
  readonly store: Store
  readonly chats: ReadonlyMap<ChatName, Chat>
  readonly rooms: () => readonly Room[]
  readonly people: () => readonly PersonConfig[]
  readonly jobs: Jobs
  readonly view: () => View
  readonly tickets?: TicketSink
  readonly log: Log
  /** Of the turn that sends: aborted when another worker has the key by now, and then nothing more is sent. */
  readonly signal?: AbortSignal
}

export const chatOf = (deps: OutboxDeps, name: ChatName): Chat | undefined => deps.chats.get(name)

/** Sends a message once, as far as the platform can, and remembers what it is about and which buttons it carries. */
export async function post(
  deps: OutboxDeps,
  place: Place,
  message: Message,
  options: SendOptions,
  about: { job?: string; question?: string } = {},
): Promise<Sent | undefined> {
  const chat = chatOf(deps, place.chat)
  if (chat === undefined) return undefined
  deps.signal?.throwIfAborted()
  const again = await triedBefore(deps.store, `${placeKey(place)}:${options.key}`)
  const mentioned = mentions(deps, place.chat, message)
  const sent = await chat.post(place, redactAll(message), {
    ...options,
    mentions: mentioned,
    ...(again ? { again } : {}),
  })
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(deps.store, `${placeKey(place)}:${sent.id}`, {
    ...about,
    buttons,
    choices: buttons.filter((b) => b.startsWith('say:')).map((b) => b.slice(4)),
  })
  return sent
}

const mentions = (deps: OutboxDeps, chat: ChatName, message: Message): Record<string, string> =>
  Object.fromEntries(
    (message.mention ?? []).flatMap((name) => {
      const id = identityOf(deps.people(), chat, name)
      return id === undefined ? [] : [[name, id]]
    }),
  )

/** Edits a message that was sent. */
export async function edit(
  deps: OutboxDeps,
  place: Place,
  id: string,
  message: Message,
  options: SendOptions,
  about: { job: string; question?: string },
): Promise<void> {
  deps.signal?.throwIfAborted()
  await chatOf(deps, place.chat)?.edit({ place, id }, redactAll(message), {
    ...options,
    mentions: mentions(deps, place.chat, message),
  })
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(deps.store, `${placeKey(place)}:${id}`, { ...about, buttons })
}

/** Writes to one person alone. */
export async function tellOne(
  deps: OutboxDeps,
  item: Extract<OutItem, { kind: 'private' }>,
  signal: AbortSignal,
): Promise<void> {
  const again = await triedBefore(deps.store, `${item.chat}:@${item.user}:${item.key}`)
  await chatOf(deps, item.chat)?.tellPrivately(item.user, redactAll(item.message), {
    key: item.key,
    signal,
    ...(again ? { again } : {}),
  })
}
