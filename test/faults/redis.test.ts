import { expect, test } from 'vitest'
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
