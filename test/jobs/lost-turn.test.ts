import { expect, test } from 'vitest'
import { engines } from './engines.ts'
import { ALLOW, asked, change, latch, toyStep, until } from './toy.ts'

const { start } = engines()

test('a worker that loses its turn while it plans refuses nothing: the next one plans', async () => {
  const [reading, lost] = [latch(), latch()]
  let turns = 0
  const { jobs } = await start({
    change: change([toyStep('nudge')], { facts: () => ['identity'] }),
    decide: ({ facts }) =>
      facts['identity']?.ok === true
        ? ALLOW
        : { kind: 'deny', code: 'POLICY-FACT', reason: 'it cannot be read', rules: [] },
    readFacts: async (_names, _subject, signal) => {
      turns += 1
      if (turns > 1) return { identity: { ok: true, value: { uid: 'uid-p10' } } }
      reading.open()
      signal.addEventListener('abort', () => lost.open(), { once: true })
      await lost.opened
      return { identity: { ok: false, why: 'lock lost' } }
    },
    limits: { lockMs: 200, stalledMs: 50, sweepMs: 100 },
  })
  const job = await jobs.submit(asked())
  await reading.opened
  // nobody can renew a lock while the process is held up for longer than it lasts
  const end = performance.now() + 500
  while (performance.now() < end);
  const revision = await until(jobs, job, 'done', 'refused')
  expect(revision.state).toBe('done')
  expect(turns).toBeGreaterThan(1)
})
