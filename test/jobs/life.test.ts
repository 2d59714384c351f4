import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/jobs/deps.ts'
import { asked, change, engineOn, history, type Setting, tempStore, toyStep, until } from './toy.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
const engines: Engine[] = []
beforeAll(async () => {
  temp = await tempStore()
})
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop()
  await temp.store.redis.flushall()
})
afterAll(() => temp.stop())

const started = async (setting: Omit<Setting, 'store'>): Promise<Engine> => {
  const engine = engineOn({ store: temp.store, ...setting })
  engines.push(engine)
  await engine.start()
  return engine
}

describe('the life of a job', () => {
  test('where policy allows it runs at once, through every state, with its evidence', async () => {
    const ran: string[] = []
    const step = (id: string) =>
      toyStep(id, {
        run: async () => {
          ran.push(id)
          return { kind: 'evidence', text: `${id} is so` }
        },
      })
    const { jobs } = await started({ change: change([step('a'), step('b')]) })
    const job = await jobs.submit(asked())
    expect(job).toBe('1')
    const end = await until(jobs, job, 'done', 'failed', 'refused')
    expect(end).toMatchObject({
      state: 'done',
      steps: [
        { id: 'a', mark: 'done', note: 'a is so' },
        { id: 'b', mark: 'done' },
      ],
    })
    expect(ran).toEqual(['a', 'b'])
    expect(await history(jobs, job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
    expect(await jobs.holders()).toEqual([])
  })
})
