import { describe, expect, test } from 'vitest'
import { chatError } from '../../src/bot/chat-errors.ts'
import type { TicketSink } from '../../src/bot/send.ts'
import type { Decide } from '../../src/policies/policy.ts'
import { asked, latch, needs, until as untilState } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'
import type { Paper } from './paper-chat.ts'
import { away, by, idle, matrix, removal, running, sheet, slack, slowToy, toyBots, vote } from './toy-paper.ts'

const { bot, store } = toyBots()

describe('a message that somebody removed', () => {
  test('a card is posted again once, and goes on from there; removed once more it stays away', async () => {
    const [paper, toy] = [slack(), slowToy()]
    const made = await bot([paper], { change: toy.change })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    const first = await running(paper)
    await paper.tell(removal(first.id))
    const second = await sheet(paper, 'the card again', ({ kind, id }) => kind === 'post' && id !== first.id)
    expect(second.text).toContain('asked by')
    toy.progress(4)
    await sheet(
      paper,
      'an edit of the new card',
      ({ kind, id, text }) => kind === 'edit' && id === second.id && text.includes('pod 4'),
    )
    await paper.tell(removal(second.id))
    toy.end.open()
    await untilState(engine.jobs, job, 'done')
    await idle(made)
    const after = paper.sheets.slice(paper.sheets.findLastIndex(({ text }) => text.includes('pod 4')) + 1)
    expect(after.map(({ kind, text }) => [kind, text.includes('asked by')])).toEqual([['post', false]])
    expect(after[0]?.text).toContain('done')
  })

  test('that it is gone is also learnt from an edit', async () => {
    const [paper, toy] = [slack(), slowToy()]
    const made = await bot([paper], { change: toy.change })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    const first = await running(paper)
    paper.fail = (kind) => (kind === 'edit' ? chatError('CHAT-GONE', 'editing', 'gone') : undefined)
    toy.progress(1)
    const second = await sheet(paper, 'the card again', ({ kind, id }) => kind === 'post' && id !== first.id)
    paper.fail = undefined
    toy.end.open()
    await untilState(engine.jobs, job, 'done')
    await sheet(paper, 'the new card ends', ({ id, text }) => id === second.id && text.includes('done'))
  })

  test('an open question is asked again once; the votes it had count, one on what is gone does not', async () => {
    const paper = slack()
    const decide: Decide = () => needs(2)
    const made = await bot([paper], { decide })
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    const first = await sheet(
      paper,
      'the question',
      ({ kind, text }) => kind === 'post' && text.includes('may it start'),
    )
    await paper.tell(vote('U2', first.id))
    await until('her vote', 5_000, async () =>
      (await engine.jobs.get(job))?.question?.votes.length === 1 ? true : undefined,
    )
    await paper.tell(removal(first.id))
    const again = await sheet(
      paper,
      'the question again',
      ({ kind, id, text }) => kind === 'post' && id !== first.id && text.includes('may it start'),
    )
    expect(again.text).toContain('Votes: ✅ yes from fran')
    expect(again.mention).toEqual(first.mention)
    await paper.tell(vote('U3', again.id))
    await untilState(engine.jobs, job, 'done')
    await idle(made)
    expect(paper.sheets.filter(({ kind, text }) => kind === 'post' && text.includes('may it start'))).toHaveLength(2)
  })

  test('what is not a card or an open question is left removed', async () => {
    const paper = slack()
    const made = await bot([paper])
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await untilState(engine.jobs, job, 'done')
    await idle(made)
    const before = paper.sheets.length
    await paper.tell(removal('unheard-of'))
    await idle(made)
    expect(paper.sheets).toHaveLength(before)
  })
})

describe('both platforms at once', () => {
  test('asked on one, approved on the other; both show the same', async () => {
    const [s, m] = [slack(), matrix()]
    const made = await bot([s, m], { decide: () => needs(1) })
    const { engine } = made
    await s.tell({ ...by('U1'), kind: 'text', text: 'toy 1', message: 'q1', addressed: true, direct: false })
    const question = await sheet(
      m,
      'the question in Matrix',
      ({ kind, text }) => kind === 'post' && text.includes('may it start'),
    )
    await sheet(s, 'the question in Slack', ({ kind, text }) => kind === 'post' && text.includes('may it start'))
    await m.tell({ ...vote('@fran:x', question.id), place: { chat: 'matrix', id: '!r' } })
    await untilState(engine.jobs, '1', 'done')
    await idle(made)
    const last = (paper: Paper) => paper.sheets.findLast(({ text }) => text.includes('asked by'))?.text
    expect(last(s)).toContain('done in')
    expect(last(m)).toBe(last(s))
    for (const paper of [s, m])
      expect(
        paper.sheets.filter(({ kind, text }) => kind === 'edit' && text.includes('closed: approved by fran')),
      ).toHaveLength(1)
  })

  test('one that is away holds back no other, and is drawn in the newest revision only when it is back', async () => {
    const [s, m, toy] = [slack(), matrix(), slowToy()]
    m.fail = away
    const made = await bot([s, m], { change: toy.change })
    const { engine, mouth } = made
    const job = await engine.jobs.submit(asked())
    await toy.begun.opened
    await until('Matrix was tried', 5_000, () => m.calls() > 0 || undefined)
    toy.progress(2)
    await sheet(s, 'progress in Slack', ({ text }) => text.includes('pod 2'))
    const how = async (platform: string) => (await mouth.lag(job)).find((l) => l.platform === platform)
    await until('Slack is in step', 5_000, async () => ((await how('Slack'))?.behindMs === 0 ? true : undefined))
    await until('Matrix falls behind', 5_000, async () => ((await how('Matrix'))?.behindMs ?? 0) > 100 || undefined)
    expect(await how('Matrix')).toMatchObject({ shows: 0 })
    toy.end.open()
    await untilState(engine.jobs, job, 'done')
    await sheet(s, 'the end in Slack', ({ text, mention }) => mention.length > 0 && text.includes('done'))
    m.feel({ up: false, code: 'CHAT-UNREACHABLE', text: 'gone.', next: 'wait' })
    m.fail = undefined
    m.feel({ up: true })
    await idle(made)
    const cards = m.sheets.filter(({ text }) => text.includes('asked by'))
    expect(cards.every(({ text }) => text.includes('done in'))).toBe(true)
    expect(m.sheets.some(({ text, mention }) => text.includes('done') && mention.includes('nico'))).toBe(true)
    expect((await mouth.lag(job)).every(({ behindMs }) => behindMs === 0)).toBe(true)
  })

  test('the first note of a ticket links the cards of both, also of the slower one', async () => {
    const [s, m, hold] = [slack(), matrix(), latch()]
    m.hold = () => hold.opened
    const noted: (readonly [string, readonly string[]])[] = []
    const tickets: TicketSink = async (_id, { marker, links }) => void noted.push([marker, links])
    const { engine } = await bot([s, m], { tickets })
    const job = await engine.jobs.submit(asked({ ticket: '7', atMs: Date.now() }))
    await untilState(engine.jobs, job, 'done')
    await sheet(s, 'the card in Slack', ({ kind }) => kind === 'post')
    await until(
      'the notes were tried',
      10_000,
      async () => noted.length > 0 || (await store().redis.zcard('{sluice}:outbox:delayed')) > 0 || undefined,
    )
    hold.open()
    await until('four notes', 10_000, () => noted.length === 4 || undefined)
    expect(noted[0]).toEqual([
      `sluice:${job}:plan`,
      ['https://slack.example.org/slack-1', 'https://matrix.example.org/matrix-1'],
    ])
  })

  test('`job N` says how far the other one is', async () => {
    const [s, m] = [slack(), matrix()]
    m.fail = away
    const made = await bot([s, m])
    const { engine } = made
    const job = await engine.jobs.submit(asked())
    await untilState(engine.jobs, job, 'done')
    await sheet(s, 'the end in Slack', ({ text }) => text.includes('done'))
    await s.tell({ ...by('U1'), kind: 'text', text: `job ${job}`, message: 'q2', addressed: true, direct: false })
    const told = await sheet(s, 'the answer', ({ text }) => text.startsWith(`Job ${job}`))
    expect(told.text).toMatch(/Shown: Slack in step; Matrix shows nothing yet, \d+ s behind/)
    m.fail = undefined
  })
})
