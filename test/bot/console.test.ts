import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { consoleSays } from '../../src/bot/console-says.ts'
import type { Message } from '../../src/message.ts'
import { tempStore } from '../jobs/toy.ts'
import { chatContract } from './chat.contract.ts'
import { consoleWorld } from './console-world.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
afterAll(() => temp.stop())

// one room at a time: the contract's second worlds are made while the first one is idle
chatContract('console', () => consoleWorld(temp.store))

test('in text, new lines of a message that was not the last one say whose they are', async () => {
  await temp.store.redis.flushall()
  const output = new PassThrough()
  const rooms = () => [{ name: 'ops' }]
  const says = consoleSays({ store: temp.store, rooms, output, json: false, columns: 80, colours: false })
  const card = (job: number, state: string): Message => ({
    blocks: [
      { kind: 'heading', text: `#${job} drain` },
      { kind: 'text', text: state },
    ],
  })
  const place = { chat: 'console', id: 'ops' } as const
  const first = await says.post(place, card(1, 'queued'), { key: '1' })
  const second = await says.post(place, card(2, 'queued'), { key: '2' })
  await says.edit(second, card(2, 'running'), { key: '2b' })
  await says.edit(first, card(1, 'running'), { key: '1b' })
  await says.edit(first, card(1, 'done'), { key: '1c' })
  expect(String(output.read())).toBe('#1 drain\nqueued\n#2 drain\nqueued\nrunning\n#1 drain\nrunning\ndone\n')
})
