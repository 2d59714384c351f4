import { describe, expect, test } from 'vitest'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { openRecords } from '../../src/jobs/record.ts'
import { liftStop } from '../../src/jobs/stop.ts'
import type { Decision } from '../../src/policies/policy.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { again, startAgain, stop, world } from './stop-world.ts'
import { ALLOW, asked, change, needs, target, toyStep, until, word } from './toy.ts'

const { store, start } = engines()

describe('start again', () => {
  test('an approval to start again is for one stop: a later one stands', async () => {
    const w = world()
    const decide = ({ command }: { command: string }): Decision => (command === 'start again' ? needs() : ALLOW)
    const { jobs } = await start({ changes: w.changes, decide })
    await stop(jobs)
    const lift = await jobs.submit(again())
    await until(jobs, lift, 'waiting')
    await store().redis.del(keys.stopped)
    await stop(jobs, 'again')
    await jobs.vote({ job: lift, choice: 'approve', ...word('fran') })
    await until(jobs, lift, 'done', 'waiting', 'refused')
    expect(await jobs.stopped()).toMatchObject({ reason: 'again' })
  })

  test('lifted once more, as after a lost answer, it writes too: only a write is proof that a replica has the first', async () => {
    const { jobs } = await start({ changes: world().changes })
    const { redis } = store()
    await stop(jobs)
    const { id = '' } = (await jobs.stopped()) ?? {}
    await redis.set('{sluice}:fence', 'me')
    const lift = () => liftStop(redis, { id, by: 'fran', job: '1', atMs: 1 }, { key: '{sluice}:fence', token: 'me' })
    expect(await lift()).toBe('ok')
    const before = await redis.get(keys.confirmed)
    expect(await lift()).toBe('gone')
    expect(await redis.get(keys.confirmed)).not.toBe(before)
  })

  test('what goes on looks at plan and policy again: a policy that says no by now ends it', async () => {
    const w = world()
    let allowed = true
    const decide = ({ command }: { command: string }): Decision =>
      allowed || command === 'start again' ? ALLOW : { kind: 'deny', code: 'QUORUM', reason: 'no quorum', rules: [] }
    const { jobs } = await start({ changes: w.changes, decide })
    const job = await jobs.submit(asked())
    await w.inside
    await stop(jobs)
    await until(jobs, job, 'queued')
    w.free()
    allowed = false
    await until(jobs, await jobs.submit(again()), 'done')
    // it had begun: a gate asks what to do
    expect(await until(jobs, job, 'waiting', 'refused', 'done')).toMatchObject({ state: 'waiting', code: 'QUORUM' })
    expect(w.ran).toEqual([])
  })

  test('a worker that comes late with an old release does not run what was released anew', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const { redis } = store()
    const records = openRecords({ redis, clock: { now: () => 1 }, policy: () => '', after: () => {} })
    const job = await jobs.submit(asked())
    await w.inside
    const old = await records.release(job)
    await stop(jobs)
    await until(jobs, job, 'queued')
    w.free()
    await until(jobs, await jobs.submit(again()), 'done')
    await until(jobs, job, 'done')
    expect(await records.release(job)).not.toBe(old)
    await redis.set('{sluice}:fence', 'me')
    const late = { key: '{sluice}:fence', token: 'me', release: old ?? '' }
    await expect(records.commit(job, (now) => ({ record: now }), late)).rejects.toMatchObject({ code: 'JOB-LOST' })
  })

  test('two replicas and many jobs, stopped and started over and over: each effect once', async () => {
    const ran: string[] = []
    const many = change([], {
      resolve: (args) => Promise.resolve(target(args)),
      locks: (t) => [`cluster/${String(t.args['name'])}`],
      steps: (t) =>
        ['x', 'y', 'z'].map((id) => {
          const name = `${String(t.args['name'])}${id}`
          return toyStep(name, {
            done: () => Promise.resolve(ran.includes(name) ? { kind: 'evidence', text: name } : undefined),
            run: async ({ safePoint }) => {
              await safePoint()
              ran.push(name)
              return { kind: 'evidence', text: name }
            },
          })
        }),
    })
    const changes = { toy: many, 'start again': startAgain }
    const one = await start({ changes })
    const two = await start({ changes })
    const jobs: string[] = []
    for (let i = 0; i < 12; i++) jobs.push(await one.jobs.submit(asked({ args: { cluster: 'p10', name: `c${i}` } })))
    for (let round = 0; round < 4; round++) {
      await stop(two.jobs)
      await until(one.jobs, await one.jobs.submit(again()), 'done', 'refused')
    }
    for (const job of jobs) await until(one.jobs, job, 'done')
    expect(ran.toSorted()).toEqual([...new Set(ran)].toSorted())
    expect(ran).toHaveLength(36)
    expect(await verifyAudit(store().redis)).toMatchObject({ ok: true })
  })
})
