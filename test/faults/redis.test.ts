import { expect, test } from 'vitest'
import { SluiceError } from '../../src/errors.ts'
import { asked, change, engineOn, history, tempStore, toyStep, until } from '../jobs/toy.ts'

test('kill -9 of Redis in the middle of a step: the job goes on when it is back, nothing twice, nothing lost', async () => {
  const { store, stop } = await tempStore()
  const ran: string[] = []
  const killing = toyStep('a', {
    done: async () => (ran.includes('a') ? { kind: 'evidence', text: 'a' } : undefined),
    run: async () => {
      ran.push('a')
      process.kill(Number(/process_id:(\d+)/.exec(await store.redis.info('server'))?.[1]), 'SIGKILL')
      return { kind: 'evidence', text: 'a' }
    },
  })
  const b = toyStep('b', { run: async () => ({ kind: 'evidence', text: String(ran.push('b')) }) })
  const engine = engineOn({ store, change: change([killing, b]) })
  await engine.start()
  const job = await engine.jobs.submit(asked())
  const watcher = store.blocking()
  await expect.poll(() => watcher.zscore('{sluice}:jobs-in:done', job), { timeout: 20_000 }).toBe(job)
  expect(ran).toEqual(['a', 'b'])
  expect(await until(engine.jobs, job, 'done')).toMatchObject({ steps: [{ mark: 'done' }, { mark: 'done' }] })
  expect(await history(store, job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
  await engine.stop()
  await stop()
})

test('trouble of the store inside a step that is over at once is no failure of the step: it is done again', async () => {
  const { store, stop } = await tempStore()
  let runs = 0
  const step = toyStep('a', {
    run: async () => {
      // what a line of the journal throws when no replica confirms it in time
      if (++runs === 1) throw new SluiceError('STORE-NOT-REPLICATED', 'writing the journal')
      return { kind: 'evidence', text: 'a' }
    },
  })
  const engine = engineOn({ store, change: change([step]) })
  await engine.start()
  const job = await engine.jobs.submit(asked())
  expect(await until(engine.jobs, job, 'done', 'failed')).toMatchObject({ state: 'done' })
  expect(runs).toBe(2)
  expect(await history(store, job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
  await engine.stop()
  await stop()
})
