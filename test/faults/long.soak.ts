import { mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { silentLog } from '../../src/log.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import { asked, change, engineOn } from '../jobs/toy.ts'
import { makeMember, type Member } from '../lab/member.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { find } from '../lab/redis.ts'
import { type Replica, startReplica } from './replica.ts'

const MINUTE_MS = 60_000
/** `MINUTES=1` to try it: memory is looked at from a quarter of an hour on. */
const LASTS_MS = Number(process.env['MINUTES'] ?? 30) * MINUTE_MS
const FAULT_EVERY_MS = 20_000
const ASK_EVERY_MS = 200
const PLACES = 10
const BEYOND_LOCK_MS = 3_000
/** Memory is looked at once it has come to rest. */
const WARM_MS = 5 * MINUTE_MS
const OUTCOMES_MS = 2 * MINUTE_MS
const SEED = Number(process.env['SEED'] ?? 5)

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** The same faults for the same seed (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}

async function stopped(thing: Pick<Replica, 'freeze' | 'thaw'>): Promise<void> {
  thing.freeze()
  await pause(BEYOND_LOCK_MS)
  thing.thaw()
}

/** What happens to a bot in its life. The first replica is never ended, so that its memory can be watched. */
const faults = (redis: Member, [first, second]: readonly [Replica, Replica]) =>
  [
    ['Redis killed', async () => redis.kill9().then(() => redis.start())],
    ['Redis hung', () => stopped(redis)],
    ['one replica stopped beyond its locks', () => stopped(first)],
    ['the other stopped beyond its locks', () => stopped(second)],
    ['the other killed', async () => second.kill9().then(() => second.start())],
    ['the other updated', async () => second.end().then(() => second.start())],
  ] as const

type Seen = ReturnType<Replica['uses']> & { readonly atMs: number }
type Disturbed = { readonly names: readonly string[]; readonly seen: readonly Seen[] }
async function disturb(redis: Member, replicas: readonly [Replica, Replica], startedMs: number): Promise<Disturbed> {
  const die = dice(SEED)
  const all = faults(redis, replicas)
  const names: string[] = []
  const seen: Seen[] = []
  for (let atMs = FAULT_EVERY_MS; atMs < LASTS_MS; atMs += FAULT_EVERY_MS) {
    await pause(Math.max(0, startedMs + atMs - performance.now()))
    const [name, fault] = all[die(all.length)] ?? all[0]
    await fault()
    names.push(name)
    seen.push({ ...replicas[0].uses(), atMs })
  }
  return { names, seen }
}

/** What a platform does with a request that was not acknowledged: it sends it again. */
async function insist({ jobs }: Engine, i: number): Promise<string> {
  const request = asked({ event: `long-${i}`, args: { cluster: `c${i % PLACES}` } })
  for (;;) {
    const job = await jobs.submit(request).catch(() => undefined)
    if (job !== undefined) return job
    await pause(100)
  }
}

async function ask(engine: Engine, startedMs: number): Promise<readonly string[]> {
  const under: Promise<string>[] = []
  for (let i = 0; performance.now() < startedMs + LASTS_MS; i++) {
    under.push(insist(engine, i))
    await pause(Math.max(0, startedMs + (i + 1) * ASK_EVERY_MS - performance.now()))
  }
  return Promise.all(under)
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN

/** The last five minutes beside the five that came when it was warm. */
function expectFlat(seen: readonly Seen[]): void {
  const between = (from: number, to: number) => seen.filter(({ atMs }) => atMs >= from && atMs < to)
  const [early, late] = [between(WARM_MS, 2 * WARM_MS), between(LASTS_MS - WARM_MS, LASTS_MS)]
  const rss = (of: readonly Seen[]) => median(of.map(({ rssKib }) => rssKib))
  const files = (of: readonly Seen[]) => median(of.map((one) => one.files))
  console.info(`memory ${rss(early)} -> ${rss(late)} KiB, open files ${files(early)} -> ${files(late)}`)
  expect(rss(late) / rss(early), 'resident memory').toBeLessThan(1.1)
  expect(files(late), 'open files').toBeLessThanOrEqual(files(early))
}

await real(['redis'], 'two replicas for half an hour, five requests a second, a fault every 20 s', () => {
  test('as many outcomes as requests, each effect once, the audit chain whole, memory and files as they were', {
    timeout: LASTS_MS + 10 * MINUTE_MS,
  }, async () => {
    const world = mkdtempSync(join(lab().dir, 'long'))
    const settings = ['appendonly yes', 'appendfsync always', 'save ""', 'maxmemory-policy noeviction']
    const redis = await makeMember(lab(), find('redis-server'), () => settings)
    ends.push(() => redis.stop())
    const url = `redis://${redis.direct.host}:${redis.direct.port}`
    const replicas = [await startReplica(url, world), await startReplica(url, world)] as const
    ends.push(() => Promise.all(replicas.map((replica) => replica.kill9())))
    const store = await openStore({ url, dir: '.', log: silentLog })
    ends.push(() => store.close())
    // it asks, and works nothing off
    const engine = engineOn({ store, change: change([]) })
    ends.push(() => engine.stop())

    const startedMs = performance.now()
    const [jobs, { names, seen }] = await Promise.all([ask(engine, startedMs), disturb(redis, replicas, startedMs)])
    const outcomes = () => store.redis.zrange(keys.jobsIn('done'), '0', '-1')
    await until('every request has its outcome', OUTCOMES_MS, async () =>
      (await outcomes()).length >= jobs.length ? true : undefined,
    )
    expect(new Set(jobs).size, 'each request its own job').toBe(jobs.length)
    expect(new Set(await outcomes()), 'outcomes').toEqual(new Set(jobs))
    expect(new Set(readdirSync(world)), 'each effect once, and no other').toEqual(new Set(jobs))
    expect(await verifyAudit(store.redis)).toMatchObject({ ok: true })
    const counts = Object.entries(Object.groupBy(names, (name) => name)).map(
      ([name, of = []]) => `${of.length} x ${name}`,
    )
    console.info(`${jobs.length} requests, as many outcomes, each effect once; ${counts.join(', ')}`)
    if (LASTS_MS >= 3 * WARM_MS) expectFlat(seen)
  })
})
