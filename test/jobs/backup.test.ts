import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backUp, restoreFrom } from '../../src/cli/backup.ts'
import { verifyAudit } from '../../src/jobs/audit.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { enterStore, SCHEMA } from '../../src/jobs/schema.ts'
import { silentLog } from '../../src/log.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, latch, needs, tempStore, toyStep, until, word } from './toy.ts'

const root = join(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'sluice-backup-'))
const never = new AbortController().signal
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
let names = 0
const path = (): string => join(home, String(++names))
const open = async (dir = path()): Promise<Store & { readonly dir: string }> => {
  const store = await openStore({ dir, log: silentLog })
  ends.push(() => store.close())
  return { ...store, dir }
}
const sluice = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, REDIS_URL: '' }
    execFile(join(root, 'bin', 'sluice'), [...args], { cwd: root, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })

/** Two steps on a world outside of Redis; the second hangs until it is let go. */
function world() {
  const effects: string[] = []
  const gate = latch()
  const begun = latch()
  const step = (id: string, before: (signal: AbortSignal) => Promise<void> = () => Promise.resolve()) =>
    toyStep(id, {
      done: async ({ job }) =>
        effects.includes(`${job.id}/${id}`) ? { kind: 'evidence', text: `${id} is so` } : undefined,
      run: async ({ job, signal }) => {
        await before(signal)
        effects.push(`${job.id}/${id}`)
        return { kind: 'evidence', text: `${id} ran` }
      },
    })
  const hang = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      begun.open()
      void gate.opened.then(resolve)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  const parts = { change: change([step('a'), step('b', hang)]), decide: () => needs() }
  const start = async (store: Store): Promise<Engine> => {
    const engine = engineOn({ store, ...parts })
    await engine.start()
    ends.push(() => engine.stop())
    return engine
  }
  return { effects, gate, begun, start }
}
const approve = async ({ jobs }: Engine, job: string): Promise<void> => {
  await until(jobs, job, 'waiting')
  expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
}

/** 1 is done, 2 runs and holds the lock, 3 is approved and queued behind it, 4 waits for people. */
async function busy() {
  const { store, dir, stop } = await tempStore()
  ends.push(stop)
  const { effects, gate, begun, start } = world()
  const engine = await start(store)
  const { jobs } = engine
  gate.open()
  const events = ['first', 'second', 'third', 'fourth']
  await jobs.submit(asked({ event: 'first', message: 'slack:C1:1' }))
  await approve(engine, '1')
  await until(jobs, '1', 'done')
  const next = world()
  await engine.stop()
  const second = await next.start(store)
  for (const event of events.slice(1)) await second.jobs.submit(asked({ event }))
  await approve(second, '2')
  await next.begun.opened
  await approve(second, '3')
  await until(second.jobs, '3', 'queued')
  await until(second.jobs, '4', 'waiting')
  expect(effects).toEqual(['1/a', '1/b'])
  return { store, dir, engine: second, world: next, begun }
}

describe('sluice backup and restore', { timeout: 90_000 }, () => {
  test('while the bot works; what was not over asks people, and nothing is done twice', async () => {
    const { store: from, dir, engine, world: before } = await busy()
    const [file, data] = [join(home, 'night.jsonl'), path()]
    expect(await sluice('backup', file, '--data', dir)).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^4 jobs, 0\.\d MB: .*night\.jsonl\n$/),
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(home).filter((name) => name.endsWith('.new'))).toEqual([])
    expect(readFileSync(file, 'utf8')).not.toMatch(/\{sluice\}:(work|reads|timers|inbox|outbox):/)
    // the old bot goes on after the backup: that is what the restored one cannot know
    before.gate.open()
    await until(engine.jobs, '3', 'done')
    expect(before.effects).toEqual(['2/a', '2/b', '3/a', '3/b'])

    const restored = await sluice('restore', file, '--data', data)
    expect(restored).toMatchObject({ code: 0, err: '' })
    expect(restored.out).toMatch(/^Restored: 4 jobs, as of 20/)
    for (const line of ['needs a human: 2', 'ended: 3', 'asked anew: 4', 'audit ok: '])
      expect(restored.out).toContain(`\n${line}`)
    const to = await open(data)
    const after = world()
    after.effects.push(...before.effects)
    after.gate.open()
    const { jobs } = await after.start(to)
    expect(await jobs.get('1')).toEqual(await engine.jobs.get('1'))
    expect(await jobs.get('2')).toMatchObject({ state: 'needs-human', code: 'RESTORED', locks: ['cluster/p10'] })
    expect(await jobs.get('3')).toMatchObject({ state: 'cancelled', code: 'RESTORED' })
    expect((await jobs.get('3'))?.result?.next).toContain('retry 3')
    expect(await jobs.holders()).toMatchObject([{ lock: 'cluster/p10', holder: { job: '2' } }])
    expect(after.effects, 'nothing by itself').toEqual(before.effects)

    const old = await jobs.vote({ job: '4', question: '4.1', choice: 'approve', ...word('fran') })
    expect(old, 'the reaction under the old message, told again').toMatchObject({ code: 'VOTE-OLD' })
    expect(await jobs.vote({ job: '4', choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
    expect(await jobs.resume({ job: '2', ...word('fran') })).toMatchObject({ ok: true })
    expect(await jobs.vote({ job: '2', choice: 'approve', ...word('amal') })).toMatchObject({ ok: true })
    await until(jobs, '4', 'done')
    expect(await jobs.get('2')).toMatchObject({ state: 'done' })
    expect(after.effects, 'job 2 asked the world first').toEqual([...before.effects, '4/a', '4/b'])
    expect(await verifyAudit(to.redis)).toMatchObject({ ok: true })

    expect(await jobs.submit(asked({ event: 'first' })), 'an event of before makes no second job').toBe('1')
    expect(await jobs.submit(asked({ event: 'new' }))).toBe('5')
    for (const key of [keys.submitted('first'), keys.askedBy('slack:C1:1'), keys.journal('1')]) {
      const [was, is] = [await from.redis.pttl(key), await to.redis.pttl(key)]
      expect(Math.abs(was - is), `${key} ends when it would have`).toBeLessThan(10_000)
    }
  })

  test('--moved: nothing happened since, and jobs go on where they were', async () => {
    const { store: from, engine } = await busy()
    await engine.stop()
    const [file, to, after] = [path(), await open(), world()]
    await backUp(file, from.redis, never)
    await restoreFrom(file, to.redis, true, never)
    after.effects.push('2/a')
    after.gate.open()
    const { jobs } = await after.start(to)
    for (const job of ['2', '3']) await until(jobs, job, 'done')
    expect(after.effects).toEqual(['2/a', '2/b', '3/a', '3/b'])
    expect(await jobs.get('4')).toMatchObject({ state: 'waiting', question: { id: '4.1' } })
    expect(await verifyAudit(to.redis)).toMatchObject({ ok: true })
  })

  test('a question keeps the time at which it expires, though its timer was in no backup', async () => {
    const { store: from, stop } = await tempStore()
    ends.push(stop)
    const engine = engineOn({ store: from, change: change([toyStep('a')]), decide: () => needs() })
    await engine.start()
    const job = await engine.jobs.submit(asked())
    const { question } = await until(engine.jobs, job, 'waiting')
    await engine.stop()
    const [file, to] = [path(), await open()]
    await backUp(file, from.redis, never)
    await restoreFrom(file, to.redis, false, never)
    const later = engineOn({ store: to, change: change([toyStep('a')]), clock: { now: () => Date.now() + 3_600_000 } })
    expect(await later.jobs.get(job)).toMatchObject({ question: { id: '1.2', expiresAtMs: question?.expiresAtMs } })
    await later.start()
    ends.push(() => later.stop())
    await until(later.jobs, job, 'expired')
  })
})

describe('a restore is refused', () => {
  let file: string
  let to: Awaited<ReturnType<typeof open>>
  const count = async (): Promise<number> => (await to.redis.keys('{sluice}*')).length
  const restore = () => restoreFrom(file, to.redis, false, never)
  beforeEach(async () => {
    const { store, stop } = await tempStore()
    const engine = await world().start(store)
    await until(engine.jobs, await engine.jobs.submit(asked()), 'waiting')
    file = path()
    await backUp(file, store.redis, never)
    await engine.stop()
    await stop()
    to = await open()
  })
  const edit = (how: (lines: string[]) => readonly string[]): void => {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    writeFileSync(
      file,
      how(lines)
        .map((line) => `${line}\n`)
        .join(''),
    )
  }

  test.each<[string, (lines: string[]) => readonly string[]]>([
    ['that was changed', (lines) => lines.map((line) => line.replace('server23', 'server24'))],
    ['that was cut off', (lines) => lines.slice(0, -2)],
    ['that lacks a line', ([top = '', , ...rest]) => [top, ...rest]],
    ['that is none', () => ['hello']],
    ['that is empty', () => []],
    [
      'with a key that is not ours',
      ([top = '', first = '', ...rest]) => [top, first.replace('{sluice}', 'other'), ...rest],
    ],
  ])('of a file %s, before anything is written', async (_what, how) => {
    edit(how)
    await expect(restore()).rejects.toMatchObject({ code: 'BACKUP-BAD' })
    expect(await count()).toBe(0)
  })

  test('of a file of a newer Sluice, with its version', async () => {
    edit(([top = '', ...rest]) => [
      JSON.stringify({ ...JSON.parse(top), schema: SCHEMA + 1, program: '9.9.9' }),
      ...rest,
    ])
    await expect(restore()).rejects.toMatchObject({ code: 'STORE-NEWER', next: expect.stringContaining('9.9.9') })
    expect(await count()).toBe(0)
  })

  test('onto a Redis that holds anything of ours, and that is not touched; other keys are no matter', async () => {
    await to.redis.set('somebody else', '1')
    await enterStore(to.redis)
    await expect(restore()).rejects.toMatchObject({
      code: 'STORE-NOT-EMPTY',
      text: expect.stringContaining('{sluice}:schema'),
    })
    expect(await to.redis.keys('{sluice}*')).toEqual([keys.schema])
    await to.redis.del(keys.schema)
    await restore()
    expect(await to.redis.get('somebody else')).toBe('1')
    await enterStore(to.redis)
  })

  test('when one was cut off: nobody starts there, nobody restores over it', async () => {
    const stop = new AbortController()
    stop.abort(new Error('told to stop'))
    await expect(restoreFrom(file, to.redis, false, stop.signal)).rejects.toThrow('told to stop')
    await expect(enterStore(to.redis)).rejects.toMatchObject({ code: 'STORE-RESTORING' })
    await expect(restore()).rejects.toMatchObject({ code: 'STORE-RESTORING' })
  })

  test('sluice says so, with the code and what to do', async () => {
    await enterStore(to.redis)
    const { code, err } = await sluice('restore', file, '--data', to.dir)
    expect(code).toBe(1)
    expect(err).toContain('STORE-NOT-EMPTY')
    expect(err).toContain('Name another Redis or data folder.')
  })
})
