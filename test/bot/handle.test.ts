import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Incoming } from '../../src/bot/chat.ts'
import { type HandleDeps, makeHandle } from '../../src/bot/handle.ts'
import type { OutItem } from '../../src/bot/outbox.ts'
import type { Asked } from '../../src/jobs/job.ts'
import { plain } from '../../src/message.ts'
import { understand } from '../commands/understood.ts'
import { engineOn, person, tempStore } from '../jobs/toy.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
beforeEach(() => temp.store.redis.flushall())
afterAll(() => temp.stop())

/** The heart with the real grammar and a real store; what it sends and submits is kept. */
function heart(): {
  readonly hear: (text: string) => Promise<void>
  readonly sent: OutItem[]
  readonly asked: Asked[]
} {
  const [sent, asked]: [OutItem[], Asked[]] = [[], []]
  const { jobs } = engineOn({ store: temp.store })
  const deps: HandleDeps = {
    store: temp.store,
    jobs: { ...jobs, submit: async (request) => String(asked.push(request)) },
    people: () => [person('nico')],
    rooms: () => [{ name: 'ops', clusters: [] }],
    understand: (text, { pending }) => understand(text, pending === undefined ? {} : { pending }),
    answer: async () => {},
    send: async (item) => void sent.push(item),
    removed: async () => {},
    nowMs: () => 1_000,
    limits: { requestsPerMinute: 2, oldCommandMs: 300_000 },
  }
  let events = 0
  const handle = makeHandle(deps)
  const hear = (text: string): Promise<void> => {
    const event = `e${++events}`
    const about = { event, place: { chat: 'console', id: 'ops' }, user: 'nico', bot: false, sentAtMs: 900 } as const
    const heard: Incoming = { ...about, kind: 'text', text, message: event, addressed: true, direct: false }
    return handle(heard, 'ops')
  }
  return { hear, sent, asked }
}

test('a number that answers a question becomes the sentence it stood for', async () => {
  const { hear, asked } = heart()
  await hear('drain server53')
  expect(asked).toEqual([])
  await hear('2')
  expect(asked).toMatchObject([{ command: 'drain', text: 'drain server53 on c4', args: { cluster: 'c4' } }])
})

test('a question shows the line with its caret, then what it is about, then the choices', async () => {
  const { hear, sent } = heart()
  await hear('drain server53')
  const [item] = sent
  expect(item?.kind !== 'say' ? '' : plain(item.message)).toBe(
    'drain server53\n      ^^^^^^^^\nserver53 is listed in c2 and c4. Which cluster? (PARSE-AMBIGUOUS)\n1. c2\n2. c4',
  )
})

test('a console is not limited: every line of a script is taken', async () => {
  const { hear, asked } = heart()
  for (let i = 0; i < 5; i++) await hear('cordon server23 on p10')
  expect(asked).toHaveLength(5)
})
