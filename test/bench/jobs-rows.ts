import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LIMITS } from '../../src/jobs/deps.ts'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, toyStep } from '../jobs/toy.ts'
import type { Say } from './chat.ts'
import { oldJobs } from './old-jobs.ts'
import { bareRate } from './queue.ts'
import { type WarmBot, warmBot } from './sluice.ts'
import { median, type Row, spread } from './table.ts'

const OLD = 100_000
const RECENT = 20
const ASKS_A_RUN = 20
const THROUGH = 500

async function inStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const store = await openStore({ dir, log: silentLog })
  try {
    return await work(store)
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Jobs a second, from the first request to the last end: received, planned, decided, queued, run as one step, each with its entry of the audit log. */
const engineRate = (workers: number): Promise<number> =>
  inStore(async (store) => {
    const left = Promise.withResolvers<void>()
    const ran = new Set<string>()
    const engine = engineOn({
      store,
      change: change([toyStep('a')], { locks: () => [] }),
      limits: { ...LIMITS, concurrency: workers },
      processors: {
        inbox: () => Promise.resolve(),
        // each job is drawn at its end too, as its card would be
        outbox: async (key) => {
          const job = key.slice('job/'.length)
          if ((await engine.jobs.get(job))?.state === 'done' && ran.add(job).size === THROUGH) left.resolve()
        },
      },
    })
    await engine.start()
    const from = performance.now()
    await Promise.all(Array.from({ length: THROUGH }, () => engine.jobs.submit(asked())))
    await left.promise
    const rate = (THROUGH * 1_000) / (performance.now() - from)
    await engine.stop()
    return rate
  })

async function rateRow(workers: number, runs: number, say: Say): Promise<Row> {
  const [ours, peer]: [number[], number[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    peer.push(await inStore((store) => bareRate(store, workers, THROUGH)))
    ours.push(await engineRate(workers))
    say(`bench: ${workers} workers: ${ours.at(-1)?.toFixed(0)} jobs/s, bare ${peer.at(-1)?.toFixed(0)}`)
  }
  return {
    what: `jobs through the whole engine, ${workers} worker${workers === 1 ? '' : 's'} / bare BullMQ`,
    ours: median(ours),
    peer: median(peer),
    unit: 'jobs/s',
    bound: { kind: 'least', limit: 0.25 },
    spread: spread(ours),
  }
}

/** What somebody says, and what is in the answer. */
const ASKED: readonly (readonly [sentence: string, says: string])[] = [
  ['jobs', 'Nothing runs and nothing waits'],
  ['who did what on p10 since yesterday', 'Who did what'],
  ['who holds p10', 'Nobody holds p10'],
]

async function sentenceRow(
  [sentence, says]: readonly [string, string],
  few: WarmBot,
  many: WarmBot,
  runs: number,
): Promise<Row> {
  const [ours, peer]: [number[], number[]] = [[], []]
  for (const bot of [few, many]) await bot.askUntil(sentence, says)
  for (let i = 0; i < runs * ASKS_A_RUN; i++)
    for (const [bot, times] of i % 2 === 0
      ? ([
          [few, peer],
          [many, ours],
        ] as const)
      : ([
          [many, ours],
          [few, peer],
        ] as const))
      times.push(await bot.askUntil(sentence, says))
  return old(`\`${sentence}\``, ours, peer)
}

/** A change that planning refuses at once: its way into the store and back. */
async function changeRow(few: WarmBot, many: WarmBot, runs: number): Promise<Row> {
  const [ours, peer]: [number[], number[]] = [[], []]
  const sentence = 'cordon server24 on p10'
  for (let i = 0; i <= runs * ASKS_A_RUN; i++) {
    const [a, b] = [await few.runUntil(sentence, 'refused'), await many.runUntil(sentence, 'refused')]
    // the first round is for warming up
    if (i === 0) continue
    peer.push(a.ms)
    ours.push(b.ms)
  }
  return old(`\`${sentence}\`, to its refusal`, ours, peer)
}

const old = (what: string, ours: readonly number[], peer: readonly number[]): Row => ({
  what: `${what} with 100,000 old jobs / with none`,
  ours: median(ours),
  peer: median(peer),
  unit: 'ms',
  bound: { kind: 'ratio', limit: 1.2 },
  spread: spread(ours),
})

const usedMb = async ({ redis }: Store): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]) / 1e6

async function historyRows(runs: number, say: Say): Promise<readonly Row[]> {
  say(`bench: a store with ${OLD} old jobs`)
  const seed = await oldJobs()
  const few = await warmBot(undefined, (store) => seed(store, 0, RECENT))
  const memory: number[] = []
  const many = await warmBot(undefined, async (store) => {
    const before = await usedMb(store)
    await seed(store, OLD, RECENT)
    memory.push(((await usedMb(store)) - before) / (OLD / 10_000))
  })
  try {
    const rows: Row[] = []
    for (const one of ASKED) rows.push(await sentenceRow(one, few, many, runs))
    rows.push(await changeRow(few, many, runs))
    return [
      ...rows,
      {
        what: 'Redis memory for 10,000 kept jobs, drains of 30 pods (reported)',
        ours: median(memory),
        peer: Number.NaN,
        unit: 'MB',
        bound: undefined,
        spread: spread(memory),
      },
    ]
  } finally {
    await Promise.all([few.close(), many.close()])
  }
}

/** What a long history costs, and how much goes through. */
export async function jobsRows(runs: number, say: Say): Promise<readonly Row[]> {
  return [await rateRow(1, runs, say), await rateRow(4, runs, say), ...(await historyRows(runs, say))]
}
