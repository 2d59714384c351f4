import { keys } from './keys.ts'
import type { Store } from './store.ts'

/** What the bot remembers of messages it sent and of questions it asked back. Owner of the keys: bot/. */
export type About = {
  readonly job?: string
  readonly question?: string
  /** Ids of the buttons the message carries: nothing else can be pressed. */
  readonly buttons?: readonly string[]
  /** Sentences a reaction 1️⃣ 2️⃣ ... stands for. */
  readonly choices?: readonly string[]
  /** It asks one person something back. */
  readonly asked?: AskedBack
}
/** Whom a message asks back, by the id of the event that made it ask. Without `untilMs` it is an offer: it stays until it is taken. */
export type AskedBack = { readonly id: string; readonly person: string; readonly untilMs?: number }
/** What a person was asked last in a place: a reply in words is about this. */
export type Pending = {
  readonly id: string
  readonly untilMs: number
  readonly offer: boolean
  readonly thread?: string
  /** `id`: of the message that offers it, where several offers are open. */
  readonly choices: readonly { readonly label: string; readonly text: string; readonly id: string }[]
  /** The sentence that lacks a part, around that part. */
  readonly fill?: { readonly before: string; readonly after: string }
}
const MONTH_S = 30 * 24 * 3600
const DAY_S = 24 * 3600

const key = (store: Store, ...parts: readonly string[]): string => [store.prefix, ...parts].join(':')

// what is read back was written here with exactly this type
const parsed = <T>(text: string | null): T | undefined => (text === null ? undefined : (JSON.parse(text) as T))

/** `at` is `chat:place:id` of a message. */
export async function rememberMessage(store: Store, at: string, about: About): Promise<void> {
  const write = store.redis.multi().set(key(store, 'message', at), JSON.stringify(about), 'EX', MONTH_S)
  if (about.question !== undefined && about.job !== undefined)
    write.hset(key(store, 'questions', about.job), at.slice(0, at.indexOf(':')), at)
  await write.exec()
}

export const aboutMessage = async (store: Store, at: string): Promise<About | undefined> =>
  parsed<About>(await store.redis.get(key(store, 'message', at)))

/** The newest question message of a job on a platform, or its card. */
export const newestMessage = async (store: Store, job: string, chat: string): Promise<string | undefined> =>
  (await store.redis.hget(key(store, 'questions', job), chat)) ?? undefined

const UNDER_WAY = ['received', 'planned', 'queued', 'running'] as const

/** How many jobs are on their way to an end. */
export async function jobsUnderWay(store: Store): Promise<number> {
  const counts = await Promise.all(UNDER_WAY.map((state) => store.redis.zcard(keys.jobsIn(state))))
  return counts.reduce((sum, n) => sum + n, 0)
}

/** The keys of the outbox that have work. */
export const dueKeys = (store: Store): Promise<readonly string[]> => store.redis.hkeys(keys.due('outbox'))

/** Trouble with something outside, over all replicas: true for whoever notes it first. */
export const beginTrouble = async (store: Store, what: string, sinceMs: number): Promise<boolean> =>
  (await store.redis.set(key(store, 'trouble', what), sinceMs, 'NX')) === 'OK'

/** Ends it: since when it was (ms since 1970) for the one who ends it, undefined for all others. */
export async function endTrouble(store: Store, what: string): Promise<number | undefined> {
  const since = await store.redis.getdel(key(store, 'trouble', what))
  return since === null ? undefined : Number(since)
}

/** A question asked back to one person in one place ("which cluster?"). Kept for longer than it may be answered, so that a late answer is told so. */
export async function setPending(store: Store, who: string, pending: Pending): Promise<void> {
  await store.redis.set(key(store, 'pending', who), JSON.stringify(pending), 'EX', DAY_S)
}

export const readPending = async (store: Store, who: string): Promise<Pending | undefined> =>
  parsed<Pending>(await store.redis.get(key(store, 'pending', who)))

/** Settles something for a month: gives the value that came first, so that whoever repeats it after a crash finds its own. */
export async function settleOnce(store: Store, what: string, value: string): Promise<string> {
  const at = key(store, 'settled', what)
  if ((await store.redis.set(at, value, 'EX', MONTH_S, 'NX')) === 'OK') return value
  return (await store.redis.get(at)) ?? value
}

export const settledBy = async (store: Store, what: string): Promise<string | undefined> =>
  (await store.redis.get(key(store, 'settled', what))) ?? undefined

/** Notes that a key is about to be sent, and as what; the note of the first attempt when there was one: then the platform may have that already. */
export async function triedBefore(store: Store, at: string, what: string): Promise<string | undefined> {
  const first = (await store.redis.set(key(store, 'tried', at), what, 'EX', MONTH_S, 'NX')) === 'OK'
  return first ? undefined : ((await store.redis.get(key(store, 'tried', at))) ?? undefined)
}

/** kube-system uids learnt at run time, by cluster: an overlay on config/clusters.yaml, for ever. */
export const pinnedIdentities = async (store: Store): Promise<ReadonlyMap<string, string>> =>
  new Map(Object.entries(await store.redis.hgetall(key(store, 'pinned'))))

export async function pinIdentity(store: Store, cluster: string, uid: string): Promise<void> {
  await store.redis.hsetnx(key(store, 'pinned'), cluster, uid)
}

/** The platform surely did not take it: the next attempt need not look. */
export async function neverArrived(store: Store, at: string): Promise<void> {
  await store.redis.del(key(store, 'tried', at))
}

/** Counts a request of a person in the running minute. */
export async function countRequest(store: Store, person: string, nowMs: number): Promise<number> {
  const at = key(store, 'requests', person, String(Math.floor(nowMs / 60_000)))
  const [[, count] = [null, 1]] = (await store.redis.multi().incr(at).expire(at, 120).exec()) ?? []
  return Number(count)
}

/** True the first time only. */
export const firstTime = async (store: Store, what: string): Promise<boolean> =>
  (await store.redis.set(key(store, 'told', what), '1', 'EX', MONTH_S, 'NX')) === 'OK'

/** Message numbers of the console: the same idempotency key gets the same number, whoever asks first. */
export async function consoleId(store: Store, idempotencyKey: string): Promise<string> {
  const ids = key(store, 'console', 'ids')
  const known = await store.redis.hget(ids, idempotencyKey)
  if (known !== null) return known
  const id = `m${await store.redis.incr(key(store, 'console', 'count'))}`
  if ((await store.redis.hsetnx(ids, idempotencyKey, id)) === 1) return id
  return (await store.redis.hget(ids, idempotencyKey)) ?? id
}

/** What the console knows of a message in one of its rooms. Neither `printed` nor `said`: it was about to be printed. */
export type ConsoleMessage = {
  readonly buttons: readonly string[]
  readonly printed?: boolean
  /** By a person: the bot has nothing to remember of it. */
  readonly said?: boolean
}

export const consoleMessage = async (store: Store, room: string, id: string): Promise<ConsoleMessage | undefined> =>
  parsed(await store.redis.hget(key(store, 'console', 'messages'), `${room}:${id}`))

export async function keepConsoleMessage(
  store: Store,
  room: string,
  id: string,
  message: ConsoleMessage,
): Promise<void> {
  await store.redis.hset(key(store, 'console', 'messages'), `${room}:${id}`, JSON.stringify(message))
}

/** The newest transition the console printed, so that a restart goes on after it. */
export const printedTo = async (store: Store): Promise<string> =>
  (await store.redis.get(key(store, 'console', 'printed'))) ?? '0'

export async function setPrintedTo(store: Store, transition: string): Promise<void> {
  await store.redis.set(key(store, 'console', 'printed'), transition)
}

/** Puts an item at the end of a list of things to send and marks the list as having work, in one step. */
export async function pushOut(store: Store, list: string, item: unknown): Promise<void> {
  await store.redis
    .multi()
    .rpush(key(store, 'out', list), JSON.stringify(item))
    .hincrby(keys.due('outbox'), list, 1)
    .exec()
}

/** The oldest items of a list, at most so many; they stay until `popOut`. */
export const peekOut = async <T>(store: Store, list: string, most = 1): Promise<readonly T[]> =>
  // our own JSON, written by pushOut
  (await store.redis.lrange(key(store, 'out', list), 0, most - 1)).map((text) => JSON.parse(text) as T)

/** Takes the item off its list, when it is still there: a worker that was too late takes no other's. */
export async function popOut(store: Store, list: string, item: unknown): Promise<void> {
  await store.redis.lrem(key(store, 'out', list), 1, JSON.stringify(item))
}

const QUARTER_S = 90 * 24 * 3600

/** What an adapter remembers of its platform: strings under names of its own, kept for 90 days after they were last written. */
export const chatMemory = (
  store: Store,
  chat: string,
): {
  readonly load: (name: string) => Promise<string | undefined>
  readonly save: (name: string, value: string) => Promise<void>
} => ({
  load: async (name) => (await store.redis.get(key(store, 'memory', chat, name))) ?? undefined,
  save: async (name, value) => void (await store.redis.set(key(store, 'memory', chat, name), value, 'EX', QUARTER_S)),
})
