import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { flow, wordsOf } from '../../src/bot/console-flow.ts'
import { tableLines } from '../../src/bot/console-table.ts'

const same = (text: string): string => text
const wrap = (text: string, columns: number, mark = ''): readonly string[] =>
  flow(wordsOf([{ text, paint: same }]), {
    columns,
    lead: mark === '' ? [] : [{ text: mark, paint: same }],
    hang: mark.length,
  })
const LONG = 'acme: gitea-acme-0, jitsi-web, mailman-web, matrix-synapse, nextcloud, redmine-db-0'

describe('lines', () => {
  test('break at blanks when they are too long, else not at all', () => {
    expect(wrap(LONG, 40)).toEqual([
      'acme: gitea-acme-0, jitsi-web,',
      'mailman-web, matrix-synapse, nextcloud,',
      'redmine-db-0',
    ])
    expect(wrap(LONG, 100)).toEqual([LONG])
  })

  test('go on under the text, not under its mark', () => {
    expect(wrap(LONG, 40, '- ')).toEqual([
      '- acme: gitea-acme-0, jitsi-web,',
      '  mailman-web, matrix-synapse,',
      '  nextcloud, redmine-db-0',
    ])
  })

  test('a name that is too long breaks behind its punctuation, else where the line ends', () => {
    const name = 'rook-ceph-osd-prepare-server23-0123456789-abcdef'
    expect(wrap(`see ${name} now`, 40)).toEqual(['see', 'rook-ceph-osd-prepare-server23-', '0123456789-abcdef now'])
    expect(wrap('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)])
  })

  test('wide characters count two columns, combining ones none, and none is cut in two', () => {
    expect(wrap('日本語 '.repeat(10).trim(), 40)[0]).toBe(Array(5).fill('日本語').join(' '))
    expect(wrap('日'.repeat(11), 9)).toEqual(['日日日日', '日日日日', '日日日'])
    expect(wrap('e\u0301'.repeat(12), 10)).toEqual(['e\u0301'.repeat(10), 'e\u0301'.repeat(2)])
    expect(wrap('👩‍💻'.repeat(6), 10)).toEqual(['👩‍💻'.repeat(5), '👩‍💻'])
  })

  test('each line has its style from its beginning to its end', () => {
    const paint = (text: string): string => `<${text}>`
    expect(flow(wordsOf([{ text: 'one two three', paint }]), { columns: 8, lead: [], hang: 2 })).toEqual([
      '<one two>',
      '  <three>',
    ])
  })
})

describe('a table', () => {
  const table = {
    columns: ['NAME', 'STATUS', 'ROLES', 'NOTE'],
    rows: [
      ['server23', 'Ready,SchedulingDisabled', '<none>', '日本語'],
      ['server24', 'Ready', '', 'a longer note about this node, with a reason in it'],
    ],
  }
  const look = { head: same, cell: same, name: same }
  const at = (columns: number): readonly string[] => tableLines(table, { ...look, columns })

  test('that fits has kubectl’s columns, as wide as they look', () => {
    const lines = at(120)
    expect(lines[0]).toBe('NAME       STATUS                     ROLES    NOTE')
    expect(lines[1]).toBe('server23   Ready,SchedulingDisabled   <none>   日本語')
  })

  test('that does not fit becomes a block for each row, and loses only empty cells', () => {
    expect(at(40)).toEqual([
      'server23',
      '  STATUS Ready,SchedulingDisabled',
      '  ROLES <none>  NOTE 日本語',
      'server24',
      '  STATUS Ready',
      '  NOTE a longer note about this node,',
      '  with a reason in it',
    ])
    expect(at(40).every((line) => stringWidth(line) <= 40)).toBe(true)
  })
})
