import { type Code, SluiceError } from '../errors.ts'
import type { Stop } from '../steps/step.ts'
import { keys } from '../store/keys.ts'
import type { RunDeps } from './deps.ts'
import { type JobRecord, type Mutation, revise, without } from './record.ts'
import { holdsBack, markOf, readStop, stopText } from './stop.ts'

/** What a stop does to jobs: it is written on those that wait, puts those that run back into the queue, and is taken off when everything goes on. */

export const stoppedError = (stop: Stop, doing: string): SluiceError =>
  new SluiceError('STOPPED', doing, { text: stopText(stop) })

/** Back to where a worker would take it up, with the locks it has; no worker takes it before `start again`. */
export function halted(now: JobRecord, stop: Stop): Mutation {
  const { state } = now.revision
  const rest: JobRecord = { revision: without(now.revision, 'progress', 'trouble'), inner: now.inner }
  const record = revise(rest, { state: 'queued', code: 'STOPPED', stopped: markOf(stop) })
  return { record, ...(state === 'running' ? { audit: { what: 'halted', by: stop.by } } : {}) }
}

/** The job says that it waits for `start again`; undefined when it says so already, or does not. */
function told(now: JobRecord, stop: Stop): Mutation | undefined {
  const { state, stopped } = now.revision
  if (!holdsBack(stop, now) || stopped?.id === stop.id) return undefined
  if (state === 'queued') return halted(now, stop)
  return state === 'waiting' ? { record: revise(now, { stopped: markOf(stop) }) } : undefined
}

/** The stop is over for this job: what waited for it goes on by itself. */
function goesOn(now: JobRecord, stop: Stop | undefined): Mutation | undefined {
  const { stopped, state } = now.revision
  if (stopped === undefined || holdsBack(stop, now)) return undefined
  const record: JobRecord = { revision: without(now.revision, 'stopped'), inner: now.inner }
  if (state !== 'queued') return { record }
  return { record: revise(record, { code: null }), locks: 'want', audit: { what: 'goes on' } }
}

const LEFT: ReadonlySet<Code> = new Set<Code>(['STORE-NEWER', 'STORE-BAD', 'JOB-UNKNOWN'])

/** What cannot be read, or is for a newer Sluice to say it on, keeps no other job from being halted or from going on. */
async function each(
  { records, log }: RunDeps,
  jobs: readonly string[],
  change: (now: JobRecord) => Mutation | undefined,
) {
  for (const job of jobs)
    await records.commit(job, change).catch((error: unknown) => {
      if (!(error instanceof SluiceError) || !LEFT.has(error.code)) throw error
      log.debug({ job, code: error.code }, error.message)
    })
}

/**
 * Brings jobs in line with the stop as it stands, from whatever a crash or a lost message left: run by each process when it hears of a stop, and with
 * every sweep. `halt` = what this process runs.
 */
export async function keepStop(deps: RunDeps, halt: (stop: Stop) => void): Promise<void> {
  const { redis } = deps.store
  const stop = await readStop(redis)
  if (stop !== undefined) {
    halt(stop)
    const open = await Promise.all([
      redis.zrange(keys.jobsIn('queued'), '0', '-1'),
      redis.zrange(keys.jobsIn('waiting'), '0', '-1'),
    ])
    await each(deps, open.flat(), (now) => told(now, stop))
  }
  await each(deps, await redis.smembers(keys.stoppedJobs), (now) => goesOn(now, stop))
}
