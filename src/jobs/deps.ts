import type { Clock } from '../duration.ts'
import type { Refusal } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Decide, Request } from '../policies/policy.ts'
import type { Client, Store } from '../store/store.ts'
import type { ReadFacts } from '../systems/facts/port.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import type { Host } from '../systems/ssh/port.ts'
import type { Guard } from './guard.ts'
import type { Args, Change, Jobs, Target } from './job.ts'
import type { Records } from './record.ts'
import type { Roles } from './roles.ts'

/** What jobs cannot know: who the person is to this cluster, and who else is there. Asked anew at every decision. */
export type RequestContext = Pick<Request, 'person' | 'maintains' | 'people' | 'cluster'>
/** Who asks for what: the asker, a voter or whoever presses a gate's button. */
export type Asking = {
  readonly by: string
  readonly command: string
  readonly args: Args
  readonly ticket?: string
}

export type Limits = {
  /** BullMQ's lock: a dead worker's job is taken over after lock/2..lock plus one or two `stalledMs`. */
  readonly lockMs: number
  readonly stalledMs: number
  /** How often what a crash left behind is looked for. */
  readonly sweepMs: number
  /** At most one progress revision per so many ms. */
  readonly progressMs: number
  /** Planning (resolve, facts, previews) as a whole. */
  readonly planMs: number
  /** How long in all one turn at a job may wait for systems that do not answer; what it did stays as it is meanwhile. */
  readonly patienceMs: number
  /** How long a step may take to notice its aborted signal. */
  readonly graceMs: number
  /** How long a stop waits for what is under way. */
  readonly stopMs: number
  readonly concurrency: number
  /** How many keys of inbox and outbox are worked off where they were woken; more go through their queues. */
  readonly atOnce: number
}
export const LIMITS: Limits = {
  lockMs: 5_000,
  stalledMs: 1_000,
  sweepMs: 1_000,
  progressMs: 500,
  planMs: 120_000,
  patienceMs: 30 * 60_000,
  graceMs: 5_000,
  stopMs: 10_000,
  concurrency: 50,
  atOnce: 50,
}

/**
 * Queue processors of the bot. One key is handled by one worker at a time over all replicas; when a key is marked again while it is
 * handled, it is handled again. A throw is tried again: after `retryAfterMs` of the error, which is no failed attempt, else with growing pauses up to 30 s.
 */
export type Processors = {
  /** Handle all of a room's events: `nextOf` / `finish` of store/inbox.ts until there is none. */
  readonly inbox: (room: string, signal: AbortSignal) => Promise<void>
  /** `job/17`: draw the newest revision of job 17. Other keys are the bot's own, marked by `wake('outbox', key)`. */
  readonly outbox: (key: string, signal: AbortSignal) => Promise<void>
}

export type JobsDeps = {
  readonly store: Store
  readonly log: Log
  readonly clock: Clock
  readonly lookup: (command: string) => Change | undefined
  readonly cluster: (name: string, person: string) => Promise<Cluster | Refusal>
  readonly host: (cluster: string, person: string) => (name: string) => Host
  readonly readFacts: ReadFacts
  readonly decide: Decide
  readonly requestContext: (
    asking: Asking,
    target: Target | undefined,
  ) => RequestContext | Refusal | Promise<RequestContext | Refusal>
  /** Digest of the policies that are loaded now; the audit log has it beside each decision. */
  readonly policyVersion?: () => string
  readonly processors: Processors
  readonly mode: 'act' | 'observe'
  readonly practice: boolean
  readonly limits?: Partial<Limits>
  readonly jobUrl?: (job: string) => string
  /** Keeps other installations from the cluster of a running job. Without it nothing does: toys have no cluster. */
  readonly guard?: Guard
  /** What this process does; default: all. */
  readonly roles?: Roles
  /** Keys of the outbox that one replica at a time works off, the one that says so by `alone`. The same in all replicas. Default: none. */
  readonly isAlone?: (key: string) => boolean
  /** Told around every journal write; the fault tests kill the process in it. */
  readonly onJournalWrite?: (when: 'before' | 'after', what: string) => void
}

/** The same inside the engine: every limit set, and the connection that waits for a lost store instead of failing. */
export type RunDeps = Omit<JobsDeps, 'limits'> & {
  readonly limits: Limits
  readonly records: Records
  readonly patient: Client
}

/** What is under way. `idle` = nothing would happen any more without an event, a vote or a timer. */
export type IdleState = {
  readonly idle: boolean
  readonly inbox: number
  readonly outbox: number
  readonly effects: number
  readonly reads: number
  /** received, planned, queued or running; those queued behind one that waits for people are not counted. */
  readonly busyJobs: readonly string[]
}

export type Engine = {
  readonly jobs: Jobs
  /** Starts workers and sweep; resolves when all are ready. */
  readonly start: () => Promise<void>
  readonly idle: () => Promise<IdleState>
  /** Hands running jobs over at their next safe point and closes workers and queues; the store stays open. */
  readonly stop: () => Promise<void>
  /** Marks a key as having work. For the inbox `accept` has marked the room already: this only wakes a worker at once. `now`: a pause after a throw ends. */
  readonly wake: (queue: 'inbox' | 'outbox', key: string, now?: boolean) => Promise<void>
  /** Whether this process works off the keys for which `isAlone` is true; it does not until it is told to. Resolves when it is so: turned off, none of them is under way. */
  readonly alone: (on: boolean) => Promise<void>
}
