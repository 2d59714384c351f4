import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { liveLines } from '../../src/bot/console-live.ts'
import { paint, tame } from '../../src/bot/console-paint.ts'
import { type Block, type Message, plain } from '../../src/message.ts'
import { anyMessage } from './any-message.ts'
import { corpus } from './corpus.ts'

const examples = await corpus()
const WIDTHS = [40, 60, 80, 120]
const letters = (text: string): string => text.replace(/\s/gu, '')
const shown = (block: Block, columns: number): string =>
  stripVTControlCharacters(paint({ blocks: [block] }, { columns, colours: true, fold: true }))

/** Every letter of the message is on the screen, in order; a folded table names its columns again and again, so there only its cells are looked for. */
function nothingLost(message: Message, columns: number): void {
  for (const block of message.blocks) {
    const text = letters(shown(block, columns))
    if (block.kind !== 'table') expect(text).toBe(letters(tame(plain({ blocks: [block] }))))
    else for (const cell of block.rows.flat()) expect(text).toContain(letters(tame(cell)))
  }
}

function fits(text: string, columns: number): void {
  for (const line of stripVTControlCharacters(text).split('\n'))
    expect(stringWidth(line), line).toBeLessThanOrEqual(columns)
}

describe.each(WIDTHS)('at %i columns', (columns) => {
  test.each(examples.map((c) => [c.name, c.message] as const))(
    '%s fits, and nothing of it is lost',
    (_name, message) => {
      fits(paint(message, { columns, colours: true, fold: true }), columns)
      nothingLost(message, columns)
    },
  )

  test('any message fits', () => {
    fc.assert(
      fc.property(anyMessage, (message) => fits(paint(message, { columns, colours: true, fold: true }), columns)),
      { numRuns: 6 },
    )
  })

  test('cards at the bottom fit, and leave half of the rows to the rest', () => {
    const cards = examples.map((c) => c.message)
    for (const rows of [10, 24, 50]) {
      const lines = liveLines(cards, { columns, rows }, true)
      fits(lines.join('\n'), columns - 1)
      expect(lines.length).toBeLessThanOrEqual(Math.max(5, rows / 2))
    }
  })
})

test('no letter of any message without a table is lost', () => {
  fc.assert(
    fc.property(anyMessage, ({ blocks }) => nothingLost({ blocks: blocks.filter((b) => b.kind !== 'table') }, 40)),
    { numRuns: 6 },
  )
})
