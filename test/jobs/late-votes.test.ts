import { expect, test } from 'vitest'
import { engines } from './engines.ts'
import { asked, change, needs, toyStep, until, word } from './toy.ts'

const { start } = engines()

test('a vote that is told only after it was taken back does not count', async () => {
  const { jobs } = await start({ change: change([toyStep('a')]), decide: () => needs() })
  const job = await jobs.submit(asked())
  await until(jobs, job, 'waiting')
  const [cast, back] = [word('fran'), word('fran')]
  expect(await jobs.vote({ job, choice: 'withdraw', ...back })).toMatchObject({ code: 'VOTE-CLOSED' })
  expect(await jobs.vote({ job, choice: 'approve', ...cast })).toMatchObject({ code: 'VOTE-OLD' })
  expect((await jobs.get(job))?.question?.votes).toEqual([])
  await jobs.vote({ job, choice: 'approve', ...word('fran') })
  expect(await until(jobs, job, 'done')).toMatchObject({ approvedBy: ['fran'] })
})
