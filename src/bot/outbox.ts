import { asSluiceError } from '../errors.ts'
import type { Message } from '../message.ts'
import { noteRemoved } from '../store/drawn.ts'
import { type AskedBack, aboutMessage, dueKeys, peekOut, popOut, pushOut } from '../store/messages.ts'
import { Paced, RANK } from './budget.ts'
import type { ChatName, Place } from './chat.ts'
import { draw, drawAt } from './draw.ts'
import { markRequest } from './mark.ts'
import { writeNotes } from './notes.ts'
import { placeKey } from './places.ts'
import { type OutboxDeps, post, react, tellOne, type Turn, upload } from './send.ts'

/** One thing to send, kept in the list of its place until the platform took it. `key` makes it once. */
export type OutItem =
  | {
      readonly kind: 'say'
      readonly key: string
      readonly place: Place
      readonly message: Message
      readonly thread?: string
      /** It asks one person something back. */
      readonly asked?: AskedBack
      /** The person it answers: what answers one person comes in the order in which it was asked. */
      readonly to?: string
    }
  | {
      readonly kind: 'private'
      readonly key: string
      readonly chat: ChatName
      readonly user: string
      readonly message: Message
    }
  /**
   * A reaction of the bot's own under a message, as a hint beside words: the last of all to be sent, dropped when the platform is busy or away.
   * `keep`: it is sent in any case, later.
   */
  | {
      readonly kind: 'react'
      readonly key: string
      readonly place: Place
      readonly message: string
      readonly name: string
      readonly remove?: true
      readonly keep?: true
    }
/** Marks a key as having work; `now`: also when it is pausing. */
export type Wake = (key: string, now?: boolean) => Promise<void>

export type Outbox = {
  /** Stores a message to be sent; resolves when it is stored. */
  readonly send: (item: OutItem) => Promise<void>
  /** Somebody removed a message of the bot: a card or an open question is posted again, once. */
  readonly removed: (place: Place, message: string) => Promise<void>
  /** A platform is back: what waits for it is tried at once. */
  readonly hurry: (chat: ChatName) => Promise<void>
  /**
   * Works one key off: `job/17` asks for job 17 to be drawn, `draw/17/slack:C1` draws it in that place, `notes/17` writes to its ticket, `mark/17` says under the request where it stands, `place/slack:C1`
   * sends what waits for that place, `react/slack:C1` its reactions. Throws when the platform did not take it.
   */
  readonly process: (key: string, signal: AbortSignal) => Promise<void>
}

const listOf = (item: OutItem): string =>
  item.kind === 'private'
    ? `place/${item.chat}:@${item.user}`
    : `${item.kind === 'react' ? 'react' : 'place'}/${placeKey(item.place)}`

/**
 * Keys that only the replica with Matrix's lease works off: what sends there, and the mark under a request, whose platform its key does not tell. Of two processes with
 * the keys of one Matrix device each would make the other's messages unreadable.
 */
export const needsMatrix = (key: string): boolean => /^(mark\/|(place|react|draw\/\d+)\/matrix:)/.test(key)

/** `place/matrix:!room` */
const platformOf = (key: string): ChatName => key.slice(key.indexOf('/') + 1, key.indexOf(':')) as ChatName // listOf wrote it

/** Those at the head that may overtake one another: answers to different people. */
function abreast(items: readonly OutItem[]): readonly OutItem[] {
  const people = items.map((item) => (item.kind === 'say' ? item.to : undefined))
  const end = people.findIndex((to, i) => to === undefined || people.indexOf(to) < i)
  return items.slice(0, end < 0 ? items.length : Math.max(1, end))
}

/** Waits for all of them before it throws what the first that failed threw. */
async function all(under: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(under)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

export function makeOutbox(deps: OutboxDeps, wake: Wake): Outbox {
  const { store } = deps
  const send: Outbox['send'] = async (item) => {
    // side by side, and in this order on one connection: whoever is woken finds it
    await Promise.all([pushOut(store, listOf(item), item), wake(listOf(item))])
  }
  return {
    send,
    removed: async (place, message) => {
      const at = `${placeKey(place)}:${message}`
      const job = (await aboutMessage(store, at))?.job
      if (job === undefined) return
      await noteRemoved(store, job, at)
      await wake(`draw/${job}/${placeKey(place)}`, true)
    },
    hurry: async (chat) => {
      const due = await dueKeys(store)
      for (const key of due) if (new RegExp(`^(place|react|draw/\\d+)/${chat}:`).test(key)) await wake(key, true)
    },
    process: async (key, signal) => {
      const turn: Turn = { ...deps, signal, mine: deps.pulse.begin('sending'), who: key }
      if (key.startsWith('job/')) return draw(turn, key.slice('job/'.length), wake)
      if (key.startsWith('draw/')) return drawAt(turn, key.slice('draw/'.length), wake, send)
      if (key.startsWith('mark/')) return markRequest(turn, key.slice('mark/'.length))
      if (key.startsWith('notes/')) return writeNotes(turn, key.slice('notes/'.length))
      const most = deps.chats.get(platformOf(key))?.abreast ?? 1
      for (
        let items = abreast(await peekOut<OutItem>(store, key, most));
        items.length > 0 && !signal.aborted;
        items = abreast(await peekOut<OutItem>(store, key, most))
      )
        await all(
          items.map(async (item) => {
            await deliver(turn, item, send)
            await popOut(store, key, item)
          }),
        )
    },
  }
}

/** What the platform rejects for good, and a hint that would have to wait, is dropped; anything else is tried again. */
async function deliver(turn: Turn, item: OutItem, send: Outbox['send']): Promise<void> {
  try {
    if (item.kind === 'private') return await tellOne(turn, item)
    if (item.kind === 'react') return await react(turn, item)
    await say(turn, item, send)
  } catch (error) {
    turn.signal.throwIfAborted()
    if (item.kind === 'react' && item.keep !== true && (error instanceof Paced || isChatTrouble(error))) return
    const known = asSluiceError(error, 'sending a message')
    if (known.code !== 'CHAT-REJECTED' && known.code !== 'CHAT-GONE') throw known
    turn.log.error({ code: known.code, key: item.key }, known.message)
  }
}

const AWAY: ReadonlySet<string> = new Set(['CHAT-LIMITED', 'CHAT-UNREACHABLE', 'CHAT-AUTH'])
const isChatTrouble = (error: unknown): boolean => AWAY.has(asSluiceError(error, 'reacting').code)

const MOST_HINTS = 5

/** A message, the whole of it as a file where it is in short, and digits to react with where there are no buttons. */
async function say(turn: Turn, item: Extract<OutItem, { kind: 'say' }>, send: Outbox['send']): Promise<void> {
  const { key, place, message, thread, asked } = item
  const options = { key, ...(thread === undefined ? {} : { thread }) }
  const posted = await post(turn, place, message, options, RANK.answer, asked === undefined ? {} : { asked })
  if (posted === undefined) return
  if (message.file !== undefined)
    await upload(turn, place, message.file, { key: `${key}-file`, thread: thread ?? posted.id })
  const hints = turn.chats.get(place.chat)?.can.buttons === false ? (message.reactions ?? []) : []
  for (const name of hints.slice(0, MOST_HINTS))
    await send({ kind: 'react', key: `${key}-${name}`, place, message: posted.id, name })
}
