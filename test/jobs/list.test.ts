import { expect, test } from 'vitest'
import type { Jobs } from '../../src/jobs/job.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { asked, change, needs, target, toyStep, until, word } from './toy.ts'

const { start, store } = engines()
const OLD = 20_000
const KEPT = 1_200

/** What the server handed out meanwhile, and how many records. */
async function cost(work: () => Promise<unknown>): Promise<{ readonly bytes: number; readonly records: number }> {
  const { redis } = store()
  const look = async () => {
    const text = await redis.info('stats')
    const calls = await redis.info('commandstats')
    return {
      bytes: Number(/total_net_output_bytes:(\d+)/.exec(text)?.[1]),
      records: Number(/cmdstat_hget:calls=(\d+)/.exec(calls)?.[1] ?? 0),
    }
  }
  const before = await look()
  await work()
  const after = await look()
  return { bytes: after.bytes - before.bytes, records: after.records - before.records }
}

/** A waiting job on c2 from long ago; then 20,000 that are done, all but the newest without a record, which nobody should ask for; then two of today. */
async function longHistory(): Promise<Jobs> {
  const { redis } = store()
  const { jobs } = await start({
    change: change([toyStep('a')], {
      resolve: (args) => Promise.resolve({ ...target(args), cluster: String(args['cluster']) }),
    }),
    decide: ({ args }) => needs(args['cluster'] === 'c2' ? 2 : 1),
  })
  await until(jobs, await jobs.submit(asked({ args: { cluster: 'c2' } })), 'waiting')
  const done = await jobs.submit(asked())
  await until(jobs, done, 'waiting')
  await jobs.vote({ job: done, choice: 'approve', ...word('fran') })
  await until(jobs, done, 'done')
  const record = (await redis.hget(keys.job(done), 'record')) ?? ''
  const line = redis.pipeline()
  for (let job = 3; job <= OLD; job++) {
    line.zadd(keys.jobsIn('done'), job, String(job))
    if (job > OLD - KEPT)
      line.hset(keys.job(String(job)), 'rev', 6, 'record', record.replace('"job":"2"', `"job":"${job}"`))
  }
  line.set(keys.jobCount, OLD)
  await line.exec()
  for (let i = 0; i < 2; i++) await until(jobs, await jobs.submit(asked()), 'waiting')
  return jobs
}

test('20,000 old jobs do not make a list longer to read, and none is missed', async () => {
  const jobs = await longHistory()
  const [newest, next] = [String(OLD + 2), String(OLD + 1)]
  const numbers = async (filter: Parameters<Jobs['list']>[0]) => (await jobs.list(filter)).map(({ job }) => job)
  expect(await numbers({ limit: 4 })).toEqual([newest, next, String(OLD), String(OLD - 1)])
  expect(await numbers({ states: ['waiting', 'running'] })).toEqual([newest, next, '1'])
  expect(await numbers({ states: ['waiting'], cluster: 'c2' })).toEqual(['1'])
  const many = await numbers({ limit: 130 })
  expect(many).toEqual(Array.from({ length: 130 }, (_, i) => String(OLD + 2 - i)))

  const { bytes, records: read } = await cost(() => jobs.list({ limit: 10 }))
  expect(read, 'as many as are shown').toBeLessThanOrEqual(15)
  expect(bytes, 'the numbers of all would be 200 kB').toBeLessThan(100_000)
  const { records } = await cost(() => numbers({ cluster: 'nowhere' }))
  expect(records, 'a cluster where nothing was done').toBeLessThanOrEqual(1_000 + 50)
})
