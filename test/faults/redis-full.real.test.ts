import { execFileSync } from 'node:child_process'
import { Redis } from 'ioredis'
import { afterEach, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { silentLog } from '../../src/log.ts'
import { accept } from '../../src/store/inbox.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, history, toyStep, until as ends, word } from '../jobs/toy.ts'
import { makeMember, type Member } from '../lab/member.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { find } from '../lab/redis.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const FILE = [
  'appendonly yes',
  'appendfsync everysec',
  'save ""',
  'maxmemory-policy noeviction',
  'auto-aof-rewrite-percentage 0',
]

async function server(more: readonly string[] = []): Promise<Member> {
  const member = await makeMember(lab(), find('redis-server'), () => [...FILE, ...more])
  closing.push(() => member.stop())
  return member
}
const urlOf = ({ direct }: Member): string => `redis://${direct.host}:${direct.port}`
async function storeOn(member: Member): Promise<Store> {
  const store = await openStore({ url: urlOf(member), dir: '.', log: silentLog })
  closing.push(() => store.close())
  return store
}

const WIDE = 'x'.repeat(20_000)
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

/** Accepts events until one is refused. */
async function fill(
  store: Store,
  room: string,
): Promise<{ readonly accepted: readonly string[]; readonly code: string }> {
  const accepted: string[] = []
  for (let i = 0; i < 20_000; i++) {
    const event = `${room}-${i}`
    try {
      await accept(store, { event, room, json: JSON.stringify(WIDE) })
      accepted.push(event)
    } catch (error) {
      return { accepted, code: codeOf(error) }
    }
  }
  throw new Error('it never was full')
}

/** Asks the server itself: what was acknowledged is there, once, and what was refused is not there at all. */
async function whole(member: Member, room: string, accepted: readonly string[]): Promise<void> {
  const redis = member.ask()
  try {
    const stored = await redis.lrange(keys.room(room), '0', '-1')
    expect(stored.map((text): string => JSON.parse(text).event)).toEqual(accepted)
    const marks = await redis.keys(`${keys.accepted(`${room}-`)}*`)
    expect(marks.length, 'marks of events that are not there').toBe(accepted.length)
    // the engine's sweep may have looked into the room meanwhile, and taken the mark away
    expect(Number(await redis.hget(keys.due('inbox'), room))).toBeLessThanOrEqual(accepted.length)
  } finally {
    redis.disconnect()
  }
}

type Shortage = {
  readonly begin: () => Promise<unknown>
  /** Nothing fits any more, however small it is and whatever is freed. */
  readonly hold: () => Promise<unknown>
  readonly end: () => Promise<unknown>
  readonly code: string
}

/** A job is in its first step when the trouble begins; it ends by itself after it is over, each effect once. */
async function through(store: Store, member: Member, shortage: Shortage): Promise<void> {
  const ran: string[] = []
  const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const first = toyStep('a', {
    done: async () => (ran.includes('a') ? { kind: 'evidence', text: 'a' } : undefined),
    run: async () => {
      ran.push('a')
      begun.resolve()
      await over.promise
      return { kind: 'evidence', text: 'a' }
    },
  })
  const second = toyStep('b', {
    done: async () => (ran.includes('b') ? { kind: 'evidence', text: 'b' } : undefined),
    run: async () => ({ kind: 'evidence', text: String(ran.push('b')) }),
  })
  const engine = engineOn({ store, change: change([first, second]) })
  await engine.start()
  closing.push(() => engine.stop())
  const job = await engine.jobs.submit(asked())
  await begun.promise
  await shortage.begin()
  const { accepted, code } = await fill(store, 'ops')
  expect(code).toBe(shortage.code)
  await whole(member, 'ops', accepted)
  await shortage.hold()
  over.resolve()
  const other = asked()
  await expect(engine.jobs.submit(other), 'a request').rejects.toMatchObject({ code: shortage.code })
  await expect(engine.jobs.cancel({ job, ...word('nico') }), 'a word about a job').rejects.toThrow()
  await shortage.end()
  const again = await until('accepted again', 20_000, () =>
    accept(store, { event: 'ops-after', room: 'ops', json: '{}' }).catch(() => undefined),
  )
  expect(again).toBe('new')
  expect(await ends(engine.jobs, job, 'done', 'cancelled', 'failed')).toMatchObject({ state: 'done' })
  expect(ran).toEqual(['a', 'b'])
  expect(await history(store, job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
  expect(await engine.jobs.submit(other), 'the same request, sent again').toBe(String(Number(job) + 1))
  expect(await verifyAudit(store.redis)).toMatchObject({ ok: true })
}

await real(['redis'], 'a Redis that cannot store', () => {
  test('out of memory: refused with STORE-FULL, nothing by half, goes on alone', async () => {
    const member = await server()
    const store = await storeOn(member)
    const redis = member.ask()
    closing.push(async () => redis.disconnect())
    const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
    await through(store, member, {
      code: 'STORE-FULL',
      begin: async () => redis.config('SET', 'maxmemory', String((await used()) + 300_000)),
      hold: async () => redis.config('SET', 'maxmemory', String(Math.floor((await used()) / 2))),
      end: () => redis.config('SET', 'maxmemory', '0'),
    })
  })

  test('disk full: refused with STORE-FULL, nothing by half, goes on alone', async () => {
    // what is over the limit fails like a full disk; the signal that comes with it is not for Redis
    const member = await server()
    const store = await storeOn(member)
    const limit = (bytes: string): void =>
      void execFileSync('prlimit', ['--pid', String(member.pid()), `--fsize=${bytes}:`])
    const redis = member.ask()
    closing.push(async () => redis.disconnect())
    const size = async (): Promise<number> =>
      Number(/aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1])
    await through(store, member, {
      code: 'STORE-FULL',
      begin: async () => limit(String((await size()) + 300_000)),
      hold: async () => limit('1'),
      end: async () => limit('unlimited'),
    })
  })

  test('a read-only replica: refused with STORE-READONLY, at the start and when the master becomes one', async () => {
    const [member, other] = [await server(), await server()]
    const store = await storeOn(member)
    const { host, port } = other.direct
    const redis = new Redis({ ...member.direct, maxRetriesPerRequest: 1 })
    closing.push(async () => redis.disconnect())
    await accept(store, { event: 'before', room: 'ops', json: '{}' })
    await redis.call('REPLICAOF', host, String(port))
    const refused = await fill(store, 'late')
    expect(refused).toEqual({ accepted: [], code: 'STORE-READONLY' })
    await expect(openStore({ url: urlOf(member), dir: '.', log: silentLog })).rejects.toMatchObject({
      code: 'STORE-READONLY',
    })
    await redis.call('REPLICAOF', 'NO', 'ONE')
    const again = await until('accepted again', 20_000, () =>
      accept(store, { event: 'late-0', room: 'late', json: '{}' }).catch(() => undefined),
    )
    expect(again).toBe('new')
    expect(await redis.lrange(keys.room('late'), '0', '-1')).toHaveLength(1)
  })
})
