import { describe, expect, test, vi } from 'vitest'
import { chatError } from '../../src/bot/chat-errors.ts'
import type { Health } from '../../src/bot/chat.ts'
import { startChat } from '../../src/bot/start.ts'
import { SluiceError } from '../../src/errors.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { asked, until as untilState } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'
import { type Paper, paperChat } from './paper-chat.ts'
import type { ToyBot, ToySetting } from './toy-bot.ts'
import { toyBots } from './toy-paper.ts'

const toys = toyBots()
let nowMs = 1_763_740_000_000
const AWAY: Health = {
  up: false,
  code: 'CHAT-UNREACHABLE',
  text: 'The homeserver does not answer.',
  next: 'Look at it.',
}
const REFUSED: Health = { up: false, code: 'CHAT-AUTH', text: 'The token was revoked.', next: 'Renew the token.' }

type Told = { readonly slack: Paper; readonly matrix: Paper; readonly lines: string[] }
async function bot(more: Partial<ToySetting> = {}, matrix = paperChat('matrix')): Promise<Told & ToyBot> {
  const [slack, lines] = [paperChat('slack'), new Array<string>()]
  const note = (_about: object, text: string): void => void lines.push(text)
  // pino's methods take more forms than ours use
  const log = { ...silentLog, warn: note, error: note } as unknown as Log
  const made = await toys.bot([slack, matrix], {
    nowMs: () => nowMs,
    log,
    patienceMs: 0,
    ...more,
  })
  return { ...made, slack, matrix, lines }
}
const texts = ({ sheets }: Paper): readonly string[] => sheets.map(({ text }) => text)
const said = (paper: Paper, part: string) => until(part, 5_000, () => texts(paper).find((text) => text.includes(part)))
const settled = ({ engine }: ToyBot) =>
  until('nothing is left', 10_000, async () => ((await engine.idle()).idle ? true : undefined))

describe('trouble with a platform', () => {
  test('is said once on the other one and in the log, and once when it is over, with how long it took', async () => {
    const one = await bot()
    for (let i = 0; i < 3; i++) one.matrix.feel(AWAY)
    expect(await said(one.slack, 'Matrix')).toMatch(
      /Matrix: The homeserver does not answer\. \(CHAT-UNREACHABLE\) Look at it\./,
    )
    nowMs += 192_000
    for (let i = 0; i < 3; i++) one.matrix.feel({ up: true })
    expect(await said(one.slack, 'is back after')).toContain('Matrix is back after 3m12s.')
    await settled(one)
    expect(texts(one.slack)).toHaveLength(2)
    expect(texts(one.matrix)).toEqual([])
    expect(one.lines.filter((line) => line.includes('Matrix'))).toHaveLength(2)
  })

  test('is said once by two replicas, and not again by one that starts while it lasts', async () => {
    const [one, two] = [await bot(), await bot()]
    one.matrix.feel(AWAY)
    two.matrix.feel(AWAY)
    await until('it was said', 5_000, () => texts(one.slack).length + texts(two.slack).length > 0 || undefined)
    await settled(one)
    const refuses = async (): Promise<void> =>
      Promise.reject(chatError('CHAT-UNREACHABLE', 'starting', 'does not answer'))
    const third = await bot({}, { ...paperChat('matrix'), start: refuses })
    await settled(third)
    expect(
      [one, two, third].flatMap(({ slack }) => texts(slack)).filter((t) => t.includes('does not answer')),
    ).toHaveLength(1)
  })

  test('that passes at once is nobody’s business; a refused token is, and what to do is said', async () => {
    const one = await bot({ patienceMs: 60_000 })
    one.matrix.feel(AWAY)
    one.matrix.feel({ up: true })
    one.matrix.feel(REFUSED)
    expect(await said(one.slack, 'revoked')).toContain('Renew the token.')
    expect(texts(one.slack)).toHaveLength(1)
  })

  test('that turns out to be a refused token is said once more, and ends once', async () => {
    const one = await bot()
    one.matrix.feel(AWAY)
    await said(one.slack, 'does not answer')
    one.matrix.feel(REFUSED)
    await said(one.slack, 'revoked')
    one.matrix.feel({ up: true })
    await said(one.slack, 'is back after')
    await settled(one)
    expect(texts(one.slack)).toHaveLength(3)
  })

  test('with Redmine is said on all, and the notes are written when it is back', async () => {
    let down = true
    const notes: string[] = []
    const tickets = async (_id: string, { marker }: { readonly marker: string }): Promise<void> => {
      if (down) throw new SluiceError('REDMINE-UNREACHABLE', 'noting', { text: 'no answer' })
      notes.push(marker)
    }
    const one = await bot({ tickets })
    const job = await one.engine.jobs.submit(asked({ ticket: '7' }))
    await untilState(one.engine.jobs, job, 'done')
    await said(one.slack, 'Redmine: ')
    await said(one.matrix, 'Redmine: ')
    down = false
    await until('all notes', 10_000, () => notes.length === 4 || undefined)
    await said(one.slack, 'Redmine is back')
    await settled(one)
    expect(texts(one.slack).filter((text) => text.includes('Redmine'))).toHaveLength(2)
    expect(notes).toEqual(['plan', 'approval', 'start', 'result'].map((kind) => `sluice:${job}:${kind}`))
  })
})

test('a refused token is tried again each minute only', async () => {
  vi.useFakeTimers()
  const over = new AbortController()
  try {
    const [told, start] = [vi.fn<(health: Health) => void>(), vi.fn<() => Promise<void>>()]
    start.mockRejectedValue(chatError('CHAT-AUTH', 'starting slack', 'token_revoked'))
    await startChat({ ...paperChat('slack'), start }, async () => {}, told, over.signal)
    await vi.advanceTimersByTimeAsync(59_000)
    expect(start).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(122_000)
    expect(start).toHaveBeenCalledTimes(4)
    over.abort()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(start).toHaveBeenCalledTimes(4)
    expect(told.mock.calls.every(([health]) => !health.up && health.code === 'CHAT-AUTH')).toBe(true)
  } finally {
    vi.useRealTimers()
    over.abort()
  }
})

test('a platform that cannot be started is told and tried again, and keeps nobody waiting', async () => {
  const over = new AbortController()
  const told: Health[] = []
  let attempts = 0
  const chat = {
    ...paperChat('slack'),
    start: async () => {
      if (++attempts < 2) throw chatError('CHAT-UNREACHABLE', 'starting slack', 'refused')
    },
  }
  await startChat(
    chat,
    async () => {},
    (health) => void told.push(health),
    over.signal,
  )
  expect(told).toMatchObject([{ up: false, code: 'CHAT-UNREACHABLE' }])
  await until('the second attempt', 10_000, () => told.length === 2 || undefined)
  expect(told[1]).toEqual({ up: true })
  over.abort()
})
