import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import { keys } from '../store/keys.ts'
import { script } from '../store/script.ts'
import type { Store } from '../store/store.ts'
import type { Limits } from './deps.ts'

export type KeyedName = 'inbox' | 'outbox'
/** Works a key off until nothing of it is due. */
export type WorkOff = (name: KeyedName, key: string, signal: AbortSignal) => Promise<void>

type Deps = {
  readonly store: Store
  readonly log: Log
  readonly limits: Limits
  readonly queueOf: (name: KeyedName, key: string) => KeyedName | 'alone'
  /** Whether this process may work such a key off. */
  readonly isHere: (name: KeyedName, key: string) => boolean
}
export type AtOnce = {
  /**
   * Marks a key (`mark`) and begins it here, in this process, when nobody has it: resolves when it is marked, not when it is done. False: it is for the queue.
   */
  readonly begin: (name: KeyedName, key: string, mark: boolean) => Promise<boolean>
  /** Resolves when what was begun here has ended. */
  readonly ended: () => Promise<void>
}
type Held = { readonly lease: string; readonly token: string }

/** What the queue knows already (waiting, pausing, under way) stays with the queue; what another process has begun sees the mark when it ends. */
const BEGIN = script(`
if ARGV[2] == '1' then redis.call('HINCRBY', KEYS[1], ARGV[1], 1) end
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'nothing' end
if ARGV[5] == '0' or redis.call('EXISTS', KEYS[3]) == 1 then return 'queue' end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 'mine'`)

const RENEW = script(
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`,
)

/** 1: marked again since it was worked off. */
const END = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return redis.call('HEXISTS', KEYS[2], ARGV[2])`)

/** Somebody works this key off outside the queue. */
export const isBegun = async ({ redis }: Store, name: KeyedName, key: string): Promise<boolean> =>
  (await redis.exists(keys.begun(name, key))) === 1

/** There is work for it, and nobody has begun it outside the queue: whoever did looks himself whether something is left. */
export async function isLeft(store: Store, name: KeyedName, key: string): Promise<boolean> {
  const [due, begun] = await Promise.all([store.redis.hexists(keys.due(name), key), isBegun(store, name, key)])
  return due === 1 && !begun
}

/** Renews until `stop`; a lease that another has by now, or that Redis does not renew in its time, aborts. */
function keepLease({ store: { redis }, limits }: Deps, { lease, token }: Held, lost: AbortController): () => void {
  let renewedAtMs = performance.now()
  const renew = async (): Promise<void> => {
    const askedAtMs = performance.now()
    const isMine = await RENEW(redis, [lease], [token, limits.lockMs]).catch(() => undefined)
    if (isMine === 1) renewedAtMs = askedAtMs
    else if (isMine === 0 || performance.now() - renewedAtMs > limits.lockMs) lost.abort(new Error('lease lost'))
  }
  const timer = setInterval(() => void renew(), limits.lockMs / 3)
  return () => clearInterval(timer)
}

/**
 * The short way of a key that nobody works on: begun where it was woken, under a lease, instead of going through its queue. People wait for it,
 * and a queue talks with Redis three times before it begins. Whatever fails here, or dies, goes the long way (docs/adr/0012-worked-off-at-once.md).
 */
export function openAtOnce(
  deps: Deps,
  workOff: WorkOff,
  /** Puts a key into its queue; `error`: after the pause it asks for. */
  toQueue: (name: KeyedName, key: string, error?: unknown) => Promise<void>,
): AtOnce {
  const { store, limits, log } = deps
  const under = new Set<Promise<void>>()
  const work = async (name: KeyedName, key: string, held: Held): Promise<void> => {
    const lost = new AbortController()
    const stop = keepLease(deps, held, lost)
    // it may have become another replica's while Redis was asked
    const mayStill = deps.isHere(name, key) ? workOff(name, key, lost.signal) : Promise.resolve()
    const failure = await mayStill.then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    stop()
    if (failure !== undefined) await toQueue(name, key, failure.error)
    const isDue = (await END(store.redis, [held.lease, keys.due(name)], [held.token, key])) === 1
    if (isDue && failure === undefined) await toQueue(name, key)
  }
  return {
    begin: async (name, key, mark) => {
      const held = { lease: keys.begun(name, key), token: randomUUID() }
      const hasRoom = deps.isHere(name, key) && under.size < limits.atOnce
      const answer = await BEGIN(
        store.redis,
        [keys.due(name), held.lease, keys.keyedJob(deps.queueOf(name, key), key)],
        [key, mark ? 1 : 0, held.token, limits.lockMs, hasRoom ? 1 : 0],
      )
      if (answer !== 'mine') return answer === 'nothing'
      const running = work(name, key, held).catch((error: unknown) =>
        log.warn({ key, err: String(error) }, 'what was begun at once is left to the sweep'),
      )
      under.add(running)
      void running.finally(() => under.delete(running))
      return true
    },
    ended: async () => void (await Promise.all(under)),
  }
}
