import { type Refusal, refuse } from '../errors.ts'
import { DAY_S, keys } from '../store/keys.ts'
import { keptValue, settleKept } from '../store/script.ts'
import type { RunDeps } from './deps.ts'
import type { Answer, Revision } from './job.ts'
import type { JobRecord, Mutation } from './record.ts'

/** Words of people about a job. Each event is answered once: the same one again gets the same answer and changes nothing. */
export type Outcome = { readonly answer: Answer; readonly mutation?: Mutation }
type Event = { readonly event: string }

export const yes = (text: string, mutation?: Mutation): Outcome => ({
  answer: { ok: true, text },
  ...(mutation === undefined ? {} : { mutation }),
})
export const no = (answer: Refusal): Outcome => ({ answer })
export const stateNo = (revision: Revision): Refusal => refuse('JOB-STATE', `Job ${revision.job} is ${revision.state}.`)

async function known({ store: { redis } }: RunDeps, event: string): Promise<Answer | undefined> {
  const at = keys.answered(event)
  const text = (await redis.exists(at)) === 1 ? await keptValue(redis, at) : undefined
  // our own JSON, written below
  return text === undefined ? undefined : (JSON.parse(text) as Answer)
}

/** `decide` is pure and may run again on a conflict; the answer is stored in the same write as the change. */
export async function once(
  deps: RunDeps,
  job: string,
  { event }: Event,
  decide: (now: JobRecord) => Outcome,
): Promise<Answer> {
  const { redis } = deps.store
  const before = await known(deps, event)
  if (before !== undefined) return before
  let answer: Answer = refuse('JOB-UNKNOWN', `There is no job ${job}.`)
  let stored = false
  if ((await deps.records.get(job)) !== undefined) {
    await deps.records.commit(job, (now) => {
      const outcome = decide(now)
      answer = outcome.answer
      stored = outcome.mutation !== undefined
      if (outcome.mutation === undefined) return undefined
      return {
        ...outcome.mutation,
        ...(outcome.mutation.audit === undefined ? {} : { audit: { ...outcome.mutation.audit, event } }),
        once: [...(outcome.mutation.once ?? []), [keys.answered(event), JSON.stringify(answer)]],
      }
    })
  }
  if (stored) return answer
  // our own JSON, from above or from a twin that came first
  return JSON.parse(await settleKept(redis, keys.answered(event), JSON.stringify(answer), 90 * DAY_S)) as Answer
}
