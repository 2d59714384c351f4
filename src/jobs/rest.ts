import type { Worker } from 'bullmq'
import type { Code } from '../errors.ts'
import { storeTrouble } from '../store/trouble.ts'

const REST_MS = 500
const REFUSES: ReadonlySet<Code> = new Set<Code>(['STORE-FULL', 'STORE-READONLY', 'STORE-NOT-REPLICATED'])

/**
 * A server that answers "no" (no room, a replica, too few replicas) is asked again by BullMQ at once, thousands of times a second, and has
 * better things to do. So the worker takes no new job for half a second; those that run go on.
 */
export function restWhenRefused(worker: Worker): Worker {
  let isResting = false
  let hasClosed = false
  worker.once('closing', () => {
    hasClosed = true
  })
  return worker.on('error', (error) => {
    const { code } = storeTrouble(error, 'taking a job') ?? {}
    if (isResting || code === undefined || !REFUSES.has(code)) return
    isResting = true
    void worker.pause(true)
    setTimeout(() => {
      isResting = false
      // BullMQ would start a closed worker again
      if (!worker.isPaused() || hasClosed) return
      void worker.resume()
    }, REST_MS).unref()
  })
}
