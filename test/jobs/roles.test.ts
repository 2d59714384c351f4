import { expect, test } from 'vitest'
import { type Role, rolesOf } from '../../src/jobs/roles.ts'
import { pushOut } from '../../src/store/messages.ts'
import { engines } from './engines.ts'
import { asked, change, counted, until } from './toy.ts'

const { start, store } = engines()
const only = (...roles: Role[]) => ({ roles: new Set(roles) })

test('words that are no role are named', () => {
  expect(rolesOf('chat')).toEqual(new Set(['chat']))
  expect(rolesOf(' worker , chat')).toEqual(new Set(['worker', 'chat']))
  expect(rolesOf('chat,scheduler, wrker')).toEqual({ unknown: ['scheduler', 'wrker'] })
  expect(rolesOf(' ,')).toEqual({ unknown: [] })
})

test('one that is only a worker runs jobs and says nothing, one that is only for chat says what there is and runs nothing', async () => {
  const { step, ran } = counted()
  const handled: string[] = []
  const note = (who: string) => ({
    inbox: async (key: string) => void handled.push(`${who} inbox ${key}`),
    outbox: async (key: string) => void handled.push(`${who} outbox ${key}`),
  })
  const chat = await start({ change: change([step]), ...only('chat'), processors: note('chat') })
  await pushOut(store(), 'place/slack:C1', { text: 'hello' })
  await chat.wake('outbox', 'place/slack:C1')
  const job = await chat.jobs.submit(asked())
  await store().redis.hincrby('{sluice}:due:inbox', 'ops', 1)
  await chat.wake('inbox', 'ops')
  const drained = async () => {
    while ((await store().redis.hlen('{sluice}:due:outbox')) + (await store().redis.hlen('{sluice}:due:inbox')) > 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await drained()
  expect((await chat.jobs.get(job))?.state).toBe('received')
  expect(handled).toContain('chat outbox place/slack:C1')
  const worker = await start({ change: change([step]), ...only('worker'), processors: note('worker') })
  await until(worker.jobs, job, 'done')
  expect(ran).toEqual(['a'])
  await worker.wake('outbox', 'place/slack:C2')
  await drained()
  expect(handled).toContain('chat outbox place/slack:C2')
  expect(handled.filter((what) => what.startsWith('worker'))).toEqual([])
  expect(handled).toContain(`chat outbox job/${job}`)
})

test('what one replica at a time says is left alone until this one may, and again when it may no more', async () => {
  const handled: string[] = []
  const isAlone = (key: string) => key.startsWith('place/matrix:')
  const outbox = (who: string) => ({
    isAlone,
    processors: { inbox: async () => {}, outbox: async (key: string) => void handled.push(`${who} ${key}`) },
  })
  const [a, b] = [await start(outbox('a')), await start(outbox('b'))]
  const settled = (key: string, wanted: boolean) =>
    expect
      .poll(async () => (await store().redis.hexists('{sluice}:due:outbox', key)) === 0, { timeout: 10_000 })
      .toBe(wanted)
  for (const key of ['place/matrix:!1', 'place/slack:C1']) await a.wake('outbox', key)
  await settled('place/slack:C1', true)
  await settled('place/matrix:!1', false)
  await b.alone(true)
  await settled('place/matrix:!1', true)
  await b.alone(false)
  await a.alone(true)
  await b.wake('outbox', 'place/matrix:!2')
  await settled('place/matrix:!2', true)
  expect(handled.filter((what) => what.includes('matrix'))).toEqual(['b place/matrix:!1', 'a place/matrix:!2'])
})
