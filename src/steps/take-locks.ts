import type { Finding, Held, Step } from './step.ts'

const TIMEOUT_MS = 30_000

export type LocksOf = { readonly job: string; readonly reason: string }

function previewOf(job: string, held: Held | undefined): Finding {
  const about = { key: `unlock job ${job}`, object: held?.locks.join(', ') ?? `job ${job}`, topic: 'unlock' }
  if (held === undefined) return { ...about, verdict: 'skip', reason: 'holds no locks any more' }
  if (held.busy !== undefined)
    return {
      ...about,
      verdict: 'block',
      code: 'LOCK-BUSY',
      reason: held.busy,
      fix: `Say \`cancel ${job}\`, and wait until it has stopped.`,
    }
  const next = held.next.length === 0 ? 'nobody waits for them' : `then job ${held.next.join(', job ')} may begin`
  const reason = `held by job ${job} of ${held.by}, \`${held.sentence}\`, which is ${held.state} and may have left things half-way`
  return { ...about, verdict: 'warn', reason, detail: next }
}

/** Takes the locks away from a job that no longer works: all of them, as they are held as one set. */
export const takeLocks = ({ job, reason }: LocksOf): Step => ({
  id: `unlock job ${job}`,
  title: `take the locks of job ${job}`,
  repeatable: true,
  timeoutMs: TIMEOUT_MS,
  preview: async ({ itself }) => [
    previewOf(
      job,
      (await itself.held()).find((one) => one.job === job),
    ),
  ],
  done: async ({ itself }) =>
    (await itself.held()).some((one) => one.job === job)
      ? undefined
      : { kind: 'evidence', text: `job ${job} holds no locks` },
  run: async ({ itself, safePoint }) => {
    await safePoint()
    const locks = await itself.unlock(job, reason)
    return { kind: 'evidence', text: `taken from job ${job}: ${locks.join(', ')}` }
  },
})
