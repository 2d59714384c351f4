import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { paint, wrap } from '../../src/bot/console-paint.ts'
import { textLine } from '../../src/bot/console-lines.ts'
import type { Message } from '../../src/message.ts'

const PLAIN = { columns: 40, colours: false }
const esc = String.fromCharCode(27)
const COLOURED = { columns: 100, colours: true }
const painted = (blocks: Message['blocks'], look = PLAIN): string => paint({ blocks }, look)

describe('wrapping', () => {
  const LONG = 'acme: gitea-acme-0, jitsi-web, mailman-web, matrix-synapse, nextcloud, redmine-db-0'

  test('at 40 columns at blanks, at 100 not at all', () => {
    expect(wrap(LONG, 40)).toEqual([
      'acme: gitea-acme-0, jitsi-web,',
      'mailman-web, matrix-synapse, nextcloud,',
      'redmine-db-0',
    ])
    expect(wrap(LONG, 100)).toEqual([LONG])
  })

  test('what continues stands under the text, not under its mark; an indent is kept', () => {
    expect(wrap(`- ${LONG}`, 40)[1]).toBe('  mailman-web, matrix-synapse,')
    expect(wrap(`⚠ ${LONG}`, 40)[1]?.startsWith('  mailman')).toBe(true)
    expect(wrap(`    ${LONG}`, 40).every((line) => /^ {4}\S/.test(line))).toBe(true)
  })

  test('a name that is longer than the line stays whole', () => {
    const name = 'rook-ceph-osd-prepare-server23-0123456789-abcdef'
    expect(wrap(`see ${name} now`, 40)).toEqual(['see', name, 'now'])
  })

  test('wide characters count two columns', () => {
    const wide = '日本語 '.repeat(10).trim()
    expect(wrap(wide, 40).every((line) => stringWidth(line) <= 40)).toBe(true)
    expect(wrap(wide, 40)[0]).toBe(Array(5).fill('日本語').join(' '))
  })

  test('no word is lost, no line with a blank in it is too long', () => {
    const word = fc.stringMatching(/^[a-z日🙂-]{1,12}$/u)
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 20, max: 100 }),
        (words, columns) => {
          const lines = wrap(words.join(' '), columns)
          expect(lines.join(' ').split(/ +/)).toEqual(words)
          for (const line of lines)
            if (line.trim().includes(' ')) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })

  test('a word that fits only alone stands alone, without what looks like a list mark in front', () => {
    expect(wrap('- 🙂日a--日日日🙂🙂🙂', 20)).toEqual(['-', '🙂日a--日日日🙂🙂🙂'])
  })

  test('tables and code are not broken', () => {
    const row = 'server23   '.repeat(8).trim()
    expect(painted([{ kind: 'code', text: row }])).toBe(row)
    expect(painted([{ kind: 'table', columns: ['NAME'], rows: [[row]] }])).toBe(`NAME\n${row}`)
  })
})

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
    expect(done).toBe(`${esc}[32m✔ evict the pods of server23${esc}[39m`)
    expect(failed).toBe(`${esc}[31m✘ evict the pods of server24${esc}[39m`)
  })

  test('none where none are wanted', () => {
    const all: Message['blocks'] = [...STEPS, { kind: 'heading', text: 'h' }, { kind: 'note', tone: 'warn', text: 'n' }]
    expect(painted(all)).not.toContain(esc)
    expect(painted(all, COLOURED)).toContain(`${esc}[33m⚠ n${esc}[39m`)
  })
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
  expect(paint(message, PLAIN)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
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
