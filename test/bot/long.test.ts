import { expect, test } from 'vitest'
import { inShort } from '../../src/bot/long.ts'
import { type Block, type Message, plain } from '../../src/message.ts'

const table = (rows: number): Block => ({
  kind: 'table',
  columns: ['NAME'],
  rows: Array.from({ length: rows }, (_, i) => [`server${i}`]),
})

test('sixty nodes are shown in short, with the whole in a file', () => {
  const message: Message = { blocks: [table(60), { kind: 'text', text: 'that is all' }], buttons: [] }
  const short = inShort(message, 'list-nodes.txt')
  expect(plain(short)).toContain('20 of 60 rows; all of them are in list-nodes.txt.')
  expect(plain(short)).not.toContain('server59')
  expect(plain(short)).toContain('that is all')
  expect(short.file).toEqual({ name: 'list-nodes.txt', text: plain(message) })
})

test.each<readonly [string, Block]>([
  ['a list', { kind: 'list', items: Array.from({ length: 31 }, (_, i) => `line ${i}`) }],
  ['a log', { kind: 'code', text: Array.from({ length: 31 }, (_, i) => `line ${i}`).join('\n') }],
])('%s of more than a screen too', (_what, block) => {
  const short = inShort({ blocks: [block] }, 'x.txt')
  expect(plain(short)).toContain('20 of 31 lines')
  expect(short.file?.text).toContain('line 30')
})

test('what fits stays as it is', () => {
  const message: Message = { blocks: [table(30), { kind: 'code', text: 'one\ntwo' }] }
  expect(inShort(message, 'x.txt')).toBe(message)
})
