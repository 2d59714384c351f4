import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { findWords } from '../../src/jobs/audit-forget.ts'
import { enterStore, mayRead, PROGRAM, SCHEMA } from '../../src/jobs/schema.ts'
import { silentLog } from '../../src/log.ts'
import { keys } from '../../src/store/keys.ts'
import { rememberMessage } from '../../src/store/messages.ts'
import { openStore } from '../../src/store/open.ts'
import { heart } from '../bot/heart.ts'
import { engines } from './engines.ts'
import { asked, change, needs, revised, toyStep, until, word } from './toy.ts'

const root = join(import.meta.dirname, '..', '..')
const { start, store } = engines()
const parts = { change: change([toyStep('a')]), decide: () => needs() }
type Stored = Record<string, unknown>

const stored = async (job: string): Promise<Stored> =>
  JSON.parse((await store().redis.hget(keys.job(job), 'record')) ?? '') as Stored
const put = (job: string, record: Stored) => store().redis.hset(keys.job(job), 'record', JSON.stringify(record))
/** As a Sluice of next year left it: with something in it that nobody here knows. */
const fromLater = async (job: string): Promise<Stored> => {
  const later = { ...(await stored(job)), schema: SCHEMA + 1, program: '9.9.9', approvals: 'elsewhere' }
  await put(job, later)
  return later
}
const NEWER = {
  code: 'STORE-NEWER',
  text: expect.stringContaining('Sluice 9.9.9'),
  next: expect.stringContaining('9.9.9'),
}

test('this program is the one of package.json', () => {
  expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).toMatchObject({ version: PROGRAM })
})

describe('a record', () => {
  test('says how it is written, and by whom', async () => {
    const { jobs } = await start(parts)
    await until(jobs, await jobs.submit(asked()), 'waiting')
    expect(await stored('1')).toMatchObject({ schema: SCHEMA, program: PROGRAM, revision: { job: '1' } })
  })

  test('that does not say it is of schema 1: it is read, goes on, and says it from then on', async () => {
    const { jobs } = await start(parts)
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    const { schema: _schema, program: _program, ...first } = await stored(job)
    await put(job, first)
    expect(await jobs.get(job)).toMatchObject({ state: 'waiting' })
    expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
    await until(jobs, job, 'done')
    expect(await stored(job)).toMatchObject({ schema: SCHEMA, program: PROGRAM })
  })

  test('of a newer Sluice is not touched, whatever somebody wants of it', async () => {
    const { jobs } = await start(parts)
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    const later = await fromLater(job)
    const said = word('fran')
    await expect(jobs.get(job)).rejects.toMatchObject(NEWER)
    await expect(jobs.list({})).rejects.toMatchObject(NEWER)
    await expect(jobs.vote({ job, choice: 'approve', ...said })).rejects.toMatchObject(NEWER)
    await expect(jobs.cancel({ job, ...said })).rejects.toMatchObject(NEWER)
    await expect(jobs.resume({ job, ...said })).rejects.toMatchObject(NEWER)
    await expect(findWords(store().redis, 'nico', [])).rejects.toMatchObject(NEWER)
    expect(await stored(job)).toEqual(later)
  })

  test('of a newer Sluice is not run, and no other job waits for it', async () => {
    const effects: string[] = []
    const step = toyStep('a', {
      run: async (ctx) => {
        effects.push(ctx.job.id)
        return { kind: 'evidence', text: 'a' }
      },
    })
    const engine = await start({ ...parts, change: change([step], { locks: () => [] }) })
    const { jobs } = engine
    const [theirs, ours] = [await jobs.submit(asked()), await jobs.submit(asked())]
    for (const job of [theirs, ours]) await until(jobs, job, 'waiting')
    await engine.stop()
    await fromLater(theirs)
    // both are queued, as far as the lists say, and nobody carries them: what the sweep mends
    for (const job of [theirs, ours]) {
      await store().redis.zrem(keys.jobsIn('waiting'), job)
      await store().redis.zadd(keys.jobsIn('queued'), job, job)
      await store().redis.hset(keys.job(job), 'release', `job-${job}-0`)
    }
    const { revision, ...rest } = (await stored(ours)) as { revision: Stored }
    await put(ours, { ...rest, revision: { ...revision, state: 'queued' } })
    const second = await start({ change: change([step], { locks: () => [] }) })
    await until(second.jobs, ours, 'done')
    expect(effects).toEqual([ours])
  })

  test('of a newer Sluice keeps no other job from being stopped, nor from going on', async () => {
    const { jobs } = await start(parts)
    const [theirs, ours] = [await jobs.submit(asked()), await jobs.submit(asked())]
    for (const job of [theirs, ours]) await until(jobs, job, 'waiting')
    await fromLater(theirs)
    await jobs.stopAll(word('fran'))
    await revised(jobs, ours, (now) => now.stopped !== undefined)
    await store().redis.sadd(keys.stoppedJobs, theirs)
    await store().redis.del(keys.stopped)
    await revised(jobs, ours, (now) => now.stopped === undefined)
  })

  test('of nobody is said to be none', async () => {
    const { jobs } = await start(parts)
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await store().redis.hset(keys.job(job), 'record', '{"schema":"two"}')
    await expect(jobs.get(job)).rejects.toMatchObject({ code: 'STORE-BAD' })
  })
})

test('who speaks of a job of a newer Sluice is told, and the room goes on', async () => {
  const { jobs } = await start(parts)
  await until(jobs, await jobs.submit(asked()), 'waiting')
  await fromLater('1')
  await rememberMessage(store(), 'matrix:ops:asks', { job: '1', question: '1.1' })
  const { react, say, said } = heart(store(), [], 'matrix', { get: jobs.get, vote: jobs.vote })
  await react('asks', '✅', { by: 'fran' })
  await say('approve 1', { by: 'fran' })
  expect(said()).toHaveLength(2)
  for (const text of said()) expect(text).toMatch(/STORE-NEWER.*9\.9\.9/)
})

describe('the store', () => {
  const mark = () => store().redis.get(keys.schema)

  test('is marked by who enters it, and the mark is raised, never lowered', async () => {
    await enterStore(store().redis)
    expect(await mark()).toBe(`${SCHEMA} ${PROGRAM}`)
    await store().redis.set(keys.schema, '1 0.0.1')
    await enterStore(store().redis)
    expect(await mark()).toBe(`${SCHEMA} ${PROGRAM}`)
    await store().redis.set(keys.schema, `${SCHEMA + 1} 9.9.9`)
    await expect(enterStore(store().redis)).rejects.toMatchObject(NEWER)
    await expect(mayRead(store().redis)).rejects.toMatchObject(NEWER)
    expect(await mark()).toBe(`${SCHEMA + 1} 9.9.9`)
  })
})

describe('sluice, on the store of a newer one', { timeout: 60_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-schema-'))
  afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
  const sluice = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, REDIS_URL: '' }
      const child = execFile(join(root, 'bin', 'sluice'), [...args], { cwd: root, env }, (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      )
      child.stdin?.end()
    })
  beforeEach(async () => {
    const other = await openStore({ dir, log: silentLog })
    await other.redis.set(keys.schema, `${SCHEMA + 1} 9.9.9`)
    await other.close()
  })

  test.each([
    ['run', ['run', '--data', dir]],
    ['console', ['console', '--json', '--data', dir]],
    ['audit', ['audit', 'verify', '--data', dir]],
  ])('%s does not start, and says which one wrote it and what to do', async (_name, args) => {
    const { code, out, err } = await sluice(...args)
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toMatch(/STORE-NEWER while opening the store: it was written by Sluice 9\.9\.9 \(schema \d+\)/)
    expect(err).toContain('Run Sluice 9.9.9 or newer.')
  })
})
