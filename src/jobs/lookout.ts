import { inboxLength } from '../store/inbox.ts'
import { keys } from '../store/keys.ts'
import type { Client } from '../store/store.ts'
import type { IdleState } from './deps.ts'
import { type Claim, STATES, type Filter, type Holding, type JobState, type LockKey, type Revision } from './job.ts'
import { type JobRecord, recordOf, type Records } from './record.ts'

/** Reading what is: the lock table, lists, and whether anything is under way. Changes nothing. */

type Table = {
  readonly held: ReadonlyMap<LockKey, string>
  readonly since: ReadonlyMap<LockKey, number>
  readonly line: readonly string[]
  readonly asked: ReadonlyMap<string, number>
  readonly sets: ReadonlyMap<string, readonly LockKey[]>
}

const numbers = (fields: Readonly<Record<string, string>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(fields).map(([name, ms]) => [name, Number(ms)]))

async function lockTable(redis: Client): Promise<Table> {
  const [held, since, line, asked, sets] = await Promise.all([
    redis.hgetall(keys.locksHeld),
    redis.hgetall(keys.locksSince),
    redis.zrange(keys.locksWaiting, '0', '-1'),
    redis.hgetall(keys.locksAsked),
    redis.hgetall(keys.locksSets),
  ])
  return {
    held: new Map(Object.entries(held)),
    since: numbers(since),
    line,
    asked: numbers(asked),
    // written by the commit script as a list of strings
    sets: new Map(Object.entries(sets).map(([job, list]) => [job, JSON.parse(list) as readonly LockKey[]])),
  }
}

/** The job that a waiting one stands behind: the holder of one of its locks, else the one before it in line. */
function behind(table: Table, job: string): string | undefined {
  const wanted = table.sets.get(job) ?? []
  const holder = wanted.map((lock) => table.held.get(lock)).find((h) => h !== undefined && h !== job)
  if (holder !== undefined) return holder
  const place = table.line.indexOf(job)
  return table.line
    .slice(0, Math.max(0, place))
    .findLast((other) => (table.sets.get(other) ?? []).some((lock) => wanted.includes(lock)))
}

function standing(table: Table, revision: Revision): Revision {
  const holder = behind(table, revision.job)
  return holder === undefined ? revision : { ...revision, behind: holder }
}

export async function withBehind(redis: Client, record: JobRecord | undefined): Promise<Revision | undefined> {
  return record?.revision.state === 'queued' ? standing(await lockTable(redis), record.revision) : record?.revision
}

const named = (lock: LockKey, filter: string | undefined): boolean =>
  filter === undefined || lock === filter || lock.slice(lock.indexOf('/') + 1) === filter

/** The person's own reason, among the arguments. */
const reasonOf = (revision: Revision | undefined): { readonly reason?: string } => {
  const reason = revision?.asked.args['reason']
  return typeof reason === 'string' ? { reason } : {}
}

async function claimOf(redis: Client, job: string, sinceMs: number): Promise<Claim> {
  const revision = (await recordOf(redis, job))?.revision
  const ticket = revision?.asked.ticket
  return {
    job,
    person: revision?.asked.by ?? '?',
    sentence: revision?.plan?.target.sentence ?? revision?.asked.text ?? '?',
    ...(ticket === undefined ? {} : { ticket }),
    ...reasonOf(revision),
    state: revision?.state ?? 'failed',
    sinceMs,
  }
}

/** Every lock that is held, or that a job in line wants, with who stands in line for it, in order. */
export async function holders(redis: Client, filter: { readonly lock?: string } = {}): Promise<readonly Holding[]> {
  const table = await lockTable(redis)
  const wanted = table.line.flatMap((job) => table.sets.get(job) ?? [])
  const locks = [...new Set([...table.held.keys(), ...wanted])].filter((lock) => named(lock, filter.lock)).sort()
  return Promise.all(
    locks.map(async (lock) => {
      const job = table.held.get(lock)
      const waiting = table.line.filter((other) => other !== job && table.sets.get(other)?.includes(lock))
      const holder = job === undefined ? undefined : await claimOf(redis, job, table.since.get(lock) ?? 0)
      const queue = await Promise.all(waiting.map((other) => claimOf(redis, other, table.asked.get(other) ?? 0)))
      return { lock, ...(holder === undefined ? {} : { holder }), queue }
    }),
  )
}

/** Numbers of jobs in these states, newest first, in pages: of long lists only what is looked at is read. A job's number is its score. */
async function* newestIn(redis: Client, states: readonly JobState[], size: number): AsyncGenerator<readonly string[]> {
  for (let from = '+inf'; ; ) {
    const pages = await Promise.all(
      states.map((state) => redis.zrange(keys.jobsIn(state), from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, size)),
    )
    // a job on its way from one state to another may be seen in both
    const ids = [...new Set(pages.flat())].sort((a, b) => Number(b) - Number(a)).slice(0, size)
    const last = ids.at(-1)
    if (last === undefined) return
    yield ids
    from = `(${last}`
  }
}

const PAGE = 50
/** Who wants the jobs of a cluster on which nothing happened for long does not have to wait for all of them. */
const LOOK_BACK = 1_000

/** Newest first; 50 when no limit is given. A cluster's are looked for among the newest 1,000 in these states; what is older is in the audit log. */
export async function list(redis: Client, records: Records, filter: Filter): Promise<readonly Revision[]> {
  const { cluster, limit = PAGE, states = STATES } = filter
  const found: Revision[] = []
  let table: Promise<Table> | undefined
  const shown = async (id: string): Promise<Revision | undefined> => {
    const record = await records.get(id)
    if (record?.revision.state !== 'queued') return record?.revision
    table ??= lockTable(redis)
    return standing(await table, record.revision)
  }
  let looked = 0
  for await (const ids of newestIn(redis, states, Math.min(limit, PAGE))) {
    for (const revision of await Promise.all(ids.map(shown))) {
      const on = revision?.plan?.target.cluster ?? revision?.asked.args['cluster']
      if (revision !== undefined && (cluster === undefined || on === cluster)) found.push(revision)
    }
    looked += ids.length
    if (found.length >= limit || looked >= LOOK_BACK) break
  }
  return found.slice(0, limit)
}

/** A queued job counts as busy unless what it stands behind waits for people. */
function moving(
  table: Table,
  states: ReadonlyMap<string, JobState>,
  job: string,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  const state = states.get(job)
  if (state !== 'queued') return state === 'received' || state === 'planned' || state === 'running'
  const ahead = behind(table, job)
  return ahead === undefined || (!seen.has(ahead) && moving(table, states, ahead, new Set([...seen, job])))
}

export async function idleState(redis: Client, reading: number): Promise<IdleState> {
  const open: readonly JobState[] = ['received', 'planned', 'queued', 'running', 'waiting', 'needs-human']
  const [inbox, rooms, outbox, effects, table, stopped, ...lists] = await Promise.all([
    inboxLength(redis),
    redis.hlen(keys.due('inbox')),
    redis.hlen(keys.due('outbox')),
    redis.hlen(keys.effects),
    lockTable(redis),
    redis.smembers(keys.stoppedJobs),
    ...open.map((state) => redis.zrange(keys.jobsIn(state), '0', '-1')),
  ])
  // what everything being stopped holds back waits for people
  const stateOf = (id: string, i: number): JobState => (stopped.includes(id) ? 'waiting' : (open[i] ?? 'received'))
  const states = new Map(lists.flatMap((ids, i) => ids.map((id) => [id, stateOf(id, i)] as const)))
  const busyJobs = [...states.keys()].filter((job) => moving(table, states, job))
  const waitingIn = Math.max(inbox, rooms)
  return {
    idle: waitingIn + outbox + effects + reading + busyJobs.length === 0,
    inbox: waitingIn,
    outbox,
    effects,
    reads: reading,
    busyJobs,
  }
}
