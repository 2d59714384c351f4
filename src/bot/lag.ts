import type { Lag } from '../commands/command.ts'
import { behindSince, readDrawn } from '../store/drawn.ts'
import { PLATFORMS } from './chat.ts'
import { placesOfJob } from './draw.ts'
import { placeKey } from './places.ts'
import type { OutboxDeps } from './send.ts'

/** How far each place of a job shows it, measured: from what was drawn there, and since when something waits to be. */
export function makeLag(deps: OutboxDeps): (job: string) => Promise<readonly Lag[]> {
  return async (job) => {
    const revision = await deps.jobs.get(job)
    if (revision === undefined) return []
    return Promise.all(
      placesOfJob(deps, revision).map(async (place) => {
        const [drawn, since] = await Promise.all([
          readDrawn(deps.store, job, placeKey(place)),
          behindSince(deps.store, job, placeKey(place)),
        ])
        const { revision: of, atMs } = revision
        const inStep = drawn.revision >= of && since === undefined
        return {
          platform: PLATFORMS[place.chat],
          shows: Math.max(0, drawn.revision),
          of,
          behindMs: inStep ? 0 : Math.max(0, deps.view().nowMs - (since ?? atMs)),
        }
      }),
    )
  }
}
