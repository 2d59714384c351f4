import { expect, test } from 'vitest'
import { chatError } from '../../src/bot/chat-errors.ts'
import type { Incoming } from '../../src/bot/chat.ts'
import type { Message } from '../../src/message.ts'
import { asked, needs, until as untilState } from '../jobs/toy.ts'
import type { Paper } from './paper-chat.ts'
import { away, by, idle, matrix, sheet, slack, slowToy, toyBots, vote } from './toy-paper.ts'

const { bot } = toyBots()
const text = (message: string): Incoming => ({
  ...by('U1'),
  kind: 'text',
  text: 'toy 1',
  message,
  addressed: true,
  direct: false,
})
/** What stands under a message, as its reactions came and went. */
const under = (paper: Paper, id: string): readonly string[] =>
  paper.sheets.reduce<readonly string[]>((now, sheet) => {
    if (sheet.id !== id) return now
    if (sheet.kind === 'react') return [...now, sheet.text]
    return sheet.kind === 'unreact' ? now.filter((name) => name !== sheet.text) : now
  }, [])

test('one reaction under the request follows its job, and is never a vote', async () => {
  const [paper, toy] = [slack(), slowToy()]
  const made = await bot([paper], { change: toy.change, decide: () => needs(1) })
  await paper.tell(text('m1'))
  await untilState(made.engine.jobs, '1', 'waiting')
  await sheet(paper, 'it waits for people', ({ id, text: name }) => id === 'm1' && name === '🙋')
  const question = await sheet(paper, 'the question', ({ text: said }) => said.includes('may it start?'))
  await paper.tell(vote('U2', question.id))
  await toy.begun.opened
  await sheet(paper, 'it runs', ({ id, text: name }) => id === 'm1' && name === '🔧')
  toy.end.open()
  await untilState(made.engine.jobs, '1', 'done')
  await idle(made)
  expect(under(paper, 'm1')).toEqual(['🏁'])
  const names = paper.sheets.filter(({ id }) => id === 'm1').map(({ text: name }) => name)
  expect(names).not.toContain('✅')
  // one at a time: what was there goes before the next comes
  const most = names.map(
    (_, i) => under({ ...paper, sheets: paper.sheets.filter(({ id }) => id === 'm1').slice(0, i + 1) }, 'm1').length,
  )
  expect(Math.max(...most)).toBe(1)
})

test('a request without a message has none, one in another place is left alone', async () => {
  const papers = [slack(), matrix()] as const
  const made = await bot(papers)
  await papers[0].tell(text('command:123'))
  await papers[0].tell(text('m2'))
  await untilState(made.engine.jobs, '2', 'done')
  await idle(made)
  expect(papers[0].sheets.filter(({ id }) => id.startsWith('command:'))).toEqual([])
  expect(under(papers[0], 'm2')).toEqual(['🏁'])
  expect(papers[1].sheets.filter(({ kind }) => kind === 'react')).toEqual([])
})

test('a platform that is away gets the newest one when it is back; one that refuses gets none, and the job goes on', async () => {
  const paper = slack()
  const made = await bot([paper])
  paper.fail = (kind) => (kind === 'react' ? away() : undefined)
  await paper.tell(text('m1'))
  await untilState(made.engine.jobs, '1', 'done')
  paper.fail = undefined
  await idle(made)
  expect(under(paper, 'm1')).toEqual(['🏁'])
  paper.fail = (kind) => (kind === 'react' ? chatError('CHAT-REJECTED', 'reacting', 'no') : undefined)
  await paper.tell(text('m2'))
  await untilState(made.engine.jobs, '2', 'done')
  await idle(made)
  expect(under(paper, 'm2')).toEqual([])
})

test('a message in short brings the whole as a file, and digits where there are no buttons', async () => {
  const paper = slack()
  const made = await bot([paper])
  const message: Message = { blocks: [], reactions: ['1️⃣', '2️⃣'], file: { name: 'list-nodes.txt', text: 'all' } }
  await made.mouth.send({ kind: 'say', key: 'k', place: { chat: 'slack', id: 'C1' }, message })
  await idle(made)
  expect(paper.sheets.map(({ kind, text: said }) => [kind, said])).toEqual([
    ['post', ''],
    ['post', 'list-nodes.txt'],
    ['react', '1️⃣'],
    ['react', '2️⃣'],
  ])
})

test('half-way the people it waits for are called once more, under the question', async () => {
  const paper = slack()
  const made = await bot([paper], { decide: () => needs(1, 8_000, ['nico', 'fran', 'amal']) })
  const job = await made.engine.jobs.submit(asked())
  const question = await sheet(paper, 'the question', ({ text: said }) => said.includes('may it start?'))
  const reminder = await sheet(paper, 'the reminder', ({ text: said }) =>
    said.includes('still waits for 1 of fran, amal'),
  )
  expect(reminder.mention).toEqual(['fran', 'amal'])
  expect(reminder.id).not.toBe(question.id)
  await paper.tell(vote('U2', reminder.id))
  await untilState(made.engine.jobs, job, 'done')
  await idle(made)
  expect(paper.sheets.filter(({ text: said }) => said.includes('still waits'))).toHaveLength(1)
})

test('a job that was asked for without a chat is no trouble', async () => {
  const paper = slack()
  const made = await bot([paper])
  await untilState(made.engine.jobs, await made.engine.jobs.submit(asked()), 'done')
  await idle(made)
  expect(paper.sheets.filter(({ kind }) => kind === 'react')).toEqual([])
})
