import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { chatError } from '../../src/bot/chat-errors.ts'
import type { Incoming } from '../../src/bot/chat.ts'
import type { StepContext } from '../../src/steps/step.ts'
import type { Store } from '../../src/store/store.ts'
import { change, latch, tempStore, toyStep } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'
import { type Paper, paperChat, type Sheet } from './paper-chat.ts'
import { startToyBot, type ToyBot, type ToySetting } from './toy-bot.ts'

const people = {
  nico: { slack: 'U1', matrix: '@nico:x' },
  fran: { slack: 'U2', matrix: '@fran:x' },
  amal: { slack: 'U3' },
}

/** For a test file: a store, emptied before each test, and toy bots on platforms of paper that are stopped after it. */
export function toyBots(): {
  readonly store: () => Store
  readonly bot: (chats: readonly Paper[], more?: Partial<ToySetting>) => Promise<ToyBot>
} {
  let temp: Awaited<ReturnType<typeof tempStore>>
  const bots: ToyBot[] = []
  beforeAll(async () => {
    temp = await tempStore()
  })
  beforeEach(() => temp.store.redis.flushall())
  afterEach(async () => {
    for (const bot of bots.splice(0)) await bot.stop()
  })
  afterAll(() => temp.stop())
  return {
    store: () => temp.store,
    bot: async (chats, more = {}) => {
      const room = { slack: 'C1', matrix: '!r' }
      const made = await startToyBot({ store: temp.store, chats, room, people, ...more })
      bots.push(made)
      return made
    },
  }
}

export const slack = () => paperChat('slack')
export const matrix = () => paperChat('matrix')
export const idle = ({ engine }: ToyBot) =>
  until('nothing is left to do', 20_000, async () => ((await engine.idle()).idle ? true : undefined))
export const sheet = (paper: Paper, what: string, which: (sheet: Sheet) => boolean): Promise<Sheet> =>
  until(what, 15_000, () => paper.sheets.find(which))
/** Its card, as soon as it says that the job is running. */
export const running = (paper: Paper) => sheet(paper, 'its card', ({ text }) => text.includes('running'))

let events = 0
export const by = (user: string) =>
  ({ event: `x${++events}`, place: { chat: 'slack', id: 'C1' }, user, bot: false, sentAtMs: Date.now() }) as const
export const removal = (message: string): Incoming => ({ ...by('U9'), kind: 'delete', message, own: true })
export const vote = (user: string, on: string): Incoming => ({
  ...by(user),
  kind: 'reaction',
  name: '✅',
  on,
  added: true,
})
export const away = () => chatError('CHAT-UNREACHABLE', 'sending', 'away')

/** A job whose progress and end a test sets. */
export function slowToy() {
  const end = latch()
  const begun = latch()
  let context: StepContext | undefined
  const step = toyStep('a', {
    run: async (ctx) => {
      context = ctx
      begun.open()
      await end.opened
      return { kind: 'evidence', text: 'a ran' }
    },
  })
  const progress = (done: number): void => context?.report({ done, of: 9, waiting: [], text: `pod ${done}` })
  return { change: change([step]), end, begun, progress }
}
