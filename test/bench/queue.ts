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
