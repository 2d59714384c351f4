import { afterAll, afterEach, beforeAll } from 'vitest'
import type { Engine } from '../../src/jobs/deps.ts'
import type { Store } from '../../src/store/store.ts'
import { engineOn, type Setting, tempStore } from './toy.ts'

/** One real server per test file, emptied between tests; every engine started in a test is stopped after it. */
export function engines(): {
  readonly store: () => Store
  readonly start: (setting: Omit<Setting, 'store'>) => Promise<Engine>
} {
  let temp: Awaited<ReturnType<typeof tempStore>>
  const running: Engine[] = []
  beforeAll(async () => {
    temp = await tempStore()
  })
  afterEach(async () => {
    for (const engine of running.splice(0)) await engine.stop()
    await temp.store.redis.flushall()
  })
  afterAll(() => temp.stop())
  return {
    store: () => temp.store,
    start: async (setting) => {
      const engine = engineOn({ store: temp.store, ...setting })
      running.push(engine)
      await engine.start()
      return engine
    },
  }
}
