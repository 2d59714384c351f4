import { describe, expect, test } from 'vitest'
import { limited } from '../../src/bot/chat-errors.ts'
import { sendLimited } from '../../src/store/budget.ts'
import { peekOut, popOut, pushOut } from '../../src/store/messages.ts'
import { asked, latch, needs, until as untilState } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'
import { paperChat } from './paper-chat.ts'
import { away, idle, matrix, running, sheet, slack, slowToy, toyBots } from './toy-paper.ts'

const { store, bot } = toyBots()

describe('the newest revision wins', () => {
  test('an older one is never sent after it, and what came between is skipped', async () => {
    const [paper, toy, hold] = [slack(), slowToy(), latch()]
    const made = await bot([paper], { change: toy.change })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    await running(paper)
    paper.hold = () => hold.opened
    for (let done = 1; done <= 5; done++) {
      const before = (await engine.jobs.get(job))?.revision ?? 0
      toy.progress(done)
      await until(
        'the next revision',
        5_000,
        async () => ((await engine.jobs.get(job))?.revision ?? 0) > before || undefined,
      )
    }
    toy.end.open()
    await untilState(engine.jobs, job, 'done')
    hold.open()
    await idle(made)
    const shown = paper.sheets.map(({ text }) => Number(/pod (\d)/.exec(text)?.[1] ?? 0)).filter((n) => n > 0)
    expect(shown.length).toBeLessThanOrEqual(1)
    const cards = paper.sheets.filter(({ text }) => text.includes('asked by'))
    expect(cards.at(-1)?.text).toContain('done in')
    expect(cards.filter(({ kind }) => kind === 'post')).toHaveLength(1)
  })

  test('a worker that was frozen before its edit does not send it once a newer one was begun', async () => {
    const [paper, toy] = [paperChat('slack', { edit: { burst: 100, everyMs: 1 } }), slowToy()]
    const made = await bot([paper], { change: toy.change })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    await running(paper)
    const { redis } = store()
    await redis.del('{sluice}:bucket:slack:edit')
    await redis.hset(`{sluice}:drawn:${job}`, 'aim slack:C1', 1_000)
    const before = paper.sheets.length
    toy.progress(3)
    await until('it was about to edit', 5_000, async () =>
      (await redis.exists('{sluice}:bucket:slack:edit')) === 1 ? true : undefined,
    )
    expect(paper.sheets).toHaveLength(before)
    await redis.hdel(`{sluice}:drawn:${job}`, 'aim slack:C1')
    toy.end.open()
    await idle(made)
    expect(paper.sheets.at(-1)?.text).toContain('done')
  })
})

describe('when the platform takes less than there is to say', () => {
  test('a job that is over before its card was posted is one message, to the asker', async () => {
    const paper = paperChat('matrix', { all: { burst: 1, everyMs: 250 } })
    const made = await bot([paper])
    const { engine } = made
    const jobs = await Promise.all(Array.from({ length: 8 }, () => engine.jobs.submit(asked())))
    for (const job of jobs)
      await sheet(
        paper,
        `the end of ${job}`,
        ({ text, mention }) => text.includes(`#${job} `) && text.includes('done') && mention.length > 0,
      )
    await idle(made)
    const posts = paper.sheets.filter(({ kind }) => kind === 'post')
    const early = posts.filter(({ mention }) => mention.length === 0).length
    expect(early, 'cards before the end').toBeLessThan(8)
    expect(paper.sheets.length).toBeLessThanOrEqual(8 + 2 * early)
    expect(posts.filter(({ mention }) => mention.includes('nico'))).toHaveLength(8)
  })

  test('ends go before answers, answers before cards; hints that nobody asked to keep are dropped', async () => {
    const rate = { burst: 1, everyMs: 300 }
    const paper = paperChat('matrix', { all: rate })
    const toy = slowToy()
    const made = await bot([paper], { change: toy.change })
    const { engine, mouth } = made
    const place = { chat: 'matrix', id: '!r' } as const
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    await running(paper)
    await sendLimited(store(), [{ name: 'matrix:all', rate }], 600_000)
    await mouth.send({ kind: 'react', key: 'r1', place, message: 'm', name: '👀' })
    await mouth.send({ kind: 'react', key: 'r2', place, message: 'm', name: '✅', keep: true })
    await mouth.send({ kind: 'say', key: 's1', place, message: { blocks: [{ kind: 'text', text: 'an answer' }] } })
    toy.end.open()
    await untilState(engine.jobs, job, 'done')
    const inLine = async () => (await store().redis.hvals('{sluice}:bucket-line:matrix:all')).map((v) => v[0])
    await until('all stand in line', 15_000, async () => {
      const ranks = await inLine()
      return ['0', '1', '3'].every((rank) => ranks.includes(rank)) || undefined
    })
    const before = paper.sheets.length
    await store().redis.hset('{sluice}:bucket:matrix:all', { pause: 0, tat: 0 })
    await idle(made)
    const later = paper.sheets.slice(before)
    expect(
      later.map(({ kind, text }) =>
        kind === 'react'
          ? text
          : text.includes('asked by')
            ? 'card'
            : kind === 'post' && text.includes('done')
              ? 'end'
              : 'answer',
      ),
    ).toEqual(['end', 'answer', 'card', '✅'])
    expect(paper.sheets.some(({ text }) => text === '👀')).toBe(false)
  })

  test('after it asked to wait, nothing is sent before that has passed, by any replica', async () => {
    const paper = matrix()
    const calledAt: number[] = []
    paper.fail = () => {
      calledAt.push(Date.now())
      return calledAt.length > 1 ? undefined : limited('sending', 1_500)
    }
    const [one] = [await bot([paper]), await bot([paper])]
    const first = await one.engine.jobs.submit(asked())
    const noted = () => store().redis.hget('{sluice}:bucket:matrix:all', 'pause')
    const closedUntil = Number(await until('the wish was noted', 5_000, async () => (await noted()) ?? undefined))
    const jobs = [first, ...(await Promise.all([1, 2, 3].map(() => one.engine.jobs.submit(asked()))))]
    for (const job of jobs)
      await sheet(paper, `the end of ${job}`, ({ text }) => text.includes(`#${job} `) && text.includes('done'))
    const [, ...later] = calledAt
    expect(Math.min(...later)).toBeGreaterThanOrEqual(closedUntil)
  })

  test('a state that nobody was told while it waited is told in its newest form only', async () => {
    const paper = matrix()
    paper.fail = () => limited('sending', 300)
    const made = await bot([paper], { decide: () => needs(1) })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await untilState(engine.jobs, job, 'waiting')
    await until('it was tried', 5_000, () => paper.calls() > 0 || undefined)
    await engine.jobs.vote({ job, choice: 'deny', person: 'fran', event: 'no', atMs: Date.now() })
    await untilState(engine.jobs, job, 'refused')
    paper.fail = undefined
    await idle(made)
    expect(paper.sheets.map(({ kind, text, mention }) => [kind, text.includes('refused'), mention])).toEqual([
      ['post', true, ['nico']],
    ])
  })
})

describe('several messages into one place', () => {
  const place = { chat: 'matrix', id: '!r' } as const
  const answer = (key: string) =>
    ({ kind: 'say', key, to: key[0]!, place, message: { blocks: [{ kind: 'text', text: key }] } }) as const
  const queued = () => peekOut<{ key: string }>(store(), 'place/matrix:!r', 9)

  test('go together where the platform takes them so, but what answers one person stays in order', async () => {
    const paper = paperChat('matrix', {}, 8)
    const made = await bot([paper])
    const gate = latch()
    const held: string[] = []
    paper.hold = async (_kind, key) => {
      held.push(key)
      await gate.opened
    }
    for (const key of ['a1', 'b', 'a2']) await pushOut(store(), 'place/matrix:!r', answer(key))
    await made.mouth.send(answer('c'))
    await until('what may overtake is under way', 15_000, () => held.length === 2 || undefined)
    expect(held).toEqual(['a1', 'b'])
    gate.open()
    await idle(made)
    expect(held).toEqual(['a1', 'b', 'a2', 'c'])
    expect(await queued()).toEqual([])
  })

  test('one that is refused waits alone, the others are not sent a second time', async () => {
    const paper = paperChat('matrix', {}, 8)
    const made = await bot([paper])
    const called: string[] = []
    paper.hold = async (_kind, key) => void called.push(key)
    paper.fail = (_kind, key) => (key === 'b' && called.filter((k) => k === 'b').length < 3 ? away() : undefined)
    for (const key of ['a', 'b']) await pushOut(store(), 'place/matrix:!r', answer(key))
    await made.mouth.send(answer('c'))
    await idle(made)
    expect(called.toSorted()).toEqual(['a', 'b', 'b', 'b', 'c'])
    expect(paper.sheets.map(({ key }) => key).toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('go one by one elsewhere', async () => {
    const paper = matrix()
    const made = await bot([paper])
    let [under, most] = [0, 0]
    paper.hold = async () => {
      most = Math.max(most, ++under)
      await new Promise(setImmediate)
      under -= 1
    }
    await Promise.all(['a', 'b', 'c'].map((key) => made.mouth.send(answer(key))))
    await idle(made)
    expect([most, paper.sheets.map(({ key }) => key)]).toEqual([1, ['a', 'b', 'c']])
  })
})

test('a worker that was too late takes no item off a list that it did not send', async () => {
  await pushOut(store(), 'place/slack:C1', { key: 'one' })
  await pushOut(store(), 'place/slack:C1', { key: 'two' })
  await popOut(store(), 'place/slack:C1', { key: 'one' })
  await popOut(store(), 'place/slack:C1', { key: 'one' })
  expect(await peekOut(store(), 'place/slack:C1', 9)).toEqual([{ key: 'two' }])
})
