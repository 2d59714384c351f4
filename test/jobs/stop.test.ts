import { describe, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { writeStop } from '../../src/jobs/stop.ts'
import type { Decision } from '../../src/policies/policy.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { again, stop, world } from './stop-world.ts'
import { ALLOW, asked, change, history, latch, needs, revised, SHORT, toyStep, until, word } from './toy.ts'

const { store, start } = engines()
const entries = async (): Promise<readonly string[]> =>
  (await store().redis.xrange(keys.audit, '-', '+')).map(([, [, entry = '']]) => String(JSON.parse(entry).what))

describe('stop all', () => {
  test('a running job halts at once whichever replica was told, keeps its locks, and goes on by itself, each effect once', async () => {
    const w = world()
    // no sweep helps: what is told is heard by every process
    const limits = { ...SHORT, sweepMs: 600_000 }
    const one = await start({ changes: w.changes, limits })
    const other = await start({ changes: w.changes, limits })
    const job = await one.jobs.submit(asked())
    await w.inside
    expect(await stop(other.jobs, 'smoke in rack 4')).toMatchObject({ ok: true })
    const halted = await until(one.jobs, job, 'queued')
    expect(halted).toMatchObject({
      code: 'STOPPED',
      stopped: { by: 'fran', reason: 'smoke in rack 4' },
      steps: [{ mark: 'pending' }, { mark: 'pending' }],
    })
    expect(w.ran).toEqual([])
    expect(await one.jobs.holders()).toMatchObject([{ lock: 'cluster/p10', holder: { job, state: 'queued' } }])
    await expect.poll(async () => (await one.idle()).idle).toBe(true)
    w.free()
    const lift = await other.jobs.submit(again())
    expect(await until(other.jobs, lift, 'done', 'refused', 'failed')).toMatchObject({
      state: 'done',
      result: { details: [expect.stringContaining('goes on')] },
    })
    const end = await until(one.jobs, job, 'done')
    expect(end.stopped).toBeUndefined()
    expect(w.ran).toEqual(['a', 'b'])
    expect(await history(store(), job)).toEqual([
      'received',
      'planned',
      'queued',
      'running',
      'queued',
      'running',
      'done',
    ])
    expect(await entries()).toEqual(expect.arrayContaining(['stop all', 'halted', 'start again', 'goes on']))
    expect(await verifyAudit(store().redis)).toMatchObject({ ok: true })
    expect(await store().redis.exists(keys.stopped, keys.stoppedJobs)).toBe(0)
  })

  test('nothing disruptive is taken: refused with who, why and the way out; what disturbs nothing is done; a cancel goes through', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const before = await jobs.submit(asked())
    await w.inside
    await stop(jobs, 'smoke')
    await until(jobs, before, 'queued')
    w.free()
    const late = await jobs.submit(asked())
    const no = await until(jobs, late, 'refused', 'queued', 'running', 'done')
    expect(no).toMatchObject({
      state: 'refused',
      code: 'STOPPED',
      result: { next: expect.stringContaining('start again') },
    })
    expect(no.result?.text).toMatch(/^fran stopped everything at \d{4}-.* UTC: smoke\. Nothing was done\.$/)
    expect(await jobs.plan(asked(), AbortSignal.timeout(5_000))).toMatchObject({
      decision: { kind: 'deny', code: 'STOPPED' },
    })
    const quiet = await jobs.submit(asked({ command: 'quiet' }))
    await until(jobs, quiet, 'done')
    expect(await jobs.cancel({ job: before, ...word('nico') })).toMatchObject({ ok: true })
    expect(await until(jobs, before, 'cancelled')).toMatchObject({ code: 'CANCELLED' })
    expect(await store().redis.smembers(keys.stoppedJobs)).toEqual([])
    const failed = await jobs.resume({ job: before, ...word('nico') })
    expect(failed).toMatchObject({ refused: true })
  })

  test('jobs in line and those that wait for people say so; a vote counts, and it waits for `start again`', async () => {
    const w = world()
    const decide = ({ args, command }: { args: object; command: string }): Decision =>
      command === 'toy' && 'vote' in args ? needs() : ALLOW
    const { jobs } = await start({ changes: w.changes, decide })
    const holder = await jobs.submit(asked())
    await w.inside
    const inLine = await jobs.submit(asked())
    await until(jobs, inLine, 'queued')
    const waiting = await jobs.submit(asked({ args: { cluster: 'p10', vote: true, lock: 'cluster/c2' } }))
    await until(jobs, waiting, 'waiting')
    await stop(jobs)
    for (const job of [holder, inLine, waiting]) await revised(jobs, job, (r) => r.stopped?.by === 'fran')
    expect(await jobs.vote({ job: waiting, choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
    await revised(jobs, waiting, (r) => r.state === 'queued' && r.stopped !== undefined && r.code === 'STOPPED')
    w.free()
    const lift = await jobs.submit(again())
    await until(jobs, lift, 'done')
    for (const job of [holder, inLine, waiting]) await until(jobs, job, 'done')
    expect(w.ran.filter((id) => id === 'b')).toHaveLength(3)
    // it was not begun and halted again in between
    expect(await history(store(), waiting)).toEqual(['received', 'planned', 'waiting', 'queued', 'running', 'done'])
  })

  test('it outlives every process: a new one neither runs nor takes anything until `start again`, which needs what policy says', async () => {
    const w = world()
    const decide = ({ command }: { command: string }): Decision => (command === 'start again' ? needs() : ALLOW)
    const first = await start({ changes: w.changes, decide })
    const job = await first.jobs.submit(asked())
    await w.inside
    await stop(first.jobs)
    await until(first.jobs, job, 'queued')
    await first.stop()
    w.free()
    const { jobs, idle } = await start({ changes: w.changes, decide })
    const late = await jobs.submit(asked())
    expect(await until(jobs, late, 'refused', 'queued')).toMatchObject({ code: 'STOPPED' })
    await expect.poll(async () => (await idle()).idle).toBe(true)
    const lift = await jobs.submit(again())
    await until(jobs, lift, 'waiting')
    expect(await jobs.get(job)).toMatchObject({ state: 'queued', code: 'STOPPED' })
    // many sweeps have looked at it
    expect(await entries()).not.toContain('taken up again')
    await jobs.vote({ job: lift, choice: 'approve', ...word('fran') })
    await until(jobs, job, 'done')
    expect(w.ran).toEqual(['a', 'b'])
  })

  test('killed between the write and the telling: the sweep halts what runs; a lost lift is seen by the sweep too', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const job = await jobs.submit(asked())
    await w.inside
    await writeStop(store().redis, word('fran'), 1)
    await until(jobs, job, 'queued')
    w.free()
    await store().redis.del(keys.stopped)
    await until(jobs, job, 'done')
    expect(w.ran).toEqual(['a', 'b'])
  })

  test('a step that may not run twice is not cut off in the middle: it ends, and the job halts before the next one', async () => {
    const ran: string[] = []
    const inside = latch()
    const free = latch()
    const once = toyStep('once', {
      repeatable: false,
      run: async ({ signal }) => {
        inside.open()
        await free.opened
        signal.throwIfAborted()
        ran.push('once')
        return { kind: 'evidence', text: 'once' }
      },
    })
    const next = toyStep('next', {
      run: () => {
        ran.push('next')
        return Promise.resolve({ kind: 'evidence', text: 'next' })
      },
    })
    const { jobs } = await start({ changes: { ...world().changes, toy: change([once, next]) } })
    const job = await jobs.submit(asked())
    await inside.opened
    const behind = await jobs.submit(asked())
    await until(jobs, behind, 'queued')
    await stop(jobs)
    // by now what runs was told too
    await revised(jobs, behind, (r) => r.stopped !== undefined)
    free.open()
    expect(await until(jobs, job, 'queued', 'done', 'needs-human')).toMatchObject({
      state: 'queued',
      steps: [
        { id: 'once', mark: 'done' },
        { id: 'next', mark: 'pending' },
      ],
    })
    expect(ran).toEqual(['once'])
    await until(jobs, await jobs.submit(again()), 'done')
    await until(jobs, job, 'done', 'needs-human')
    await until(jobs, behind, 'done')
    expect(ran).toEqual(['once', 'next', 'once', 'next'])
  })

  test.each([
    ['a cancel', 'cancelled', ({ jobs }: Engine, job: string) => jobs.cancel({ job, ...word('nico') })],
    ['the end of the process', 'queued', (engine: Engine) => engine.stop()],
  ] as const)('%s cuts such a step off after the stop as it does without one', async (_what, state, how) => {
    const inside = latch()
    const cut = latch()
    const once = toyStep('once', {
      repeatable: false,
      timeoutMs: 600_000,
      run: ({ signal }) => {
        inside.open()
        signal.addEventListener('abort', cut.open)
        return new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason)))
      },
    })
    const engine = await start({ change: change([once]) })
    const job = await engine.jobs.submit(asked())
    await inside.opened
    const behind = await engine.jobs.submit(asked())
    await until(engine.jobs, behind, 'queued')
    await stop(engine.jobs)
    await revised(engine.jobs, behind, (r) => r.stopped !== undefined)
    await how(engine, job)
    await cut.opened
    await until(engine.jobs, job, state)
  })

  test('a step that does not look at its signal is not begun again after its safe point', async () => {
    const ran: string[] = []
    const inside = latch()
    const free = latch()
    const deaf = toyStep('deaf', {
      run: async ({ safePoint }) => {
        inside.open()
        await free.opened
        await safePoint()
        ran.push('deaf')
        return { kind: 'evidence', text: 'so' }
      },
    })
    const setting = {
      changes: { toy: change([deaf]) },
      limits: { lockMs: 1_000, stalledMs: 300, sweepMs: 600_000, graceMs: 60_000 },
    }
    const { jobs } = await start(setting)
    const job = await jobs.submit(asked())
    await inside.opened
    // neither told nor swept: the safe point itself asks
    await writeStop(store().redis, word('fran'), 1)
    free.open()
    expect(await until(jobs, job, 'queued', 'done')).toMatchObject({ state: 'queued', code: 'STOPPED' })
    expect(ran).toEqual([])
  })

  test('said twice, or told again after everything went on, it stops once and says by whom', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const said = { ...word('fran'), reason: 'smoke' }
    const first = await jobs.stopAll(said)
    expect(await jobs.stopAll({ ...word('amal') })).toMatchObject({
      ok: true,
      text: expect.stringContaining('already: fran stopped everything at'),
    })
    expect(await jobs.stopped()).toMatchObject({ by: 'fran', reason: 'smoke' })
    const lift = await jobs.submit(again())
    await until(jobs, lift, 'done')
    expect(await jobs.stopAll(said)).toEqual(first)
    expect(await jobs.stopped()).toBeUndefined()
    expect((await entries()).filter((what) => what === 'stop all')).toHaveLength(1)
    const { deeds } = await jobs.history({ fromMs: 0, person: 'fran' })
    expect(deeds).toMatchObject([{ job: '-', asker: 'fran', sentence: 'stop all' }])
    const nothing = await jobs.submit(again())
    expect(await until(jobs, nothing, 'refused')).toMatchObject({ code: 'STOPPED-NOT' })
  })
})
