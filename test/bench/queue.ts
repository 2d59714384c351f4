import { Queue, Worker } from 'bullmq'
import type { Store } from '../../src/store/store.ts'

/** A bare BullMQ on the same Redis: milliseconds from add() to the worker's processor, `runs` times, 20 ms apart. */
export async function timeBareQueue(store: Store, runs: number): Promise<readonly number[]> {
  const started = new Map<string, (at: number) => void>()
  const queue = new Queue('bench', { connection: store.blocking(), prefix: '{bench}' })
  const worker = new Worker(
    'bench',
    async (job) => {
      started.get(job.name)?.(performance.now())
    },
    { connection: store.blocking(), prefix: '{bench}' },
  )
  await worker.waitUntilReady()
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const taken = new Promise<number>((resolve) => started.set(`j${i}`, resolve))
    const at = performance.now()
    await queue.add(`j${i}`, {})
    times.push((await taken) - at)
    await new Promise((done) => setTimeout(done, 20))
  }
  await worker.close()
  await queue.close()
  return times
}

/** Jobs a second through a bare queue on the same kind of Redis, all of them added at once: from the first add to the last end. */
export async function bareRate(store: Store, workers: number, jobs: number): Promise<number> {
  const queue = new Queue('bench', { connection: store.redis, prefix: '{bench}' })
  const over = Promise.withResolvers<void>()
  let left = jobs
  const worker = new Worker('bench', async () => {}, {
    connection: store.blocking(),
    prefix: '{bench}',
    concurrency: workers,
  })
  worker.on('completed', () => {
    if (--left === 0) over.resolve()
  })
  await worker.waitUntilReady()
  const from = performance.now()
  await Promise.all(Array.from({ length: jobs }, (_, i) => queue.add(`j${i}`, {})))
  await over.promise
  const rate = (jobs * 1_000) / (performance.now() - from)
  await worker.close()
  await queue.close()
  return rate
}
