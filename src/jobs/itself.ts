import { SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import type { Held, Itself, ItselfToChange } from '../steps/step.ts'
import { keys } from '../store/keys.ts'
import { kept } from '../store/script.ts'
import type { Client } from '../store/store.ts'
import type { RunDeps } from './deps.ts'
import type { Revision } from './job.ts'
import { holders } from './lookout.ts'
import { type Fence, type JobRecord, type Mutation, recordOf, revise } from './record.ts'
import { liftStop, readStop } from './stop.ts'

/** Sluice as its own commands see it: its stop and its locks. */

/** Why its locks cannot be taken away; undefined for what neither works nor goes on by itself. */
function busyWith({ state, stopped, job }: Revision): string | undefined {
  if (state === 'needs-human' || state === 'failed' || state === 'cancelled') return undefined
  if (state === 'done' || state === 'refused' || state === 'expired') return undefined
  if (stopped !== undefined) return `job ${job} was halted by \`stop all\`, and goes on with \`start again\``
  if (state === 'waiting') return `job ${job} asks a question, and goes on when it is answered`
  return state === 'running' ? `job ${job} is running` : `job ${job} is about to run`
}

async function held(redis: Client): Promise<readonly Held[]> {
  const all = await holders(redis)
  const byJob = Map.groupBy(
    all.filter(({ holder }) => holder !== undefined),
    ({ holder }) => holder?.job ?? '',
  )
  return Promise.all(
    [...byJob].map(async ([job, locks]) => {
      const revision = (await recordOf(redis, job))?.revision
      const busy = revision === undefined ? undefined : busyWith(revision)
      const [first] = locks
      return {
        job,
        locks: locks.map(({ lock }) => lock),
        by: first?.holder?.person ?? '?',
        sentence: first?.holder?.sentence ?? '?',
        state: revision?.state ?? 'gone',
        ...(busy === undefined ? {} : { busy }),
        next: [...new Set(locks.flatMap(({ queue }) => queue.map((claim) => claim.job)))],
      }
    }),
  )
}

async function heldBack(redis: Client): Promise<readonly string[]> {
  const jobs = (await redis.smembers(keys.stoppedJobs)).toSorted((a, b) => Number(a) - Number(b))
  const records = await Promise.all(jobs.map((job) => recordOf(redis, job)))
  return records.flatMap((record) =>
    record === undefined
      ? []
      : [`job ${record.revision.job}: ${record.revision.plan?.target.sentence ?? record.revision.asked.text}`],
  )
}

export const readItself = (redis: Client): Itself => ({
  stopped: () => readStop(redis),
  heldBack: () => heldBack(redis),
  held: () => held(redis),
})

/** Locks of a job of which there is no record (any more). Whoever waits is let in when the job that took them ends. */
const FREE = kept(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[4], 'record') == 1 then return 1 end
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if all[i + 1] == ARGV[2] then redis.call('HDEL', KEYS[2], all[i]) redis.call('HDEL', KEYS[3], all[i]) end
end
return 1`)

type Taking = { readonly by: string; readonly job: string; readonly reason: string; readonly atMs: number }

/** Looked at in the same write: a job that was taken up again meanwhile keeps its locks. */
function stripped(now: JobRecord, { by, job, reason, atMs }: Taking): Mutation {
  const busy = busyWith(now.revision)
  if (busy !== undefined)
    throw new SluiceError('LOCK-BUSY', `taking the locks of job ${now.revision.job}`, { text: busy })
  const text = redact(reason)
  return {
    record: revise(now, { unlocked: { by, job, atMs, reason: text } }),
    locks: 'strip',
    audit: { what: 'unlocked', by, text: `by job ${job}`, words: { by, text } },
  }
}

/** The same for one job of one worker: what it changes is only changed while the worker holds the job. */
export function itselfOf(
  { patient, records, clock }: Pick<RunDeps, 'patient' | 'records' | 'clock'>,
  { revision: { job, asked }, inner }: JobRecord,
  fence: Fence,
): ItselfToChange {
  const by = inner.resumedBy ?? asked.by
  const lost = () => new SluiceError('JOB-LOST', `running job ${job}`)
  return {
    ...readItself(patient),
    startAgain: async (id) => {
      const answer = await liftStop(patient, { id, by, job, atMs: clock.now() }, fence)
      if (answer === 'lost') throw lost()
      await patient.publish(keys.stopChannel, '')
      return answer === 'ok'
    },
    unlock: async (of, reason) => {
      const locks = (await held(patient)).find((one) => one.job === of)?.locks ?? []
      if (locks.length === 0) return []
      if ((await recordOf(patient, of)) !== undefined)
        await records.commit(of, (now) => stripped(now, { by, job, reason, atMs: clock.now() }), fence)
      else if (
        (await FREE(patient, [fence.key, keys.locksHeld, keys.locksSince, keys.job(of)], [fence.token, of])) !== 1
      )
        throw lost()
      return locks
    },
  }
}
