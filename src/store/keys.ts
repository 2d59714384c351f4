import { createHash } from 'node:crypto'

/** Every key of ours: type, lifetime, owner. BullMQ owns `{sluice}:{inbox,reads,work,timers,outbox,alone}:*`; we never touch those but for `workLock` and `keyedJob`. */
export const PREFIX = '{sluice}'
export const DAY_S = 86_400

/** BullMQ's id of a key of the inbox or the outbox. */
export const keyedId = (key: string): string => `k-${createHash('sha1').update(key).digest('hex')}`

/** BullMQ's: that there is work. What the work is lies in keys of ours. */
const isBullKey = (key: string): boolean => /^\{sluice\}:(inbox|reads|work|timers|outbox|alone)(:|$)/.test(key)
export const isOurKey = (key: string): boolean => key.startsWith(`${PREFIX}:`) && !isBullKey(key)

export const keys = {
  /** string `number program`, for ever, jobs: the newest schema anything here may have, and the program of it that was here last. */
  schema: `${PREFIX}:schema`,
  /** string, for ever, jobs: number of the newest job. */
  jobCount: `${PREFIX}:job-count`,
  /** hash {rev, record, write, cancel, release}, for ever, jobs: one job. */
  job: (job: string) => `${PREFIX}:job:${job}`,
  /** sorted set of job numbers, for ever, jobs: those in this state. */
  jobsIn: (state: string) => `${PREFIX}:jobs-in:${state}`,
  /** hash, 90 days after the end, jobs: intent and evidence of every step and its sub-entries. */
  journal: (job: string) => `${PREFIX}:journal:${job}`,
  /** string job number, 90 days, jobs: the event that submitted it. */
  submitted: (event: string) => `${PREFIX}:submitted:${event}`,
  /** string job number, 90 days, jobs: the chat message that asked. */
  askedBy: (message: string) => `${PREFIX}:asked-by:${message}`,
  /** string JSON answer, 90 days, jobs: a vote, choice, cancel or resume that was answered. */
  answered: (event: string) => `${PREFIX}:answered:${event}`,
  /** stream {job, state, code, revision}, newest 100 000, jobs: every transition. */
  transitions: `${PREFIX}:transitions`,
  /** stream {entry, hash}, until exported and trimmed (`audit` in sluice.yaml), jobs: the hash chain. */
  audit: `${PREFIX}:audit`,
  /** string `number hash`, for ever, jobs: the newest link of the chain. */
  auditHead: `${PREFIX}:audit-head`,
  /** string `number hash`, for ever, jobs: the last link that was trimmed. */
  auditBase: `${PREFIX}:audit-base`,
  /** hash number of the entry -> JSON {by, text, salt}, as long as the entry or until `sluice audit forget`, jobs: what was typed. */
  auditWords: `${PREFIX}:audit-words`,
  /** hash id -> JSON, until dispatched, jobs: what a committed transition still has to cause. */
  effects: `${PREFIX}:effects`,
  /** hash lock -> job, while held, jobs. */
  locksHeld: `${PREFIX}:locks-held`,
  /** hash lock -> ms since 1970, while held, jobs. */
  locksSince: `${PREFIX}:locks-since`,
  /** sorted set job -> place in line, while waiting, jobs. */
  locksWaiting: `${PREFIX}:locks-waiting`,
  /** hash job -> JSON list of locks, while waiting or held, jobs. */
  locksSets: `${PREFIX}:locks-sets`,
  /** number, for ever, jobs: places in the line for locks, and releases to the work queue (their BullMQ ids). */
  lockLine: `${PREFIX}:lock-line`,
  releases: `${PREFIX}:releases`,
  /** hash job -> ms since 1970, while waiting, jobs: since when it stands in line. */
  locksAsked: `${PREFIX}:locks-asked`,
  /** hash {id, by, atMs, reason, upTo}, from `stop all` until `start again`, jobs: who stopped everything; jobs up to number `upTo` halt. */
  stopped: `${PREFIX}:stopped`,
  /** set of job numbers, until they go on or end, jobs: those whose record says that everything is stopped. */
  stoppedJobs: `${PREFIX}:stopped-jobs`,
  /** hash key -> counter, while there is work, jobs: `inbox` by room, `outbox` by `job/17` and the bot's keys. */
  due: (queue: 'inbox' | 'outbox') => `${PREFIX}:due:${queue}`,
  /** string token, 5 s and renewed, jobs: a process works this key off outside the queue. */
  begun: (queue: 'inbox' | 'outbox', key: string) => `${PREFIX}:begun:${queue}:${key}`,
  /** hash, while the queue knows the key; owned by BullMQ (6.7), asked for by `begun`. A test covers the name. */
  keyedJob: (queue: 'inbox' | 'outbox' | 'alone', key: string) => `${PREFIX}:${queue}:${keyedId(key)}`,
  /** list of JSON events, until handled, inbox. */
  room: (room: string) => `${PREFIX}:room:${room}`,
  /** string, 90 days, inbox: this event was accepted. */
  accepted: (event: string) => `${PREFIX}:accepted:${event}`,
  /** string, while a worker of BullMQ holds the job; owned by BullMQ (6.7), read by the journal. A test covers the name. */
  workLock: (id: string) => `${PREFIX}:work:${id}:lock`,
  /** string number of the turn, as long as it is held (5 s), bot: who does what only one replica may do (`matrix`). */
  lease: (name: string) => `${PREFIX}:lease:${name}`,
  /** number, for ever, bot: turns so far; the newest may write what a holder saves. */
  leaseTurn: (name: string) => `${PREFIX}:lease-turn:${name}`,
  /** string, for ever, jobs: the name of whoever shares this Redis, as clusters know it by their Lease. Made once, at random. */
  installation: `${PREFIX}:installation`,
  /** string, while a backup is being restored, store: nobody may work here meanwhile, or after a restore that was cut off. */
  restoring: `${PREFIX}:restoring`,
  /** number, for ever, store: written where it has to be sure that a replica has what was written before. */
  confirmed: `${PREFIX}:confirmed`,
  /** channel, jobs: number of a job that shall be cancelled. */
  cancelChannel: `${PREFIX}:cancel`,
  /** channel, jobs: everything was stopped, or goes on. */
  stopChannel: `${PREFIX}:stop`,
} as const
