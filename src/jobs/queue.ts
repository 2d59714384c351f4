import type { Job, Processor, Worker } from 'bullmq'
import { endsWithin } from '../duration.ts'
import { backoffMs } from '../retry.ts'
import { keyedId, keys } from '../store/keys.ts'
import { script } from '../store/script.ts'
import type { Client, Store } from '../store/store.ts'
import { type Alone, openAlone } from './alone.ts'
import { isBegun, isLeft, type KeyedName, openAtOnce } from './at-once.ts'
import type { Processors } from './deps.ts'
import { bullmq, noise, openProducers, type Producers, type QueueDeps, queueOf, type QueueName } from './producers.ts'
import type { Aftermath, Effect } from './record.ts'
import { restWhenRefused } from './rest.ts'

export type Handlers = {
  readonly plan: (job: string, signal: AbortSignal) => Promise<void>
  readonly run: (job: string, bull: Job, token: string, signal: AbortSignal) => Promise<void>
  readonly timer: (name: string, data: Readonly<Record<string, unknown>>) => Promise<void>
}
export type Queues = {
  readonly after: (aftermath: Aftermath) => void
  readonly wake: (queue: 'inbox' | 'outbox', key: string, now?: boolean) => Promise<void>
  readonly start: (handlers: Handlers, processors: Processors) => Promise<void>
  /** What the last crash left: effects that were written and not dispatched, keys that are due without a worker. */
  readonly sweep: () => Promise<void>
  /** Is there such a BullMQ job that has not ended? */
  readonly exists: (queue: 'reads' | 'work', id: string) => Promise<boolean>
  readonly reading: () => Promise<number>
  /** See `Engine`. */
  readonly alone: (on: boolean) => Promise<void>
  /** No new work is taken; resolves when what runs has ended. */
  readonly stop: () => Promise<void>
}

function wishedMs(error: unknown): number | undefined {
  const wished =
    typeof error === 'object' && error !== null && 'retryAfterMs' in error ? Number(error.retryAfterMs) : Number.NaN
  return Number.isFinite(wished) ? Math.max(0, wished) : undefined
}

const PACE = { firstMs: 250, longestMs: 30_000 }
/** A platform's own wish first, else as everywhere. `attempts`: 1 = the first has failed. */
export const pauseAfter = (attempts: number, error: unknown): number => wishedMs(error) ?? backoffMs(attempts - 1, PACE)

const SETTLE = script(
  `if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) return 1 end return 0`,
)

const NEVER = new AbortController().signal

async function workOff({ redis }: Store, name: KeyedName, work: Processors['inbox'], key: string, signal: AbortSignal) {
  while (!signal.aborted) {
    // looked at first, but not waited for: what is marked after this look is worked off once more
    const [look, done] = await Promise.allSettled([redis.hget(keys.due(name), key), work(key, signal)])
    if (look.status === 'rejected') throw look.reason
    const due = look.value
    if (done.status === 'rejected') {
      // what it shall wait for may no longer be so: it was marked again meanwhile
      if (wishedMs(done.reason) !== undefined && (await redis.hget(keys.due(name), key)) !== due) continue
      throw done.reason
    }
    if (due === null || (await SETTLE(redis, [keys.due(name)], [key, due])) === 1) return
  }
}

/** After a stall the queue hands a key out again, also to the process that is still at it: there one waits for the other. */
function keyed(store: Store, name: KeyedName, work: Processors['inbox']): Processor {
  const busy = new Map<string, Promise<void>>()
  return async (job, token, signal) => {
    const key = String(job.data.key)
    const turn = (busy.get(key) ?? Promise.resolve())
      .catch(() => {})
      // whoever has begun it sees the mark, and queues the key again if it fails
      .then(async () =>
        (await isBegun(store, name, key)) ? undefined : workOff(store, name, work, key, signal ?? NEVER),
      )
    busy.set(key, turn)
    try {
      await turn
    } catch (error) {
      const pauseMs = wishedMs(error)
      if (pauseMs === undefined) throw error
      await job.moveToDelayed(Date.now() + pauseMs, token)
      const { DelayedError } = await bullmq()
      throw new DelayedError()
    } finally {
      if (busy.get(key) === turn) busy.delete(key)
    }
  }
}

/** Marked again between its last look and its end, when the id was still taken: queued again. */
function watchMarks(deps: QueueDeps, producers: Producers, name: KeyedName, worker: Worker): Worker {
  const again = async (key: string): Promise<void> => {
    if (await isLeft(deps.store, name, key)) await producers.enqueueKey(name, key)
  }
  return worker.on('completed', (job) => producers.track(again(String(job.data.key))))
}

async function openWorker(
  { store, log, limits }: QueueDeps,
  connection: Client,
  name: QueueName,
  processor: Processor,
): Promise<Worker> {
  const { Worker } = await bullmq()
  const made = new Worker(name, processor, {
    connection,
    prefix: store.prefix,
    concurrency: limits.concurrency,
    lockDuration: limits.lockMs,
    stalledInterval: limits.stalledMs,
    maxStalledCount: 1_000_000,
    // after a lost connection; BullMQ waits 15 s by default
    runRetryDelay: 500,
    settings: { backoffStrategy: (attempts, _type, error) => pauseAfter(attempts, error) },
  })
  restWhenRefused(made.on('error', noise(log, name)))
  // a platform that is away fails every key again and again; its trouble is told by itself
  made.on('failed', (job, error) =>
    log[(name === 'outbox' || name === 'alone') && (job?.attemptsMade ?? 0) > 1 ? 'debug' : 'warn'](
      { queue: name, id: job?.id, err: error.message },
      'attempt failed, tried again',
    ),
  )
  made.on('lockRenewalFailed', (ids: readonly string[]) => {
    for (const id of ids) made.cancelJob(id, 'lock lost')
  })
  return made
}

type Open = {
  readonly workers: Promise<readonly Worker[]>
  readonly alone: () => Promise<Worker>
  /** Their line to Redis: without it no lock is renewed any more. */
  readonly drop: () => void
}

function openWorkers(deps: QueueDeps, producers: Producers, handlers: Handlers, processors: Processors): Open {
  const connection = deps.store.blocking()
  const worker = (name: QueueName, processor: Processor) => openWorker(deps, connection, name, processor)
  const byKey = async (name: KeyedName, from: QueueName = name) =>
    watchMarks(deps, producers, name, await worker(from, keyed(deps.store, name, processors[name])))
  const chat = () => [byKey('inbox'), byKey('outbox')]
  const work = () => [
    worker('reads', (job, _token, signal) => handlers.plan(String(job.data.job), signal ?? NEVER)),
    worker('work', (job, token, signal) => handlers.run(String(job.data.job), job, token ?? '', signal ?? NEVER)),
    worker('timers', (job) => handlers.timer(job.name, job.data)),
  ]
  return {
    workers: Promise.all([...(deps.roles.has('chat') ? chat() : []), ...(deps.roles.has('worker') ? work() : [])]),
    alone: () => byKey('outbox', 'alone'),
    drop: () => connection.disconnect(),
  }
}

async function sweepOnce({ store }: QueueDeps, { dispatch, enqueueKey }: Producers): Promise<void> {
  const { redis } = store
  const effects = await redis.hvals(keys.effects)
  // written by the commit script from our own effects
  await Promise.all(effects.map((text) => dispatch(JSON.parse(text) as Effect)))
  for (const name of ['inbox', 'outbox'] as const) {
    const due = await redis.hkeys(keys.due(name))
    await Promise.all(due.map(async (key) => (await isLeft(store, name, key)) && enqueueKey(name, key)))
  }
}

/** Puts what was begun outside its queue into it; after a failure it waits as it would have there. */
async function takeOver({ log }: QueueDeps, { enqueueKey }: Producers, name: KeyedName, key: string, error: unknown) {
  if (error instanceof Error && wishedMs(error) === undefined)
    log.warn({ queue: name, id: keyedId(key), err: error.message }, 'attempt failed, tried again')
  await enqueueKey(name, key, error === undefined ? 0 : pauseAfter(1, error))
}

/** Where a key waits, and whether this process may work it off. */
const placesOf = (deps: QueueDeps, alone: Alone): Pick<Parameters<typeof openAtOnce>[0], 'queueOf' | 'isHere'> => ({
  queueOf: (name, key) => queueOf(deps, name, key),
  isHere: (name, key) => deps.roles.has('chat') && (alone.isHere() || queueOf(deps, name, key) !== 'alone'),
})

const looksAt = ({ queue }: Producers): Pick<Queues, 'exists' | 'reading'> => ({
  exists: async (name, id) => {
    const state = await (await queue(name)).getJobState(id)
    return state !== 'unknown' && state !== 'completed' && state !== 'failed'
  },
  reading: async () => {
    const counts = await (await queue('reads')).getJobCounts('active', 'waiting', 'delayed', 'prioritized')
    return Object.values(counts).reduce((sum, n) => sum + n, 0)
  },
})

/** Waits for what is under way, but not for ever. */
async function endIn(
  { limits: { stopMs }, log }: QueueDeps,
  under: readonly Promise<unknown>[],
  drop: () => void,
): Promise<void> {
  if (await endsWithin(stopMs, Promise.all(under))) return
  // it is taken up elsewhere, as after a crash: its marks are in the store, and its locks run out
  log.warn({ code: 'JOB-LOST', waitedMs: stopMs }, 'what was under way did not end; it is left')
  drop()
}

/** BullMQ's six queues under one prefix. */
export function openQueues(deps: QueueDeps): Queues {
  const { redis } = deps.store
  const producers = openProducers(deps)
  const { dispatch, enqueueKey, hurry, track } = producers
  const workers: Worker[] = []
  let drop = () => {}
  let working: Processors | undefined
  const alone = openAlone(deps.log)
  const atOnce = openAtOnce(
    { ...deps, ...placesOf(deps, alone) },
    async (name, key, signal) => working && workOff(deps.store, name, working[name], key, signal),
    (name, key, error) => takeOver(deps, producers, name, key, error),
  )
  const wake = async (name: KeyedName, key: string, now: boolean, mark: boolean): Promise<void> => {
    if (await atOnce.begin(name, key, mark)) return
    track(enqueueKey(name, key).then(() => (now ? hurry(name, key) : undefined)))
  }
  return {
    after: ({ effects, draw, cancel }) => {
      for (const effect of effects) track(dispatch(effect))
      for (const key of draw) track(enqueueKey('outbox', key))
      if (cancel !== undefined) track(redis.publish(keys.cancelChannel, cancel))
    },
    wake: async (name, key, now = false) => {
      // the mark is what is kept: the sweep takes up what is marked before the start, or while the queue is away
      const mark = name === 'outbox'
      if (working === undefined) await (mark && redis.hincrby(keys.due(name), key, 1))
      else if (mark) await wake(name, key, now, mark)
      else track(wake(name, key, now, mark))
    },
    start: async (handlers, processors) => {
      const open = openWorkers(deps, producers, handlers, processors)
      drop = open.drop
      workers.push(...(await open.workers))
      alone.ready(open.alone)
      await Promise.all(workers.map((one) => one.waitUntilReady()))
      working = processors
    },
    sweep: () => sweepOnce(deps, producers),
    ...looksAt(producers),
    alone: async (on) => {
      await alone.set(on)
      if (!on) await atOnce.ended()
    },
    stop: async () => {
      working = undefined
      await endIn(deps, [alone.set(false), atOnce.ended(), ...workers.map((one) => one.close())], drop)
      await endsWithin(deps.limits.stopMs, producers.close())
    },
  }
}
