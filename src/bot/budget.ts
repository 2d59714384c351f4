import { SluiceError } from '../errors.ts'
import { type Bucket, probed, sendLimited, takeSend } from '../store/budget.ts'
import { jobsUnderWay } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { isLimited } from './chat-errors.ts'
import type { Chat, Place, RateLimited } from './chat.ts'
import { placeKey } from './places.ts'

/** Who goes first where a platform takes less than there is to say: somebody must act or it is over, answers, cards, reactions. */
export const RANK = { act: 0, answer: 1, card: 2, hint: 3 } as const
export type Rank = (typeof RANK)[keyof typeof RANK]

/** One send, before it is sent. `who` is the key of the outbox that sends it. */
export type Send = {
  readonly kind: 'post' | 'edit' | 'react'
  readonly place: Place
  readonly rank: Rank
  readonly who: string
}

/** Not sent: others go first, or the platform's budget is spent. To be asked again after `retryAfterMs`. */
export class Paced extends SluiceError implements RateLimited {
  readonly retryAfterMs: number
  constructor(what: string, retryAfterMs: number) {
    super('CHAT-LIMITED', what, { text: `the platform takes no more for now` })
    this.retryAfterMs = retryAfterMs
  }
}

/** The buckets a send takes from. Where nothing is limited there is still one: it remembers that the platform asked to wait. */
export function bucketsOf({ name, rate }: Pick<Chat, 'name' | 'rate'>, { kind, place }: Send): readonly Bucket[] {
  const own = kind === 'post' ? undefined : rate[kind]
  const buckets: Bucket[] = []
  if (own !== undefined) buckets.push({ name: `${name}:${kind}`, rate: own })
  else if (rate.place !== undefined) buckets.push({ name: `post:${placeKey(place)}`, rate: rate.place })
  if (rate.all !== undefined) buckets.push({ name: `${name}:all`, rate: rate.all })
  return buckets.length > 0 ? buckets : [{ name: `${name}:all` }]
}

/**
 * What a send leaves to more urgent ones: an answer the last one, a card one for the end of each job under way, a reaction two. So twenty jobs at
 * once spend a platform's budget on how they ended, not on how they went.
 */
async function keepOf(store: Store, rank: Rank, buckets: readonly Bucket[]): Promise<number> {
  if (rank < RANK.card || buckets.every(({ rate }) => rate === undefined)) return rank
  return 1 + (rank - 1) * (await jobsUnderWay(store))
}

/** Sends when the budget of every replica together has room. Throws Paced when it has not, and what `run` throws. */
export async function spend<T>(store: Store, chat: Chat, send: Send, run: () => Promise<T>): Promise<T> {
  const buckets = bucketsOf(chat, send)
  const keep = await keepOf(store, send.rank, buckets)
  const { waitMs, probe } = await takeSend(store, buckets, { who: send.who, rank: send.rank, keep })
  if (waitMs > 0) throw new Paced(`sending to ${chat.name}`, waitMs)
  try {
    const result = await run()
    if (probe !== undefined) await probed(store, buckets, probe)
    return result
  } catch (error) {
    if (isLimited(error)) await sendLimited(store, buckets, error.retryAfterMs)
    throw error
  }
}
