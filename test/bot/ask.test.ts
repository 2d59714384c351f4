import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NOW, question, revision } from '../commands/jobs-by-hand.ts'
import { tempStore } from '../jobs/toy.ts'
import { type Heart, heart, MINUTE } from './heart.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
beforeEach(() => temp.store.redis.flushall())
afterAll(() => temp.stop())
const open = (): Heart => heart(temp.store)

test('a question shows the line with its caret, what it is about, the choices, and how to answer', async () => {
  const { say, said, sent } = open()
  await say('drain server53')
  expect(said()).toEqual([
    'drain server53\n      ^^^^^^^^\nserver53 is listed in c2 and c4. Which cluster? (PARSE-AMBIGUOUS)\n1. c2\n2. c4\nWithin 10m: answer with the number or the name, or react with the digit.',
  ])
  expect(sent[0]).toMatchObject({ message: { reactions: ['1️⃣', '2️⃣'] }, asked: { person: 'nico' } })
})

describe('a question is answered by its asker', () => {
  test.each(['2', 'c4', 'on c4', 'drain server53 on c4'])('in words: %s', async (word) => {
    const { say, asked } = open()
    await say('drain server53')
    await say(word)
    expect(asked).toMatchObject([{ command: 'drain', text: 'drain server53 on c4', args: { cluster: 'c4' } }])
  })
  test('by a reaction, by a button, once', async () => {
    const { say, react, press, asked, said, newest } = open()
    await say('drain server53')
    const first = newest()
    await react(first, '2️⃣')
    await press(first, 'say:drain server53 on c2')
    await say('1')
    expect(asked).toMatchObject([{ text: 'drain server53 on c4' }])
    expect(said()[1]).toContain('QUESTION-CLOSED')
  })
  test('in a thread under it without calling Sluice; talk in that thread is left alone', async () => {
    const { say, asked, said, newest } = open()
    await say('drain server53')
    const thread = newest()
    await say('hm let me have a look first', { thread, addressed: false })
    await say('c4', { thread, addressed: false, by: 'fran' })
    expect(said()).toHaveLength(1)
    await say('c4', { thread, addressed: false })
    expect(asked).toMatchObject([{ by: 'nico', text: 'drain server53 on c4' }])
  })
  test('and by nobody else: they are told whose it is, and it stays open', async () => {
    const { say, react, asked, said, newest } = open()
    await say('drain server53')
    const first = newest()
    await react(first, '2️⃣', { by: 'fran' })
    expect(said()[1]).toContain('This was asked of nico. (QUESTION-OTHERS)')
    expect(said()[1]).toContain('say `drain server53 on c4`')
    await say('2', { by: 'fran' })
    expect(said().at(-1)).toContain('I have asked you nothing that `2` answers.')
    expect(asked).toEqual([])
    await react(first, '2️⃣')
    expect(asked).toMatchObject([{ by: 'nico' }])
  })
})

describe('a question ends', () => {
  test.each(['say', 'react'] as const)(
    'after ten minutes; an answer by %s is told so, and offered again',
    async (how) => {
      const { say, react, asked, said, newest, clock } = open()
      await say('drain server53')
      clock.ms += 11 * MINUTE
      await (how === 'say' ? say('c4') : react(newest(), '2️⃣'))
      expect(asked).toEqual([])
      expect(said()[1]).toContain('(QUESTION-LATE)')
      expect(said()[1]).toContain('say `drain server53 on c4`')
      await say('yes')
      expect(asked).toMatchObject([{ text: 'drain server53 on c4' }])
    },
  )
  test('with a newer request of the same person, not with one of somebody else, and not with a vote', async () => {
    const { say, react, asked, said, newest } = open()
    await say('drain server53')
    const first = newest()
    await say('cordon server23 on p10', { by: 'fran' })
    await say('approve 17')
    await say('cordon server24 on p10')
    expect(asked).toHaveLength(2)
    await say('2')
    await react(first, '2️⃣')
    expect(asked).toHaveLength(2)
    expect(said().at(-1)).toContain('QUESTION-CLOSED')
  })
  test('with no: nothing is done', async () => {
    const { say, asked, said } = open()
    await say('drain server53')
    await say('no')
    expect(said()[1]).toContain('All right, nothing was done.')
    await say('2')
    expect(asked).toEqual([])
  })
  test('not with words that mean nothing: they are answered with the choices', async () => {
    const { say, asked, said } = open()
    await say('drain server53')
    await say('c9')
    expect(said()[1]).toContain('"c9" is none of these. (PARSE-AMBIGUOUS)\n1. c2\n2. c4')
    await say('2')
    expect(asked).toMatchObject([{ text: 'drain server53 on c4' }])
  })
})

describe('a missing part', () => {
  test.each([
    ['drain', 'server23 on p10', 'drain server23 on p10'],
    ['drain on p10', 'server23', 'drain server23 on p10'],
    ['cordon', 'cordon server24 on p10', 'cordon server24 on p10'],
  ])('%s: the reply %s is filled in', async (begun, reply, text) => {
    const { say, asked } = open()
    await say(begun)
    expect(asked).toEqual([])
    await say(reply)
    expect(asked).toMatchObject([{ text }])
  })
  test('a reply that is a command of its own is that command', async () => {
    const { say, asked, answered } = open()
    await say('drain')
    await say('list nodes p10')
    expect(answered).toMatchObject([{ command: 'list nodes' }])
    await say('server23 on p10')
    expect(asked).toEqual([])
  })
  test('and so is one that itself lacks a part', async () => {
    const { say, asked, said } = open()
    await say('uncordon')
    await say('list nodes')
    expect(said()[1]).toContain('Which cluster?')
    await say('p10')
    expect(asked).toEqual([])
  })
  test('what is still missing is asked next', async () => {
    const { say, asked, said } = open()
    await say('drain')
    await say('server53')
    expect(said()[1]).toContain('Which cluster?')
    await say('c4')
    expect(asked).toMatchObject([{ text: 'drain server53 on c4' }])
  })
})

describe('a vote without a number', () => {
  const waits = (job: string, room = 'ops') =>
    revision(job, { state: 'waiting', question, asked: { ...revision(job).asked, room } })
  test.each([
    ['✅', 'approve'],
    ['approve', 'approve'],
    ['❌', 'deny'],
  ])('%s is for the one open question of the room', async (text, command) => {
    const { say, answered, clock } = heart(temp.store, [waits('17'), waits('18', 'p10')])
    clock.ms = NOW
    await say(text, { by: 'fran' })
    expect(answered).toMatchObject([{ command, args: { job: '17' }, person: 'fran' }])
  })
  test('keeps its reason', async () => {
    const { say, answered, clock } = heart(temp.store, [waits('17')])
    clock.ms = NOW
    await say('deny because new disks arrive', { by: 'fran' })
    expect(answered).toMatchObject([{ command: 'deny', args: { job: '17', reason: 'new disks arrive' } }])
  })
  test('with several open it is asked which', async () => {
    const { say, react, answered, said, newest, clock } = heart(temp.store, [waits('17'), waits('18')])
    clock.ms = NOW
    await say('✅', { by: 'fran' })
    expect(answered).toEqual([])
    expect(said()[0]).toContain('18: pls drain server23 on p10, asked by nico (waiting)')
    await react(newest(), '2️⃣', { by: 'fran' })
    expect(answered).toMatchObject([{ command: 'approve', args: { job: '17' } }])
  })
  test('with none open it says so', async () => {
    const { say, said } = open()
    await say('✅')
    expect(said()[0]).toContain('Nothing in this room waits for an answer. (VOTE-CLOSED)')
  })
  test('sent before the question was asked, it is for an older one', async () => {
    const { say, answered, said, clock } = heart(temp.store, [waits('17')])
    clock.ms = question.askedAtMs + MINUTE
    await say('approve 17', { by: 'fran', agoMs: 2 * MINUTE })
    expect(answered).toEqual([])
    expect(said()[0]).toContain('VOTE-OLD')
    await say('approve 17', { by: 'fran' })
    expect(answered).toHaveLength(1)
  })
})
