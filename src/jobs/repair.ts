import { SluiceError } from '../errors.ts'
import { keys } from '../store/keys.ts'
import type { RunDeps } from './deps.ts'
import type { JobState } from './job.ts'
import type { Queues } from './queue.ts'
import type { JobRecord, Mutation } from './record.ts'
import { holdsBack, readStop } from './stop.ts'

const OWED: readonly JobState[] = ['received', 'planned', 'queued', 'running']

/** The BullMQ job that should be carrying this one on, or undefined while it only waits in line for locks. */
async function carrier(
  deps: RunDeps,
  record: JobRecord,
): Promise<{ readonly queue: 'reads' | 'work'; readonly id: string } | undefined> {
  const { job, state } = record.revision
  if (state === 'received' || state === 'planned') return { queue: 'reads', id: `plan-${job}` }
  const id = await deps.records.release(job)
  return id === null ? undefined : { queue: 'work', id }
}

function again(record: JobRecord): (now: JobRecord) => Mutation | undefined {
  const { job, revision, state } = record.revision
  const effect = { id: `plan-${job}-${revision}`, queue: 'reads', name: 'plan', data: { job } } as const
  const owed = state === 'received' || state === 'planned' ? { effects: [effect] } : { locks: 'want' as const }
  return (now) =>
    now.revision.revision === revision ? { record: now, ...owed, audit: { what: 'taken up again' } } : undefined
}

/** What a newer Sluice wrote is for that one to carry on; the others must not wait for it. */
async function known(deps: RunDeps, job: string): Promise<JobRecord | undefined> {
  try {
    return await deps.records.get(job)
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'STORE-NEWER') throw error
    deps.log.debug({ job, code: error.code }, error.message)
    return undefined
  }
}

/**
 * A job that should be going on and that no queue carries (its worker gave up on it, a queue was emptied by hand) is queued again.
 * The order of the looks matters: record, then effects, then queue, then a write that only holds for the record that was read.
 */
export async function repair(deps: RunDeps, queues: Queues): Promise<void> {
  const { redis } = deps.store
  const stop = await readStop(redis)
  const ids = (await Promise.all(OWED.map((state) => redis.zrange(keys.jobsIn(state), '0', '-1')))).flat()
  for (const job of ids) {
    const record = await known(deps, job)
    if (record === undefined || !OWED.includes(record.revision.state)) continue
    // it waits for `start again`: halt.ts puts it back then
    if (record.revision.state === 'queued' && holdsBack(stop, record)) continue
    const carried = await carrier(deps, record)
    if (carried === undefined) continue
    const pending = await redis.hkeys(keys.effects)
    if (pending.includes(carried.id) || pending.some((id) => id.startsWith(`plan-${job}-`))) continue
    if (await queues.exists(carried.queue, carried.id)) continue
    if (carried.queue === 'reads' && (await queues.exists('reads', `plan-${job}-${record.revision.revision - 1}`)))
      continue
    deps.log.warn({ job, state: record.revision.state }, 'nobody carried this job on: queued again')
    await deps.records.commit(job, again(record))
  }
}
