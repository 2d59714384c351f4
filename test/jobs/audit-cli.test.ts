import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/jobs/deps.ts'
import { trimAudit } from '../../src/jobs/audit-keep.ts'
import { keys } from '../../src/store/keys.ts'
import { asked, change, engineOn, needs, tempStore, toyStep, until, word } from './toy.ts'

const root = join(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'sluice-audit-cli-'))
let temp: Awaited<ReturnType<typeof tempStore>>
let engine: Engine

/** `sluice audit ...` as a process, on the data folder of a bot that is running. */
const sluice = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, REDIS_URL: '' }
    execFile(join(root, 'bin', 'sluice'), ['audit', ...args], { cwd: root, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })
const here = (...args: readonly string[]) => sluice(...args, '--data', temp.dir)

beforeAll(async () => {
  temp = await tempStore()
  engine = engineOn({ store: temp.store, change: change([toyStep('cordon')]), decide: () => needs() })
  await engine.start()
  for (const by of ['nico', 'amal']) {
    const job = await engine.jobs.submit(asked({ by, text: `${by} says: drain it` }))
    await until(engine.jobs, job, 'waiting')
    await engine.jobs.vote({ job, choice: 'approve', ...word('fran') })
    await until(engine.jobs, job, 'done')
  }
})
afterAll(async () => {
  await engine.stop()
  await temp.stop()
  rmSync(home, { recursive: true, force: true })
})

describe('sluice audit', { timeout: 60_000 }, () => {
  const file = join(home, 'log.jsonl')

  test('verify says that it holds, and export writes what it verifies with', async () => {
    const count = await temp.store.redis.xlen(keys.audit)
    expect(await here('verify')).toMatchObject({
      code: 0,
      out: expect.stringMatching(`^ok: ${count} entries, up to number ${count}, sha256:`),
    })
    expect(await here('export', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${count} entries, 1 to ${count}, head sha256:`),
    })
    const [top, ...lines] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(top).toMatchObject({
      sluice: 'audit',
      schema: 1,
      from: { n: 0 },
      head: { n: count, hash: await temp.store.redis.get(keys.auditHead).then((h) => h?.split(' ')[1]) },
    })
    expect(lines.map((line) => line['n'])).toEqual(lines.map((_, i) => i + 1))
    expect(await here('verify', '--with', file)).toMatchObject({
      code: 0,
      out: expect.stringMatching(`^ok: ${count} entries`),
    })
  })

  test('show: by person, job, cluster and time, as a table or as JSON lines', async () => {
    const all = await here('show')
    expect(all.out).toMatch(
      /^ENTRY +WHEN +JOB +STATE +BY +DID +WHAT\n1 +.* 1 +received +nico +received +"nico says: drain it"/,
    )
    expect(all.out).toMatch(/fran approve/)
    const rows = async (...args: readonly string[]) =>
      (await here('show', '--json', ...args)).out
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    const jobs = async (...args: readonly string[]) => new Set((await rows(...args)).map((row) => row['job']))
    expect(await jobs('--person', 'amal')).toEqual(new Set(['2']))
    expect(await jobs('--person', 'fran')).toEqual(new Set(['1', '2']))
    expect(await jobs('--job', '1')).toEqual(new Set(['1']))
    expect(await jobs('--cluster', 'p10', '--since', 'yesterday')).toEqual(new Set(['1', '2']))
    expect(await jobs('--cluster', 'c2')).toEqual(new Set())
    expect(await jobs('--until', 'yesterday')).toEqual(new Set())
    expect((await here('show', '--job', '99')).out).toBe('No entry fits.\n')
    expect(await here('show', '--since', 'sometime')).toMatchObject({
      code: 1,
      err: expect.stringContaining('PARSE-ARGUMENT'),
    })
  })

  test('forget asks to be meant, then takes the words away; the chain holds', async () => {
    const asking = await here('forget', 'amal')
    expect(asking).toMatchObject({ code: 1, out: expect.stringContaining('1 text in the log, 1 finished job.') })
    expect(asking.out).toContain('--yes')
    expect((await here('show')).out).toContain('amal says')
    expect(await here('forget', 'amal', '--yes', '--with', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('Taken away: 2 texts'),
    })
    expect((await here('show')).out).not.toContain('amal says')
    expect((await here('show')).out).toContain('nico says')
    expect(readFileSync(file, 'utf8')).not.toContain('amal says')
    expect(await here('verify', '--with', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 text taken away on request'),
    })
  })

  test('what the bot trimmed is verified and shown with its folder', async () => {
    const head = await temp.store.redis.xlen(keys.audit)
    await trimAudit(temp.store.redis, { dir: join(temp.dir, 'audit'), keepEntries: 5, keepForMs: 1e15 }, Date.now())
    expect(await here('verify')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Entries 1 to ${head - 5} were exported and trimmed`),
    })
    const whole = await here('verify', '--with', join(temp.dir, 'audit'))
    expect(whole).toMatchObject({ code: 0, out: expect.stringMatching(`^ok: ${head + 1} entries`) })
    expect((await here('show')).out).not.toContain('nico says')
    expect((await here('show', '--with', join(temp.dir, 'audit'))).out).toContain('nico says')
  })

  test('what is wrong is said: a changed entry, a file that is none, a folder without a store', async () => {
    const { redis } = temp.store
    const [[id, fields] = ['', []]] = await redis.xrange(keys.audit, '-', '+', 'COUNT', 1)
    const rest = await redis.xrange(keys.audit, `(${id}`, '+')
    await redis.del(keys.audit)
    await redis.xadd(
      keys.audit,
      '*',
      'entry',
      (fields[1] ?? '').replace('"by"', '"By"').replace('"what"', '"What"'),
      'hash',
      fields[3] ?? '',
    )
    for (const [, again] of rest) await redis.xadd(keys.audit, '*', ...again)
    expect(await here('verify')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^AUDIT-BROKEN: entry \d+ was changed/),
    })
    writeFileSync(join(home, 'none'), 'hello\n')
    expect(await here('verify', '--with', join(home, 'none'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('AUDIT-FILE'),
    })
    expect(await here('verify', '--with', join(home, 'nowhere'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('AUDIT-FILE'),
    })
    expect(await sluice('verify', '--data', join(home, 'empty'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('STORE-MISSING'),
    })
  })
})
