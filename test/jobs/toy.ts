import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Clock } from '../../src/duration.ts'
import type { JobsDeps, Limits } from '../../src/jobs/deps.ts'
import { openJobs } from '../../src/jobs/engine.ts'
import type { Asked, Change, Jobs, JobState, Revision, Target } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import type { Person } from '../../src/person.ts'
import type { Decide, Decision } from '../../src/policies/policy.ts'
import type { Step } from '../../src/steps/step.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import type { Cluster } from '../../src/systems/kubernetes/port.ts'

/** A change on a toy world in memory, so that the engine is tested with real Redis and nothing else. */
export const person = (name: string): Person => ({
  name,
  title: name,
  groups: ['operators'],
  timeZone: 'Europe/Zurich',
})
export const PEOPLE = ['nico', 'fran', 'amal', 'jin-guk'].map(person)
export const ALLOW: Decision = { kind: 'allow', rules: ['all'] }
export const needs = (
  approvals = 1,
  withinMs = 60_000,
  from: readonly string[] = ['nico', 'fran', 'amal'],
): Decision => ({
  kind: 'needs',
  rules: ['pair'],
  needs: { approvals, from, denyCount: 1, withinMs },
})

/** Only what the engine itself asks of a cluster; steps of the tests bring their own world. */
export const cluster = (identity = 'uid-p10'): Cluster =>
  ({ name: 'p10', identity: () => Promise.resolve(identity), nodes: () => Promise.resolve([]) }) as unknown as Cluster // the toy has no nodes, pods or budgets

export const toyStep = (id: string, more: Partial<Step> = {}): Step => ({
  id,
  title: id,
  preview: () => Promise.resolve([{ key: id, object: id, verdict: 'do', reason: 'to do', topic: 'toy' }]),
  done: () => Promise.resolve(undefined),
  run: () => Promise.resolve({ kind: 'evidence', text: `${id} ran` }),
  repeatable: true,
  timeoutMs: 10_000,
  ...more,
})

/** A step that notes each time it ran. */
export const counted = (): { readonly ran: readonly string[]; readonly step: Step } => {
  const ran: string[] = []
  const step = toyStep('a', {
    run: async () => {
      ran.push('a')
      return { kind: 'evidence', text: 'a' }
    },
  })
  return { ran, step }
}

export const target = (args: Target['args']): Target => ({
  cluster: 'p10',
  clusterUid: 'uid-p10',
  nodes: [{ name: 'server23', uid: 'u23', controlPlane: false }],
  args,
  sentence: 'toy server23 on p10',
})

export const change = (steps: readonly Step[], more: Partial<Change> = {}): Change => ({
  name: 'toy',
  summary: 'a toy',
  risk: () => 'disruptive',
  resolve: (args) => Promise.resolve(target(args)),
  facts: () => [],
  locks: () => ['cluster/p10'],
  steps: () => steps,
  onCancel: 'keep',
  ...more,
})

export const SHORT: Partial<Limits> = {
  lockMs: 1_000,
  stalledMs: 300,
  sweepMs: 200,
  progressMs: 20,
  planMs: 5_000,
  patienceMs: 400,
  graceMs: 200,
}

let events = 0
export const asked = (more: Partial<Asked> = {}): Asked => ({
  command: 'toy',
  args: { cluster: 'p10' },
  by: 'nico',
  room: 'ops',
  text: 'toy server23 on p10',
  atMs: 1,
  event: `e${++events}`,
  ...more,
})
export const word = (name: string) => ({ person: name, event: `w${++events}`, atMs: events })

export type Setting = {
  readonly store: Store
  readonly changes?: Record<string, Change>
  readonly change?: Change
  readonly decide?: Decide
  readonly clock?: Clock
} & Partial<Omit<JobsDeps, 'store' | 'decide' | 'clock' | 'lookup'>>

export function engineOn(setting: Setting) {
  const { change: one, changes, ...rest } = setting
  return openJobs({
    log: silentLog,
    clock: { now: Date.now },
    lookup: (name) => changes?.[name] ?? one,
    cluster: () => Promise.resolve(cluster()),
    host: () => () => {
      throw new Error('the toy has no hosts')
    },
    readFacts: () => Promise.resolve({}),
    decide: () => ALLOW,
    requestContext: ({ by }) => ({
      person: PEOPLE.find((p) => p.name === by) ?? person(by),
      maintains: false,
      people: PEOPLE,
    }),
    processors: { inbox: () => Promise.resolve(), outbox: () => Promise.resolve() },
    mode: 'act',
    practice: true,
    limits: SHORT,
    ...rest,
  })
}

/** A store of its own in a temporary folder; `stop` ends server and folder. */
export async function tempStore(): Promise<{
  readonly store: Store
  readonly dir: string
  readonly stop: () => Promise<void>
}> {
  const dir = await mkdtemp(path.join(tmpdir(), 'sluice-jobs-'))
  const store = await openStore({ dir, log: silentLog })
  return {
    store,
    dir,
    stop: async () => {
      await store.close()
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

/** Waits until the job's newest revision satisfies `wanted`; drawn from the transition stream, so there is no polling. */
export async function until(jobs: Jobs, job: string, ...states: readonly JobState[]): Promise<Revision> {
  const ctl = new AbortController()
  const limit = AbortSignal.any([ctl.signal, AbortSignal.timeout(20_000)])
  const seen: string[] = []
  for await (const t of jobs.transitions('0', limit)) {
    if (t.job !== job) continue
    seen.push(t.state)
    const now = await jobs.get(job)
    if (now !== undefined && now.state === t.state && now.revision >= t.revision && states.includes(now.state)) {
      ctl.abort()
      return now
    }
  }
  throw new Error(`job ${job} never was ${states.join('|')}; it was ${seen.join(', ')}`)
}

/** The states a job went through, from the stream itself. */
export async function history(store: Store, job: string): Promise<readonly string[]> {
  const entries = await store.redis.xrange(keys.transitions, '-', '+')
  const at = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1] ?? ''
  return entries.filter(([, fields]) => at(fields, 'job') === job).map(([, fields]) => at(fields, 'state'))
}

export type Latch = { readonly open: () => void; readonly opened: Promise<void> }
export function latch(): Latch {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: resolve, opened: promise }
}

/** Waits until the newest revision is as wanted, for what is no transition (votes, progress). */
export async function revised(jobs: Jobs, job: string, wanted: (now: Revision) => boolean): Promise<Revision> {
  for (let tries = 0; tries < 2_000; tries++) {
    const now = await jobs.get(job)
    if (now !== undefined && wanted(now)) return now
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`job ${job} never became what was wanted`)
}
