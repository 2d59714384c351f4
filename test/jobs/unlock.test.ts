import { describe, expect, test } from 'vitest'
import { startAgain } from '../../src/commands/start-again.ts'
import { unlock } from '../../src/commands/unlock.ts'
import { verifyAudit } from '../../src/jobs/audit.ts'
import type { Change, Jobs } from '../../src/jobs/job.ts'
import { itselfOf } from '../../src/jobs/itself.ts'
import { openRecords } from '../../src/jobs/record.ts'
import type { Decision } from '../../src/policies/policy.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { ALLOW, asked, change, cluster, latch, needs, revised, toyStep, until, word } from './toy.ts'

const { store, start } = engines()

/** `hang` is cut off and nobody knows whether it took place; `toy` runs until it may end. */
function world() {
  const inside = latch()
  const free = latch()
  const ran: string[] = []
  const hang = toyStep('hang', {
    repeatable: false,
    timeoutMs: 50,
    run: ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(new Error('aborted')))),
  })
  const hold = toyStep('hold', {
    run: async ({ job }) => {
      inside.open()
      await free.opened
      ran.push(job.id)
      return { kind: 'evidence', text: 'so' }
    },
  })
  const set = () => ['cluster/p10', 'node/p10/server23.place10']
  // commands' arguments are erased in the list of all commands
  const changes: Record<string, Change> = {
    hang: change([hang], { locks: set }),
    toy: change([hold], { locks: set }),
    unlock,
    'start again': startAgain,
  }
  return { changes, inside: inside.opened, free: free.open, ran }
}

const taking = (args: object) =>
  asked({ command: 'unlock', args: { reason: 'looked by hand', ...args }, text: 'unlock', by: 'fran' })
const hung = async (jobs: Jobs): Promise<string> => {
  const job = await jobs.submit(asked({ command: 'hang' }))
  await until(jobs, job, 'needs-human')
  return job
}

describe('unlock', () => {
  test('takes the whole set from a job that needs a human, lets in who waits, and both cards and the audit say so', async () => {
    const w = world()
    const decide = ({ command }: { command: string }): Decision => (command === 'unlock' ? needs() : ALLOW)
    // an unlock needs no cluster: it may be the very reason. Whoever waits begins as soon as the locks are free, and needs his
    const away = { now: false }
    const toyCluster = (_name: string, person: string) =>
      away.now && person === 'fran' ? Promise.reject(new Error('away')) : Promise.resolve(cluster())
    const { jobs } = await start({ changes: w.changes, decide, cluster: toyCluster })
    const stuck = await hung(jobs)
    const next = await jobs.submit(asked())
    await until(jobs, next, 'queued')
    const taker = await jobs.submit(taking({ cluster: 'p10' }))
    const question = await until(jobs, taker, 'waiting', 'refused')
    expect(question).toMatchObject({
      state: 'waiting',
      plan: {
        target: { sentence: `unlock p10, held by job ${stuck}` },
        findings: [
          { verdict: 'warn', object: 'cluster/p10, node/p10/server23.place10', detail: `then job ${next} may begin` },
        ],
      },
    })
    expect((await jobs.get(stuck))?.unlocked).toBeUndefined()
    away.now = true
    await jobs.vote({ job: taker, choice: 'approve', ...word('nico') })
    const taken = await until(jobs, taker, 'done', 'failed')
    expect(taken).toMatchObject({
      state: 'done',
      result: { details: [expect.stringContaining(`taken from job ${stuck}: cluster/p10, node`)] },
    })
    await until(jobs, next, 'running')
    expect(await jobs.get(stuck)).toMatchObject({
      state: 'needs-human',
      unlocked: { by: 'fran', job: taker, reason: 'looked by hand' },
    })
    const log = (await store().redis.xrange(keys.audit, '-', '+')).map(([, [, entry = '']]) => JSON.parse(entry))
    expect(log.filter(({ what }) => what === 'unlocked')).toMatchObject([
      { job: stuck, by: 'fran', words: { by: 'fran' } },
    ])
    expect(JSON.stringify(log)).not.toContain('looked by hand')
    expect(await verifyAudit(store().redis)).toMatchObject({ ok: true })
    w.free()
    await until(jobs, next, 'done')
  })

  test('a job whose locks were taken stands in line for them when it is taken up again', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const stuck = await hung(jobs)
    const next = await jobs.submit(asked())
    await until(jobs, await jobs.submit(taking({ node: 'server23', cluster: 'p10' })), 'done')
    await until(jobs, next, 'running')
    expect(await jobs.resume({ job: stuck, ...word('nico') })).toMatchObject({ ok: true })
    await revised(jobs, stuck, (r) => r.behind === next)
    w.free()
    await until(jobs, next, 'done')
    await until(jobs, stuck, 'needs-human')
    expect((await jobs.get(stuck))?.unlocked).toBeUndefined()
    expect(await jobs.holders()).toMatchObject([{ holder: { job: stuck } }, { holder: { job: stuck } }])
  })

  test('never from a job that works, waits or was halted: it says what to do', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const running = await jobs.submit(asked())
    await w.inside
    const no = await until(jobs, await jobs.submit(taking({ cluster: 'p10' })), 'refused', 'done')
    expect(no).toMatchObject({
      state: 'refused',
      code: 'LOCK-BUSY',
      result: { next: expect.stringContaining(`cancel ${running}`) },
    })
    await jobs.stopAll(word('amal'))
    // the toy does not look at its signal: left behind after its grace
    await until(jobs, running, 'queued')
    expect(await until(jobs, await jobs.submit(taking({ job: running })), 'refused', 'done')).toMatchObject({
      code: 'LOCK-BUSY',
    })
    expect(await jobs.holders()).toMatchObject([{ holder: { job: running } }, { holder: { job: running } }])
    const nobody = await until(jobs, await jobs.submit(taking({ cluster: 'c2' })), 'refused')
    expect(nobody).toMatchObject({ code: 'LOCK-FREE' })
    w.free()
  })

  test('a job that was taken up again while the approval was on its way keeps its locks', async () => {
    const w = world()
    const decide = ({ command }: { command: string }): Decision => (command === 'unlock' ? needs() : ALLOW)
    const { jobs } = await start({ changes: w.changes, decide })
    const stuck = await hung(jobs)
    const taker = await jobs.submit(taking({ job: stuck }))
    await until(jobs, taker, 'waiting')
    await store().redis.hset(keys.job(stuck), 'record', await stateOf(stuck, 'running'))
    await jobs.vote({ job: taker, choice: 'approve', ...word('nico') })
    const asks = await revised(jobs, taker, (r) => r.question?.id === `${taker}.2` || r.state === 'done')
    expect(asks).toMatchObject({ state: 'waiting', code: 'LOCK-BUSY' })
    expect(await store().redis.hget(keys.locksHeld, 'cluster/p10')).toBe(stuck)
  })

  test('what works is seen in the same write that takes the locks, and who has lost its own job takes none', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    const running = await jobs.submit(asked())
    await w.inside
    const { redis } = store()
    const clock = { now: () => 1 }
    const records = openRecords({ redis, clock, policy: () => '', after: () => {} })
    const mine = (await records.get(running)) ?? raise()
    await redis.set('{sluice}:fence', 'me')
    const taking = (token: string) =>
      itselfOf({ patient: redis, records, clock }, mine, { key: '{sluice}:fence', token })
    await expect(taking('me').unlock(running, 'x')).rejects.toMatchObject({ code: 'LOCK-BUSY' })
    w.free()
    await until(jobs, running, 'done')
    const stuck = await hung(jobs)
    await expect(taking('late').unlock(stuck, 'x')).rejects.toMatchObject({ code: 'JOB-LOST' })
    await expect(taking('late').startAgain('e')).rejects.toMatchObject({ code: 'JOB-LOST' })
    expect(await jobs.holders()).toMatchObject([{ holder: { job: stuck } }, { holder: { job: stuck } }])
    expect(await taking('me').unlock(stuck, 'x')).toEqual(['cluster/p10', 'node/p10/server23.place10'])
  })

  test('a lock whose job has ended, or of which there is no record any more, is taken like any other', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    w.free()
    const done = await jobs.submit(asked())
    await until(jobs, done, 'done')
    await store().redis.hset(keys.locksHeld, 'cluster/p10', done, 'cluster/c4', '999')
    const waits = await jobs.submit(asked())
    await until(jobs, waits, 'queued')
    await until(jobs, await jobs.submit(taking({ cluster: 'p10' })), 'done')
    await until(jobs, waits, 'done')
    await until(jobs, await jobs.submit(taking({ job: '999' })), 'done')
    expect(await jobs.holders()).toEqual([])
  })

  test('more than one job on a cluster: it asks whose', async () => {
    const w = world()
    const { jobs } = await start({ changes: w.changes })
    await hung(jobs)
    await store().redis.hset(keys.locksHeld, 'node/p10/server1', '998')
    const no = await until(jobs, await jobs.submit(taking({ cluster: 'p10' })), 'refused', 'done')
    expect(no).toMatchObject({
      code: 'PARSE-AMBIGUOUS',
      result: { details: [expect.stringContaining('job 1'), expect.stringContaining('job 998')] },
    })
  })
})

const raise = (): never => {
  throw new Error('there is no such job')
}
const stateOf = async (job: string, state: string): Promise<string> => {
  const record = JSON.parse((await store().redis.hget(keys.job(job), 'record')) ?? '')
  return JSON.stringify({ ...record, revision: { ...record.revision, state } })
}
