import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tempStore } from '../jobs/toy.ts'
import { type Heart, heart, MINUTE } from './heart.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
beforeEach(() => temp.store.redis.flushall())
afterAll(() => temp.stop())
const open = (chat?: 'console' | 'matrix'): Heart => heart(temp.store, [], chat)

describe('who speaks', () => {
  test('a stranger is told once, privately; an outsider with a reason of their own', async () => {
    const { say, sent, said } = open()
    await say('help', { by: 'mallory' })
    await say('help', { by: 'mallory' })
    await say('help', { by: 'nico', outsider: 'guest' })
    expect(sent.map((item) => item.kind)).toEqual(['private', 'private'])
    expect(said()[0]).toContain('PERSON-UNKNOWN')
    expect(said()[1]).toContain('PERSON-OUTSIDER')
  })
  test('the same event again tells the stranger under the same key', async () => {
    const { say, sent } = open()
    await say('help', { by: 'mallory', event: 'x' })
    await say('help', { by: 'mallory', event: 'x' })
    expect(new Set(sent.map((item) => item.key)).size).toBe(1)
  })
  test('a message of the bot that somebody removed is the outbox’s, whoever it was', async () => {
    const { remove, removed, sent } = open()
    await remove('card', true)
    await remove('question', true, true)
    await remove('a bridge’s own', false, true)
    expect(removed).toEqual(['card', 'question'])
    expect(sent).toEqual([])
  })
})

describe('more than a person’s share', () => {
  test('is told once in a minute, with when to try again; the next minute is free', async () => {
    const { say, said, asked, clock } = open()
    clock.ms += 20_000
    for (let i = 0; i < 6; i++) await say('cordon server23 on p10')
    expect(asked).toHaveLength(4)
    expect(said()).toHaveLength(1)
    expect(said()[0]).toContain('more than 4 requests in a minute')
    expect(said()[0]).toContain('Try again in 40s')
    clock.ms += MINUTE
    await say('cordon server23 on p10')
    expect(asked).toHaveLength(5)
  })
  test('counts when it was said: what waited while the bot was away is not too much', async () => {
    const { say, asked } = open()
    for (let i = 0; i < 6; i++) await say('cordon server23 on p10', { agoMs: (4 - i / 2) * MINUTE })
    expect(asked).toHaveLength(6)
  })
  test('votes and stopping are never too many', async () => {
    const { say, answered, said } = open()
    for (let i = 0; i < 6; i++) await say(i % 2 === 0 ? 'approve 17' : 'cancel 17')
    expect(answered).toHaveLength(6)
    expect(said()).toEqual([])
  })
  test('a console is not limited: every line of a script is taken', async () => {
    const { say, asked } = open('console')
    for (let i = 0; i < 6; i++) await say('cordon server23 on p10')
    expect(asked).toHaveLength(6)
  })
})

describe('what arrived while the bot was away', () => {
  const away = { agoMs: 6 * MINUTE }
  test('a change is offered, not done; one reaction takes it up, once', async () => {
    const { say, react, said, asked, newest } = open()
    await say('! drain server23 on p10', away)
    expect(asked).toEqual([])
    expect(said()[0]).toMatch(/You said `drain server23 on p10` at \d\d:\d\d CET, while I was away.*\(OFFER-OLD\)/)
    const offer = newest()
    await react(offer, '1️⃣')
    expect(asked).toMatchObject([{ command: 'drain', text: 'drain server23 on p10' }])
    await react(offer, '1️⃣')
    expect(asked).toHaveLength(1)
    expect(said().at(-1)).toContain('QUESTION-CLOSED')
  })
  test.each(['yes', 'ja', '1', 'drain server23 on p10'])('an offer is taken up by the word %s', async (word) => {
    const { say, asked } = open()
    await say('drain server23 on p10', away)
    await say(word)
    expect(asked).toMatchObject([{ command: 'drain', text: 'drain server23 on p10' }])
  })
  test('an offer is taken up by its button, also an hour later', async () => {
    const { say, press, asked, newest, clock } = open()
    await say('drain server23 on p10', away)
    clock.ms += 60 * MINUTE
    await press(newest(), 'say:drain server23 on p10')
    expect(asked).toHaveLength(1)
  })
  test.each(['yes', '2'])('of several offers %s asks which; each keeps its own reaction', async (word) => {
    const { say, react, asked, said, sent } = open()
    await say('drain server23 on p10', away)
    await say('drain server24 on p10', away)
    await say(word)
    expect(asked).toEqual([])
    expect(said().at(-1)).toContain('1. drain server23 on p10\n2. drain server24 on p10')
    await react(sent[0]?.key ?? '', '1️⃣')
    expect(asked).toMatchObject([{ text: 'drain server23 on p10' }])
  })
  test('what only asks is answered; hours later it is told to be asked again, in one line for all of it', async () => {
    const { say, said, answered } = open()
    await say('list nodes p10', away)
    expect(answered).toHaveLength(1)
    answered.length = 0
    const hours = { agoMs: 61 * MINUTE }
    await say('! list nodes p10', hours)
    await say('list clusters', hours)
    await say('what is this', hours)
    expect(answered).toEqual([])
    expect(said()).toHaveLength(1)
    expect(said()[0]).toMatch(/You asked `list nodes p10` at \d\d:\d\d CET, while I was away/)
  })
  test('a vote still counts, and so does stopping; what would start something is offered', async () => {
    const { say, answered, said } = open()
    await say('approve 17', { by: 'fran', ...away })
    await say('cancel 17', away)
    expect(answered.map((q) => q.command)).toEqual(['approve', 'cancel'])
    await say('retry 17', away)
    expect(answered).toHaveLength(2)
    expect(said()[0]).toContain('`retry 17`')
  })
})
