import { afterAll, beforeAll, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { type AuditEntry, readEntry } from '../../src/jobs/audit-entry.ts'
import { baseOf, pages } from '../../src/jobs/audit-log.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import type { Answer } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import type { Decide, Needs } from '../../src/policies/policy.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, needs, tempStore, toyStep } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'

const SOAK = process.env['SOAK'] === '1'
const SEED = Number(process.env['SEED'] ?? 1)
const REQUESTS = SOAK ? 500 : 100
const VOTES = SOAK ? 10_000 : 2_000
const IN_FLIGHT = 40

const ELIGIBLE = ['nico', 'fran', 'amal', 'jin-guk'] as const
/** Two more who are heard and may not: one of the team, one whom nobody knows. */
const VOTERS = [...ELIGIBLE, 'eve', 'mallory'] as const
const CHOICES = ['approve', 'approve', 'approve', 'approve', 'deny', 'withdraw'] as const

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
const pick = <T>(list: readonly [T, ...T[]], below: (n: number) => number): T => list[below(list.length)] ?? list[0]

/** One, two or three approvals, one or two vetoes. */
const needed = (n: number): Needs => ({
  approvals: 1 + (n % 3),
  denyCount: 1 + (n % 2),
  from: ELIGIBLE,
  withinMs: 3_600_000,
})
const decide: Decide = ({ args }) => ({ ...needs(), kind: 'needs', needs: needed(Number(args['n'])) })

let temp: Awaited<ReturnType<typeof tempStore>>
let second: Store
beforeAll(async () => {
  temp = await tempStore()
  second = await openStore({ dir: temp.dir, log: silentLog })
})
afterAll(async () => {
  await second.close()
  await temp.stop()
})

type Ballot = Parameters<Engine['jobs']['vote']>[0]
type Cast = { readonly ballot: Ballot; readonly answer: Answer }
type Request = { readonly job: string; readonly asker: string; readonly needs: Needs }

/** Sends every ballot through one replica or the other, so many at once through each; some come again through the other one. */
async function race(replicas: readonly [Engine, Engine], ballots: readonly Ballot[], below: (n: number) => number) {
  const cast: Cast[] = []
  const told: string[] = []
  const line = ballots.map((ballot) => ({ ballot, at: below(2), again: below(20) === 0 }))
  const work = async (): Promise<void> => {
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      const [one, other] = next.at === 0 ? replicas : replicas.toReversed()
      const answer = await one?.jobs.vote(next.ballot)
      if (answer === undefined) throw new Error('no replica')
      cast.push({ ballot: next.ballot, answer })
      if (!next.again) continue
      // the same event once more: the same answer, and nothing else
      expect(await other?.jobs.vote(next.ballot)).toEqual(answer)
      told.push(next.ballot.event)
    }
  }
  await Promise.all(Array.from({ length: 2 * IN_FLIGHT }, work))
  return { cast, told }
}

/** The log itself, by job, oldest first. */
async function chain(store: Store): Promise<ReadonlyMap<string, readonly AuditEntry[]>> {
  const all: AuditEntry[] = []
  for await (const page of pages(store.redis, await baseOf(store.redis)))
    for (const { entry, n } of page) all.push(readEntry(entry, n))
  return Map.groupBy(all, ({ job }) => job ?? '')
}

const DECIDED: readonly AuditEntry['state'][] = ['queued', 'refused']
const CHOICE: Readonly<Record<string, 'approve' | 'deny'>> = {
  queued: 'approve',
  'vote approve': 'approve',
  refused: 'deny',
  'vote deny': 'deny',
}

/** Each ballot of the log on top of those before it: none was lost, none came from nowhere. Gives the entries that decided, and how often one was taken back. */
function replay(job: string, entries: readonly AuditEntry[]) {
  const standing = new Map<string, string>()
  const ballots = entries.filter(({ votes }) => votes !== undefined)
  for (const { n, by = '', what, votes = [] } of ballots) {
    const choice = CHOICE[what]
    if (choice === undefined) standing.delete(by)
    else standing.set(by, choice)
    const told = new Map(votes.map((vote) => [vote.person, vote.choice]))
    expect(told, `job ${job}: votes of entry ${n} (${what} by ${by})`).toEqual(standing)
    expect(told.size, `job ${job}: one vote for each`).toBe(votes.length)
  }
  return {
    decided: ballots.filter(({ state }) => DECIDED.includes(state)),
    reopened: ballots.filter(({ what }) => what === 'vote withdrawn').length,
  }
}

function check({ job, asker, needs: wanted }: Request, entries: readonly AuditEntry[], ran: number): void {
  const { decided, reopened } = replay(job, entries)
  expect(decided.length, `job ${job} is decided once, and once more for each vote taken back in time`).toBe(
    1 + reopened,
  )
  const last = decided.at(-1)
  const votes = last?.votes ?? []
  for (const { person } of entries.flatMap((entry) => entry.votes ?? [])) {
    expect(ELIGIBLE, `a vote on job ${job}`).toContain(person)
    expect(person, `the asker of job ${job}`).not.toBe(asker)
  }
  const count = (choice: string): number => votes.filter((vote) => vote.choice === choice).length
  const approved = last?.state === 'queued'
  expect(approved ? count('approve') : count('deny'), `votes for job ${job}`).toBeGreaterThanOrEqual(
    approved ? wanted.approvals : wanted.denyCount,
  )
  expect(approved ? count('deny') : count('approve'), `votes on the other side of job ${job}`).toBeLessThan(
    approved ? wanted.denyCount : wanted.approvals,
  )
  expect(entries.at(-1)?.state, `job ${job}`).toBe(approved ? 'done' : 'refused')
  expect(ran, `job ${job} ran`).toBe(approved ? 1 : 0)
}

test(
  `${VOTES} votes on ${REQUESTS} requests through two replicas: each is decided once, by those who may`,
  async () => {
    const below = random(SEED)
    const ran = new Map<string, number>()
    const step = toyStep('a', {
      run: async ({ job }) => {
        ran.set(job.id, (ran.get(job.id) ?? 0) + 1)
        return { kind: 'evidence', text: 'a' }
      },
    })
    const setting = { change: change([step], { locks: () => [] }), decide }
    const replicas = [engineOn({ store: temp.store, ...setting }), engineOn({ store: second, ...setting })] as const
    try {
      for (const replica of replicas) await replica.start()
      const requests: Request[] = await Promise.all(
        Array.from({ length: REQUESTS }, async (_, n) => {
          const asker = pick(ELIGIBLE, below)
          const request = asked({ by: asker, args: { cluster: 'p10', n }, event: `request-${n}` })
          return { job: await (replicas[n % 2] ?? replicas[0]).jobs.submit(request), asker, needs: needed(n) }
        }),
      )
      await until('everything waits for people', 120_000, async () =>
        (await second.redis.zcard(keys.jobsIn('waiting'))) === REQUESTS ? true : undefined,
      )
      const ballots = Array.from({ length: VOTES }, (_, i): Ballot => {
        // a few requests at a time: their votes meet
        const job = String(1 + Math.min(REQUESTS - 1, Math.floor((i / VOTES) * REQUESTS) + below(3)))
        return { job, person: pick(VOTERS, below), choice: pick(CHOICES, below), event: `vote-${i}`, atMs: i + 1 }
      })
      const { cast, told } = await race(replicas, ballots, below)
      // whoever is still asked for gets a yes of everybody who may: nothing is left undecided
      const rest = requests.flatMap(({ job }) =>
        ELIGIBLE.map(
          (person): Ballot => ({ job, person, choice: 'approve', event: `last-${job}-${person}`, atMs: VOTES + 1 }),
        ),
      )
      await race(replicas, rest, below)
      const over = async (): Promise<true | undefined> => {
        const [done, refused] = await Promise.all(
          [keys.jobsIn('done'), keys.jobsIn('refused')].map((k) => second.redis.zcard(k)),
        )
        return (done ?? 0) + (refused ?? 0) === REQUESTS ? true : undefined
      }
      await until('everything is over', 60_000, over)

      const log = await chain(second)
      for (const request of requests) check(request, log.get(request.job) ?? [], ran.get(request.job) ?? 0)
      const counted = cast.filter(({ answer }) => !('refused' in answer)).map(({ ballot }) => ballot)
      expect(
        counted.filter(({ person }) => !ELIGIBLE.some((one) => one === person)),
        'strangers',
      ).toEqual([])
      const askerOf = new Map(requests.map(({ job, asker }) => [job, asker]))
      expect(
        counted.filter(({ job, person }) => askerOf.get(job) === person),
        'askers',
      ).toEqual([])
      expect(await verifyAudit(second.redis)).toMatchObject({ ok: true })
      // it was a race: both sides won some, many came too late, some came twice
      const codes = Map.groupBy(cast, ({ answer }) => ('refused' in answer ? answer.code : 'counted'))
      for (const code of ['counted', 'VOTE-OWN', 'VOTE-NOT-ELIGIBLE', 'VOTE-CLOSED'] as const)
        expect(codes.get(code)?.length ?? 0, code).toBeGreaterThan(VOTES / 100)
      expect(told.length).toBeGreaterThan(VOTES / 100)
      for (const state of ['done', 'refused'])
        expect(await second.redis.zcard(keys.jobsIn(state)), state).toBeGreaterThan(REQUESTS / 20)
    } finally {
      for (const replica of replicas) await replica.stop()
    }
  },
  SOAK ? 600_000 : 120_000,
)
