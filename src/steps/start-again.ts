import type { Evidence, Step, Stop } from './step.ts'

const TIMEOUT_MS = 30_000
const MAX_NAMED = 8

const lifted: Evidence = { kind: 'evidence', text: 'nothing is stopped any more' }

/** What went on is not counted: it may be other jobs by the time it is approved. */
function named(jobs: readonly string[]): string {
  if (jobs.length === 0) return 'no job waits for it'
  const more = jobs.length > MAX_NAMED ? ` and ${jobs.length - MAX_NAMED} more` : ''
  return `${jobs.slice(0, MAX_NAMED).join('; ')}${more}`
}

const utc = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

/** Lifts one `stop all`: a later one stays. */
export const startAgain = ({ id }: Pick<Stop, 'id'>): Step => ({
  id: 'start again',
  title: 'let everything go on',
  repeatable: true,
  timeoutMs: TIMEOUT_MS,
  preview: async ({ itself }) => {
    const stop = await itself.stopped()
    const about = { key: 'start again', object: 'everything', topic: 'start-again' }
    if (stop?.id !== id) return [{ ...about, verdict: 'skip', reason: lifted.text }]
    const reason = `stopped by ${stop.by} at ${utc(stop.atMs)} UTC; what waits goes on, each job after its plan and policy were looked at again`
    return [{ ...about, verdict: 'do', reason, detail: named(await itself.heldBack()) }]
  },
  done: async ({ itself }) => ((await itself.stopped())?.id === id ? undefined : lifted),
  run: async ({ itself, safePoint }) => {
    await safePoint()
    await itself.startAgain(id)
    return { kind: 'evidence', text: 'what was stopped goes on' }
  },
})
