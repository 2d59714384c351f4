import type { Clock } from '../duration.ts'
import type { SluiceError } from '../errors.ts'
import type { Progress } from '../steps/step.ts'
import type { JobsDeps, Limits } from './deps.ts'
import type { Trouble } from './job.ts'
import { redacted } from './plan.ts'
import { type Fence, type JobRecord, type Records, revise, without } from './record.ts'

type Deps = Pick<JobsDeps, 'log' | 'clock'> & { readonly limits: Limits; readonly records: Records }
export type Reporter = {
  readonly report: (progress: Progress) => void
  readonly trouble: (error: SluiceError | undefined) => void
  readonly stop: () => void
}

/** The same trouble keeps the time at which it began. */
export const troubleOf = (error: SluiceError, before: Trouble | undefined, clock: Clock): Trouble =>
  redacted({ code: error.code, text: error.text, sinceMs: before?.sinceMs ?? clock.now() })

/** `null`: it is over. */
export const withTrouble = (now: JobRecord, trouble: Trouble | null): JobRecord =>
  trouble === null
    ? { ...now, revision: without(now.revision, 'trouble') }
    : { ...now, revision: { ...now.revision, trouble } }

/** Progress and trouble as revisions: at most one per `progressMs`, the newest wins, and the step never waits for it. */
export function progressReporter(deps: Deps, job: string, fence: Fence): Reporter {
  let newest: { readonly progress?: Progress; readonly trouble?: Trouble | null } = {}
  let known: Trouble | undefined
  let timer: NodeJS.Timeout | undefined
  const write = (): void => {
    timer = undefined
    const { progress, trouble } = newest
    if (progress === undefined && trouble === undefined) return
    newest = {}
    timer = setTimeout(write, deps.limits.progressMs)
    const change = (now: JobRecord) => {
      if (now.revision.state !== 'running') return undefined
      const base = trouble === undefined ? now : withTrouble(now, trouble)
      return { record: revise(base, progress === undefined ? {} : { progress: redacted(progress) }) }
    }
    deps.records
      .commit(job, change, fence)
      .catch((error: unknown) => deps.log.debug({ job, err: String(error) }, 'progress was not written'))
  }
  const put = (more: typeof newest): void => {
    newest = { ...newest, ...more }
    if (timer === undefined) write()
  }
  return {
    report: (progress) => put({ progress }),
    trouble: (error) => {
      known = error === undefined ? undefined : troubleOf(error, known, deps.clock)
      put({ trouble: known ?? null })
    },
    stop: () => {
      newest = {}
      clearTimeout(timer)
    },
  }
}
