import { DAY_S } from './keys.ts'
import { kept } from './script.ts'
import type { Store } from './store.ts'

/** What the outbox remembers of each job in each place. Owner of the keys: bot/. */

export type ShownQuestion = {
  readonly id: string
  readonly closed: boolean
  readonly approval?: true
  /** Those it waits for were called once more. */
  readonly reminded?: true
  /** Removed by somebody for good. */
  readonly gone?: true
}
/** What a place shows of a job. */
export type Drawn = {
  readonly card?: string
  /** The newest revision its card shows. */
  readonly revision: number
  readonly questions: Readonly<Record<string, ShownQuestion>>
  /** The end (or `needs-human`) of which a message told. */
  readonly told?: string
  /** What somebody removed and was posted again, `card` or a question's id: removed once more, it stays away. */
  readonly again?: readonly string[]
  /** Nobody wants a card here any more. */
  readonly cardless?: true
}

const key = (store: Store, ...parts: readonly string[]): string => [store.prefix, ...parts].join(':')

export async function readDrawn(store: Store, job: string, place: string): Promise<Drawn> {
  const text = await store.redis.hget(key(store, 'drawn', job), place)
  // written by writeDrawn
  return text === null ? { revision: -1, questions: {} } : (JSON.parse(text) as Drawn)
}

export async function writeDrawn(store: Store, job: string, place: string, drawn: Drawn): Promise<void> {
  await store.redis.hset(key(store, 'drawn', job), place, JSON.stringify(drawn))
}

/** What is told has been confirmed by then: writes reach a replica in their order, so this one stands for the revision that was read before it. */
const AIM = kept(`
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or -1) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`)

/** Before a revision is drawn in a place: false when a newer one has been begun there, so that an old one never comes after it. */
export const aimAt = async (store: Store, job: string, place: string, revision: number): Promise<boolean> =>
  (await AIM(store.redis, [key(store, 'drawn', job)], [`aim ${place}`, revision])) === 1

/** Messages of a job (`chat:place:id`) that somebody removed and that drawing has not looked at yet. */
export const removedMessages = async (store: Store, job: string): Promise<readonly string[]> =>
  store.redis.smembers(key(store, 'removed', job))

export async function noteRemoved(store: Store, job: string, at: string): Promise<void> {
  await store.redis
    .multi()
    .sadd(key(store, 'removed', job), at)
    .expire(key(store, 'removed', job), 30 * DAY_S)
    .exec()
}

export async function removedSeen(store: Store, job: string, at: string): Promise<void> {
  await store.redis.srem(key(store, 'removed', job), at)
}

/** Notes since when a place shows less than there is; what is noted already stays. */
export async function markBehind(store: Store, job: string, place: string, sinceMs: number): Promise<void> {
  await store.redis.hsetnx(key(store, 'behind', job), place, sinceMs)
}

export async function inStep(store: Store, job: string, place: string): Promise<void> {
  await store.redis.hdel(key(store, 'behind', job), place)
}

/** ms since 1970, or undefined when nothing is waiting to be shown there. */
export async function behindSince(store: Store, job: string, place: string): Promise<number | undefined> {
  const since = await store.redis.hget(key(store, 'behind', job), place)
  return since === null ? undefined : Number(since)
}

export const notesWritten = async (store: Store, job: string): Promise<ReadonlySet<string>> =>
  new Set(await store.redis.hkeys(key(store, 'notes', job)))

export async function noteWritten(store: Store, job: string, kind: string): Promise<void> {
  await store.redis.hset(key(store, 'notes', job), kind, '1')
}

/** The reactions that may stand under the message that asked for a job. */
export async function readMarks(store: Store, job: string): Promise<readonly string[]> {
  const text = await store.redis.get(key(store, 'marks', job))
  // written below with exactly this type
  return text === null ? [] : (JSON.parse(text) as readonly string[])
}

export async function writeMarks(store: Store, job: string, marks: readonly string[]): Promise<void> {
  await store.redis.set(key(store, 'marks', job), JSON.stringify(marks), 'EX', 90 * DAY_S)
}
