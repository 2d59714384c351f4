import type { JobsOptions, Queue } from 'bullmq'
import type { Clock } from '../duration.ts'
import type { Log } from '../log.ts'
import { keyedId, keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import { warnSeldom } from '../store/trouble.ts'
import type { KeyedName } from './at-once.ts'
import type { Limits } from './deps.ts'
import type { Effect } from './record.ts'
import type { Roles } from './roles.ts'

export type QueueName = 'inbox' | 'reads' | 'work' | 'timers' | 'outbox' | 'alone'

const KEPT: JobsOptions = {
  removeOnComplete: { age: 3_600, count: 5_000 },
  removeOnFail: { age: 86_400, count: 5_000 },
  attempts: 1_000_000,
  backoff: { type: 'custom' },
}
/** Their ids are used again, so nothing may stay behind. */
const KEYED: JobsOptions = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1_000_000,
  backoff: { type: 'custom' },
}

/** Loaded beside: the first line is accepted before the queues are there. */
export const bullmq = () => import('bullmq')

export type QueueDeps = {
  readonly store: Store
  readonly log: Log
  readonly clock: Clock
  readonly limits: Limits
  readonly roles: Roles
  readonly isAlone: (key: string) => boolean
}
/** What only one replica may do waits in a queue of its own, so that no other takes it up. */
export const queueOf = ({ isAlone }: Pick<QueueDeps, 'isAlone'>, name: KeyedName, key: string): KeyedName | 'alone' =>
  name === 'outbox' && isAlone(key) ? 'alone' : name

/** Producers: made when first needed, each with its error handler. */
export type Producers = {
  readonly queue: (name: QueueName) => Promise<Queue>
  readonly dispatch: (effect: Effect) => Promise<void>
  readonly enqueueKey: (name: KeyedName, key: string, delayMs?: number) => Promise<void>
  /** Ends its pause; one that is not pausing is on its way already. */
  readonly hurry: (name: KeyedName, key: string) => Promise<void>
  /** Runs beside; a failure is logged and left to the sweep. */
  readonly track: (work: Promise<unknown>) => void
  readonly close: () => Promise<void>
}

export const noise = (log: Log, what: string) => warnSeldom(log, { queue: what }, 'queue')

export function openProducers(deps: QueueDeps): Producers {
  const { store, log, clock } = deps
  const queues = new Map<QueueName, Promise<Queue>>()
  const under = new Set<Promise<unknown>>()
  const open = async (name: QueueName): Promise<Queue> => {
    const { Queue } = await bullmq()
    const made = new Queue(name, { connection: store.redis, prefix: store.prefix, skipMetasUpdate: true })
    return made.on('error', noise(log, name))
  }
  const queue = (name: QueueName): Promise<Queue> => {
    const made = queues.get(name) ?? open(name)
    queues.set(name, made)
    return made
  }
  return {
    queue,
    dispatch: async (effect) => {
      const delay = effect.dueAtMs === undefined ? {} : { delay: Math.max(0, effect.dueAtMs - clock.now()) }
      const to = await queue(effect.queue)
      await to.add(effect.name, effect.data, { ...KEPT, jobId: effect.id, ...delay })
      await store.redis.hdel(keys.effects, effect.id)
    },
    enqueueKey: async (name, key, delayMs = 0) => {
      const to = await queue(queueOf(deps, name, key))
      await to.add(name, { key }, { ...KEYED, jobId: keyedId(key), ...(delayMs > 0 ? { delay: delayMs } : {}) })
    },
    hurry: async (name, key) => {
      const job = await (await queue(queueOf(deps, name, key))).getJob(keyedId(key))
      await job?.promote().catch(() => {})
    },
    track: (work) => {
      const quiet = work.catch((error: unknown) => log.warn({ err: String(error) }, 'dispatch is left to the sweep'))
      under.add(quiet)
      void quiet.finally(() => under.delete(quiet))
    },
    close: async () => {
      await Promise.all(under)
      for (const made of queues.values()) await (await made).close()
    },
  }
}
