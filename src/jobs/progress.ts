import type { Progress } from '../steps/step.ts'
import type { JobsDeps, Limits } from './deps.ts'
import { redacted } from './plan.ts'
import { type Fence, type Records, revise } from './record.ts'

type Deps = Pick<JobsDeps, 'log'> & { readonly limits: Limits; readonly records: Records }
export type Reporter = { readonly report: (progress: Progress) => void; readonly stop: () => void }

/** Progress as revisions: at most one per `progressMs`, the newest wins, and the step never waits for it. */
export function progressReporter(deps: Deps, job: string, fence: Fence): Reporter {
  let newest: Progress | undefined
  let timer: NodeJS.Timeout | undefined
  const write = (): void => {
    timer = undefined
    const progress = newest
    if (progress === undefined) return
    newest = undefined
    timer = setTimeout(write, deps.limits.progressMs)
    deps.records
      .commit(
        job,
        (now) =>
          now.revision.state === 'running' ? { record: revise(now, { progress: redacted(progress) }) } : undefined,
        fence,
      )
      .catch((error: unknown) => deps.log.debug({ job, err: String(error) }, 'progress was not written'))
  }
  return {
    report: (progress) => {
      newest = progress
      if (timer === undefined) write()
    },
    stop: () => {
      newest = undefined
      clearTimeout(timer)
    },
  }
}
