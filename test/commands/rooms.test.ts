import { describe, expect, test } from 'vitest'
import { rooms } from './inventory.ts'
import { brief, offered, said, understand } from './understood.ts'

const drain = (cluster: string, nodes: readonly string[], more: object = {}): string =>
  `drain ${JSON.stringify(Object.fromEntries(Object.entries({ cluster, nodes, ...more }).toSorted(([a], [b]) => (a < b ? -1 : 1))))}`
const s = (...numbers: readonly number[]): readonly string[] => numbers.map((n) => `server${n}`)

describe('rooms and threads', () => {
  test("a room's cluster fills in what is missing", () => {
    expect(brief(understand('list nodes', { room: rooms.p6 }))).toBe('list nodes {"cluster":"p6"}')
    expect(brief(understand('list nodes'))).toBe('ask PARSE-MISSING')
    expect(offered(understand('list nodes'))).toContain('list nodes on p10')
    expect(brief(understand('jobs', { room: rooms.p6 }))).toBe('jobs {}')
    expect(brief(understand('list nodes on c2', { room: rooms.p6 }))).toBe('list nodes {"cluster":"c2"}')
  })

  test('a room of several clusters gives no default for what is risky', () => {
    const room = { name: 'both', cluster: 'c2', clusters: ['c2', 'c4'] }
    expect(brief(understand('drain server53', { room }))).toBe('ask PARSE-AMBIGUOUS')
    expect(brief(understand('describe server53', { room }))).toBe('show node {"cluster":"c2","node":"server53"}')
    expect(brief(understand('drain server53', { room: { ...room, clusters: ['c2'] } }))).toBe(drain('c2', s(53)))
  })

  test("in a job's thread words are about that job", () => {
    const thread = { job: '17' }
    expect(brief(understand('stop!', { thread }))).toBe('cancel {"job":"17"}')
    expect(brief(understand('abort', { thread }))).toBe('cancel {"job":"17"}')
    expect(brief(understand('why', { thread }))).toBe('why {"job":"17"}')
    expect(brief(understand('approve', { thread }))).toBe('approve {"job":"17"}')
    expect(brief(understand('cancel 18', { thread }))).toBe('cancel {"job":"18"}')
    expect(brief(understand('stop!'))).toBe('cancel {}')
    expect(brief(understand('approve'))).toBe('ask PARSE-MISSING')
    expect(brief(understand('longer', { thread: { job: '17', words: ['longer', 'abort'] } }))).toBe(
      'choose {"job":"17","word":"longer"}',
    )
  })

  test.each(['can I approve 17?', 'approve 17?', 'should we cancel 17?', 'stop?'])(
    'a question about a job does nothing: %s',
    (text) => {
      expect(brief(understand(text))).toBe('ask PARSE-AMBIGUOUS')
    },
  )
})

test('several jobs are several, never one and a reason', () => {
  const thread = { job: '9' }
  for (const text of ['cancel 17 and 18', 'stop job 17 and 18', 'cancel 17, 18'])
    expect(brief(understand(text, { thread })), text).toBe('cancel {"job":"17"}\ncancel {"job":"18"}')
  expect(brief(understand('cancel 17 18', { thread }))).toMatch(/^refuse/)
  expect(brief(understand('deny 17 3 disks are broken'))).toBe('deny {"job":"17","reason":"3 disks are broken"}')
})

describe('answers to a question', () => {
  const pending = {
    choices: [
      { label: 'c2', text: 'drain server53 on c2' },
      { label: 'c4', text: 'drain server53 on c4' },
    ],
  }
  test.each([
    ['c2', drain('c2', s(53))],
    ['C4!', drain('c4', s(53))],
    ['on c4', drain('c4', s(53))],
    ['2', drain('c4', s(53))],
    ['yes', 'ask PARSE-AMBIGUOUS'],
    ['no', 'refuse PARSE-NEGATED'],
    ['3', 'ask PARSE-AMBIGUOUS'],
    ['drain server54 on c2', drain('c2', s(54))],
  ])('%s', (text, wanted) => expect(brief(understand(text, { pending }))).toBe(wanted))
})

describe('did you mean', () => {
  test.each([
    ['drian server23 on p10', 'drain server23 on p10'],
    ['please drian server23 on p10', 'drain server23 on p10'],
    ['drain server32 on p10', 'drain server22 on p10'],
    ['drain serve23 on p10', 'drain server23 on p10'],
    ['drain server23 on p11', 'drain server23 on p10'],
    ['drain server23 on p6', 'drain server23 on p10'],
    ['uncordn server23', 'uncordon server23'],
    ['lst nodes p10', 'list nodes p10'],
    ['aprove 17', 'approve 17'],
    ['jobs of frann', 'jobs of fran'],
    ['should we drian server23?', 'plan drain server23'],
  ])('%s: %s is offered, not done', (text, wanted) => {
    const understood = understand(text)
    expect(understood.result).not.toBe('command')
    expect(offered(understood)).toContain(wanted)
  })

  test('what is offered is understood', () => {
    for (const text of [
      'drain server53',
      'drain server32 on p10',
      'force drain server23',
      'drain server23 on p10 and server47 on c2',
      'list nodes',
      'can I drain server53?',
    ])
      for (const choice of offered(understand(text)))
        expect(understand(choice), choice).toMatchObject({ result: 'command' })
  })

  test('a plan stays a plan in what is offered', () => {
    expect(offered(understand('can I drain server53?'))).toEqual([
      'plan drain server53 on c2',
      'plan drain server53 on c4',
    ])
  })
})

describe('bad input', () => {
  test.each([
    ['x'.repeat(10_240), 'PARSE-TOO-LONG'],
    ['drain server23\u0007', 'PARSE-CONTROL'],
    ['drain \u202eserver23', 'PARSE-CONTROL'],
    ['drain server23 \u001b[31m', 'PARSE-CONTROL'],
    ['', 'PARSE-UNKNOWN'],
    ['   ', 'PARSE-UNKNOWN'],
    ['frobnicate', 'PARSE-UNKNOWN'],
    ['drain server23 and everything', 'PARSE-'],
    ['drain server23; rm -rf /', 'PARSE-'],
    ['drain server23 && cordon server24', 'PARSE-SEVERAL'],
  ])('%j', (text, code) => {
    const understood = understand(text)
    expect(understood.result).not.toBe('command')
    expect(brief(understood)).toContain(code)
  })

  test('an error points at the word', () => {
    expect(said(understand('drain server32 on p10'))).toBe(
      'drain server32 on p10\n      ^^^^^^^^\nserver32 does not exist on p10. Nothing was done.',
    )
    expect(said(understand('list nodes on p10\nof course drain server99')).split('\n')[1] ?? '').toMatch(/^\s*/)
  })
})
