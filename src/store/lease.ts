import { keys } from './keys.ts'
import { kept } from './script.ts'
import type { Store } from './store.ts'

/** What only one replica at a time may do. Each turn has a number that grows; whoever was before has a lower one. */
export type Lease = {
  /** Surely ours at this moment, by a clock that also runs while this process is stopped. */
  readonly isOurs: () => boolean
  /** The number of this process's newest turn; 0 before the first. What is written with an older one than the newest is refused. */
  readonly turn: () => number
  /** Takes it when it is free: answers 0 then, else for how many milliseconds it is somebody else's. */
  readonly take: () => Promise<number>
  /** Goes on, also after it ran out, when nobody took it meanwhile. False: somebody did. */
  readonly renew: () => Promise<boolean>
  /** Lets the next one in at once. */
  readonly release: () => Promise<void>
}

const LEASE_MS = 5_000
/** What is begun just before the end is over by then. */
const MARGIN_MS = 500

const TAKE = kept(`
local left = redis.call('PTTL', KEYS[1])
if left > 0 then return {0, left} end
local turn = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], turn, 'PX', ARGV[1])
return {turn, 0}`)
const RENEW = kept(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)
const RELEASE = kept(`
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

/** A lease of that name in the store: 5 s, so that a dead holder is replaced within 6. `leaseMs`: for tests. */
export function openLease({ redis }: Store, name: string, leaseMs = LEASE_MS): Lease {
  const at = [keys.lease(name), keys.leaseTurn(name)]
  let turn = 0
  let untilMs = 0
  return {
    isOurs: () => performance.now() < untilMs,
    turn: () => turn,
    take: async () => {
      const askedMs = performance.now()
      // the script's own answer
      const [taken, leftMs] = (await TAKE(redis, at, [leaseMs])) as readonly [number, number]
      if (taken === 0) return leftMs
      turn = taken
      untilMs = askedMs + leaseMs - MARGIN_MS
      return 0
    },
    renew: async () => {
      const askedMs = performance.now()
      const isOurs = (await RENEW(redis, at, [turn, leaseMs])) === 1
      untilMs = isOurs ? askedMs + leaseMs - MARGIN_MS : 0
      return isOurs
    },
    release: async () => {
      untilMs = 0
      await RELEASE(redis, at, [turn])
    },
  }
}
