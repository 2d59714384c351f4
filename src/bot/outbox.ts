import { asSluiceError } from '../errors.ts'
import type { Message } from '../message.ts'
import { peekOut, popOut, pushOut } from '../store/messages.ts'
import type { ChatName, Place } from './chat.ts'
import { draw, drawAt } from './draw.ts'
import { writeNotes } from './notes.ts'
import { placeKey } from './places.ts'
import { type OutboxDeps, post, tellOne } from './send.ts'

/** One thing to send, kept in the list of its place until the platform took it. `key` makes it once. */
export type OutItem =
  | {
      readonly kind: 'say'
      readonly key: string
      readonly place: Place
      readonly message: Message
      readonly thread?: string
    }
  | {
      readonly kind: 'private'
      readonly key: string
      readonly chat: ChatName
      readonly user: string
      readonly message: Message
    }

export type Outbox = {
  /** Stores a message to be sent; resolves when it is stored. */
  readonly send: (item: OutItem) => Promise<void>
  /** Works one key off: `job/17` draws job 17, `draw/17/slack:C1` in that place, `notes/17` writes to its ticket, `place/slack:C1` sends what waits for that place. Throws when the platform did not take it. */
  readonly process: (key: string, signal: AbortSignal) => Promise<void>
}

export function makeOutbox(deps: OutboxDeps, wake: (key: string) => Promise<void>): Outbox {
  return {
    send: async (item) => {
      const list = item.kind === 'say' ? `place/${placeKey(item.place)}` : `place/${item.chat}:@${item.user}`
      await pushOut(deps.store, list, item)
      await wake(list)
    },
    process: async (key, signal) => {
      const turn = { ...deps, signal }
      if (key.startsWith('job/')) return draw(turn, key.slice('job/'.length), wake)
      if (key.startsWith('draw/')) return drawAt(turn, key.slice('draw/'.length), wake)
      if (key.startsWith('notes/')) return writeNotes(turn, key.slice('notes/'.length))
      for (
        let item = await peekOut<OutItem>(deps.store, key);
        item !== undefined && !signal.aborted;
        item = await peekOut<OutItem>(deps.store, key)
      ) {
        await deliver(turn, item, signal)
        await popOut(deps.store, key)
      }
    },
  }
}

/** A message the platform rejects for good is dropped with a log line; anything else is tried again. */
async function deliver(deps: OutboxDeps, item: OutItem, signal: AbortSignal): Promise<void> {
  try {
    if (item.kind === 'private') await tellOne(deps, item, signal)
    else
      await post(deps, item.place, item.message, {
        key: item.key,
        signal,
        ...(item.thread === undefined ? {} : { thread: item.thread }),
      })
  } catch (error) {
    const known = asSluiceError(error, 'sending a message')
    if (known.code !== 'CHAT-REJECTED') throw known
    deps.log.error({ code: known.code, key: item.key }, known.message)
  }
}
