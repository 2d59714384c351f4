import { describe, expect, test } from 'vitest'
import { paint } from '../../src/bot/console-paint.ts'
import { textLine } from '../../src/bot/console-lines.ts'
import type { Message } from '../../src/message.ts'

const PLAIN = { columns: 40, colours: false }
const esc = String.fromCharCode(27)
const COLOURED = { columns: 100, colours: true }
const painted = (blocks: Message['blocks'], look = PLAIN): string => paint({ blocks }, look)

describe('colours', () => {
  const STEPS: Message['blocks'] = [
    {
      kind: 'steps',
      items: [
        { title: 'evict the pods of server23', mark: 'done' },
        { title: 'evict the pods of server24', mark: 'failed' },
      ],
    },
  ]
  test('each step in the colour of its own mark, also when their titles begin alike', () => {
    const [done, failed] = painted(STEPS, COLOURED).split('\n')
    expect(done).toBe(`${esc}[32m✔ evict the pods of server23 (done)${esc}[39m`)
    expect(failed).toBe(`${esc}[31m✘ evict the pods of server24 (failed)${esc}[39m`)
  })

  test('none where none are wanted', () => {
    const all: Message['blocks'] = [...STEPS, { kind: 'heading', text: 'h' }, { kind: 'note', tone: 'warn', text: 'n' }]
    expect(painted(all)).not.toContain(esc)
    expect(painted(all, COLOURED)).toContain(`${esc}[33m⚠ n${esc}[39m`)
  })
})

test('in a pipe tables and code are not broken', () => {
  const row = 'server23   '.repeat(8).trim()
  expect(painted([{ kind: 'code', text: `${row}\tx` }])).toBe(`${row}\tx`)
  expect(painted([{ kind: 'table', columns: ['NAME'], rows: [[row]] }])).toBe(`NAME\n${row}`)
})

test('a button whose label is not what it says shows the sentence, because nothing can be pressed', () => {
  const buttons = [
    { id: 'say:drain server23 on p10 aggressively', label: 'Drain aggressively' },
    { id: 'say:uncordon server23', label: 'uncordon server23' },
    { id: 'approve:1', label: 'Approve' },
  ]
  expect(paint({ blocks: [{ kind: 'text', text: 't' }], buttons }, { columns: 80, colours: false })).toBe(
    't\n[Drain aggressively] say: drain server23 on p10 aggressively\n[uncordon server23] [Approve]',
  )
})

test('what is numbered above is not written out a second time', () => {
  const buttons = [{ id: 'say:drain server23 on p10', label: 'server23' }]
  const message: Message = { blocks: [{ kind: 'text', text: '1. server23' }], buttons, reactions: ['1️⃣'] }
  expect(paint(message, { columns: 80, colours: false })).toBe('1. server23')
})

test('a text cannot command the terminal', () => {
  const hostile = `web${esc}[2J${esc}]0;title${String.fromCharCode(7)}\u009b31m\u202e`
  const message: Message = {
    blocks: [
      { kind: 'text', text: hostile },
      { kind: 'table', columns: [hostile], rows: [[hostile]] },
      { kind: 'code', text: hostile },
    ],
    buttons: [{ id: 'b', label: hostile }],
  }
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const commands = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/
  for (const fold of [false, true]) expect(paint(message, { ...PLAIN, fold })).not.toMatch(commands)
})

test('an edit prints the new lines only, and buttons only with them', () => {
  const message: Message = {
    blocks: [
      { kind: 'heading', text: 'old' },
      { kind: 'text', text: 'new' },
    ],
    buttons: [{ id: 'b', label: 'go' }],
  }
  expect(paint(message, PLAIN, (line) => line === 'new')).toBe('new\n[go]')
  expect(paint(message, PLAIN, () => false)).toBe('')
})

test.each([
  ['drain server23', { as: 'nico', text: 'drain server23' }],
  ['as fran: approve 1', { as: 'fran', text: 'approve 1' }],
  ['as jin-guk: ✅ 12', { as: 'jin-guk', react: '✅', to: 'job:12' }],
  ['❌ job:3', { as: 'nico', react: '❌', to: 'job:3' }],
  ['as fran: ✅ looks good', { as: 'fran', text: '✅ looks good' }],
])('%s', (text, line) => expect(textLine(text, 'nico')).toEqual(line))
