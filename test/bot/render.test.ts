import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderMatrix } from '../../src/bot/matrix-render.ts'
import { cut, renderSlack, SLACK } from '../../src/bot/slack-render.ts'
import { checkBlocks } from '../lab/slack-blocks.ts'
import type { Message } from '../../src/message.ts'
import { anyMessage } from './any-message.ts'
import { visible } from './html.ts'

/** Characters that make a line read as another. */
const HIDDEN = /(?![\t\n])[\p{Cc}\p{Bidi_Control}]|\\u0000|\\ud8/u
const MENTIONS = { fran: 'U0FRAN' }
const MATRIX_MENTIONS = { fran: '@fran:lab.test' }

describe('a message for Slack', () => {
  test('keeps within Slack’s limits whatever it holds', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const { text, blocks } = renderSlack(message, MENTIONS)
        expect(checkBlocks(JSON.parse(JSON.stringify(blocks)))).toHaveProperty('blocks')
        expect(text.length).toBeGreaterThan(0)
        expect(text.length).toBeLessThan(40_000)
        expect(JSON.stringify(blocks) + text).not.toMatch(HIDDEN)
        expect(text.replaceAll('<@U0FRAN> ', '')).not.toMatch(/[<>]/)
      }),
      { numRuns: 100 },
    )
  })

  test('names only those who are to be mentioned', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const wanted =
          JSON.stringify(message.blocks).includes('{"person":"fran"}') || message.mention?.includes('fran') === true
        const users = [
          ...JSON.stringify(renderSlack(message, MENTIONS).blocks).matchAll(/"type":"user","user_id":"([^"]*)"/g),
        ].map((m) => m[1])
        expect(users.every((user) => user === 'U0FRAN')).toBe(true)
        if (!wanted) expect(users).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  test('says what was cut, and keeps the buttons', () => {
    const { blocks } = renderSlack({
      blocks: Array.from({ length: 20 }, () => ({ kind: 'code', text: 'x'.repeat(2_000) }) as const),
      buttons: [{ id: 'b', label: 'go' }],
    })
    expect(JSON.stringify(blocks)).toContain('more parts do not fit')
    expect(blocks.at(-1)).toMatchObject({ type: 'actions' })
  })

  test('cuts at line ends, never inside a character, and loses nothing but the line ends it cut at', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 2, max: 50 }), (text, limit) => {
        const parts = cut(text, limit)
        expect(parts.every((part) => part.length <= limit)).toBe(true)
        expect(parts.join('').replaceAll('\n', '')).toBe(text.replaceAll('\n', ''))
        if (text.isWellFormed()) expect(parts.every((part) => part.isWellFormed())).toBe(true)
      }),
    )
    expect(cut(`${'a'.repeat(30)}\n${'b'.repeat(30)}`, 40)).toEqual(['a'.repeat(30), 'b'.repeat(30)])
  })

  test('is one rich text with its buttons behind it', () => {
    const { blocks, text } = renderSlack({
      blocks: [
        { kind: 'heading', text: 'Drain' },
        { kind: 'table', columns: ['A', 'B'], rows: [['1', '2']] },
      ],
      buttons: [{ id: 'x', label: 'X' }],
    })
    expect(blocks.map((b) => b.type)).toEqual(['rich_text', 'actions'])
    expect(text).toContain('Drain')
    expect(SLACK.blocks).toBe(50)
  })
})

describe('a message for Matrix', () => {
  test('is HTML that nests, with nothing in it that was not meant, within the size of an event', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const content = renderMatrix(message, MATRIX_MENTIONS)
        const { pills } = visible(content.formatted_body)
        expect(content.formatted_body + content.body).not.toMatch(HIDDEN)
        expect(pills.every((pill) => pill === '@fran:lab.test')).toBe(true)
        const edit = { ...content, 'm.new_content': content }
        expect(Buffer.byteLength(JSON.stringify(edit))).toBeLessThan(60_000)
        expect(content.msgtype).toBe((message.mention ?? []).length > 0 ? 'm.text' : 'm.notice')
      }),
      { numRuns: 100 },
    )
  })

  test('shows a table as a table and buttons as words', () => {
    const { formatted_body, body } = renderMatrix({
      blocks: [{ kind: 'table', columns: ['A'], rows: [['1']] }],
      buttons: [{ id: 'b', label: 'cancel' }],
    })
    expect(formatted_body).toContain(
      '<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>',
    )
    expect(formatted_body).toContain('<code>cancel</code>')
    expect(body).toContain('`cancel`')
  })

  test('says the sentence of a button, and nothing where the question itself says how to answer', () => {
    const words = (buttons: Message['buttons'], more: Partial<Message> = {}): string =>
      renderMatrix({ blocks: [], ...(buttons === undefined ? {} : { buttons }), ...more }).body
    const aggressively = { id: 'say:drain server23 aggressively', label: 'Aggressively' }
    expect(words([aggressively])).toBe('Answer with `drain server23 aggressively`')
    expect(words([aggressively], { reactions: ['1️⃣'] })).toBe(' ')
    expect(words([{ id: 'gate:17.1:wait', label: 'Wait' }])).toBe(' ')
  })
})

test('who is named in the text is not called a second time', () => {
  const end: Message = { blocks: [{ kind: 'text', text: [{ person: 'fran' }, ' done'] }], mention: ['fran'] }
  expect(JSON.stringify(renderSlack(end, MENTIONS).blocks).match(/U0FRAN/g)).toHaveLength(1)
  expect(renderMatrix(end, MATRIX_MENTIONS).formatted_body.match(/matrix\.to/g)).toHaveLength(1)
  expect(renderMatrix(end, MATRIX_MENTIONS)['m.mentions']).toEqual({ user_ids: ['@fran:lab.test'] })
  const other: Message = { ...end, mention: ['fran', 'nico'] }
  expect(JSON.stringify(renderSlack(other, MENTIONS).blocks)).toContain('@nico')
})

test('what stands between backticks is code on both', () => {
  const message: Message = { blocks: [{ kind: 'text', text: 'say `help`, not ` or ``' }] }
  expect(renderMatrix(message).formatted_body).toBe('<p>say <code>help</code>, not ` or ``</p>')
  expect(JSON.stringify(renderSlack(message).blocks)).toContain('{"type":"text","text":"help","style":{"code":true}}')
})
