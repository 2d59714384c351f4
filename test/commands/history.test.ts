import { describe, expect, test } from 'vitest'
import { history } from '../../src/commands/history.ts'
import { pastSpan } from '../../src/commands/past.ts'
import type { Deed, History } from '../../src/jobs/job.ts'
import { amal, ask, MINUTE, NOW, text, world } from './jobs-by-hand.ts'
import { brief, understand } from './understood.ts'

/** NOW is Wednesday, 18 November 2026, 10:00 in Zurich. */
const zurich = (day: number, hour = 0, minute = 0): number => Date.UTC(2026, 10, day, hour - 1, minute)
const deed: Deed = {
  job: '17',
  atMs: NOW - 30 * MINUTE,
  asker: 'nico',
  sentence: 'drain server23 on p10',
  state: 'done',
  code: null,
  approvals: ['fran'],
  ticket: '1234',
}
const told = (deeds: readonly Deed[], more: Partial<History> = {}): History => ({
  deeds,
  sinceMs: zurich(1),
  trimmed: false,
  more: false,
  ...more,
})

describe('the words', () => {
  test.each([
    ['who did what on p10 since yesterday', 'history {"cluster":"p10","since":"yesterday"}'],
    ['who did what', 'history {}'],
    ['what did fran do on p10 today', 'history {"cluster":"p10","during":"today","person":"fran"}'],
    ['what has fran done since 2 hours ago', 'history {"person":"fran","since":"2 hours ago"}'],
    ['what did I do yesterday?', 'history {"during":"yesterday","mine":true}'],
    ['history of p10 since monday', 'history {"cluster":"p10","since":"monday"}'],
    [
      'history p10 from 2026-11-16 to 2026-11-17',
      'history {"cluster":"p10","since":"2026-11-16","until":"2026-11-17"}',
    ],
    ['audit p10', 'history {"cluster":"p10"}'],
    ['audit log by fran', 'history {"person":"fran"}'],
    ['history server23', 'history {"cluster":"p10","node":"server23"}'],
    ['what happened to server23 since last week', 'history {"cluster":"p10","node":"server23","since":"last week"}'],
    ['was ist auf p10 passiert seit gestern', 'history {"cluster":"p10","since":"gestern"}'],
    ['was ist seit montag auf p10 passiert', 'history {"cluster":"p10","since":"montag"}'],
    ['was hat fran heute auf p10 gemacht', 'history {"cluster":"p10","during":"heute","person":"fran"}'],
    ['was habe ich gestern gemacht', 'history {"during":"gestern","mine":true}'],
    ['wer hat was gemacht seit vor 3 stunden', 'history {"since":"vor 3 stunden"}'],
    ['verlauf von p10 seit 20.11.', 'history {"cluster":"p10","since":"20.11"}'],
    ['what did mallory do', 'refuse PARSE-ARGUMENT'],
  ])('%s', (said, understood) => {
    expect(brief(understand(said))).toBe(understood)
  })

  test('the neighbours keep their own', () => {
    expect(brief(understand('what are you doing'))).toBe('jobs {}')
    expect(brief(understand('who holds p10'))).toBe('who holds {"cluster":"p10"}')
    expect(brief(understand('who approved 17'))).toBe('why {"job":"17"}')
  })
})

describe('times behind us, in the zone of the reader', () => {
  test.each([
    ['today', zurich(18), zurich(19)],
    ['yesterday', zurich(17), zurich(18)],
    ['vorgestern', zurich(16), zurich(17)],
    ['the day before yesterday', zurich(16), zurich(17)],
    ['wednesday', zurich(18), zurich(19)],
    ['last wednesday', zurich(11), zurich(12)],
    ['Montag', zurich(16), zurich(17)],
    ['on friday', zurich(13), zurich(14)],
    ['this week', zurich(16), zurich(23)],
    ['letzte woche', zurich(9), zurich(16)],
    ['2026-11-03', zurich(3), zurich(4)],
    ['3.11.', zurich(3), zurich(4)],
    ['24.12.', Date.UTC(2025, 11, 23, 23), Date.UTC(2025, 11, 24, 23)],
    ['2 hours ago', NOW - 120 * MINUTE, undefined],
    ['vor einer Stunde', NOW - 60 * MINUTE, undefined],
    ['last hour', NOW - 60 * MINUTE, undefined],
    ['3d', NOW - 3 * 24 * 60 * MINUTE, undefined],
    ['yesterday 18:00', zurich(17, 18), undefined],
    ['gestern um 18 uhr', zurich(17, 18), undefined],
    ['monday 6pm', zurich(16, 18), undefined],
    ['8am', zurich(18, 8), undefined],
    ['at 23:30', zurich(17, 23, 30), undefined],
    ['2026-11-17T08:00', zurich(17, 8), undefined],
    ['2026-11-17T08:00:00Z', zurich(17, 9), undefined],
  ])('%s', (said, fromMs, toMs) => {
    expect(pastSpan(said, NOW, 'Europe/Zurich')).toEqual(toMs === undefined ? { fromMs } : { fromMs, toMs })
  })

  test('a day is as long as its zone makes it, and begins where its reader lives', () => {
    // clocks went back on 25 October 2026
    expect(pastSpan('2026-10-25', NOW, 'Europe/Zurich')).toEqual({
      fromMs: Date.UTC(2026, 9, 24, 22),
      toMs: Date.UTC(2026, 9, 25, 23),
    })
    expect(pastSpan('today', NOW, 'Asia/Seoul')?.fromMs).toBe(Date.UTC(2026, 10, 17, 15))
  })

  test.each([
    '',
    'tomorrow',
    '31.02.',
    '2026-13-01',
    '25:61',
    'soon',
    '5',
    'server23',
    'last',
    'yesterday '.repeat(50),
  ])('%s is none', (said) => {
    expect(pastSpan(said, NOW, 'Europe/Zurich')).toBeUndefined()
  })
})

describe('the answer', () => {
  test('a row for each job: when, who, what, approvals, outcome, ticket', async () => {
    const failed: Deed = { ...deed, job: '16', state: 'failed', code: 'DRAIN-PDB', approvals: [], atMs: zurich(17, 9) }
    const cancelled: Deed = {
      ...deed,
      job: '15',
      state: 'cancelled',
      code: 'CANCELLED',
      endedBy: 'fran',
      atMs: zurich(17, 8),
    }
    const said = await text(ask(history, { cluster: 'p10' }, world([], { history: told([deed, failed, cancelled]) })))
    expect(said).toMatch(
      /^Who did what on p10 since Tue 17 Nov 00:00 CET:\nWHEN .*JOB .*PERSON .*WHAT .*APPROVED BY .*OUTCOME .*TICKET\n/,
    )
    expect(said).toMatch(/09:30 CET +17 +nico +drain server23 on p10 +fran +done +#1234\n/)
    expect(said).toMatch(/Tue 17 Nov 09:00 CET +16 .* - +failed \(DRAIN-PDB\) +#1234\n/)
    expect(said).toMatch(/15 .* cancelled by fran +#1234$/)
  })

  test('asks for the time, the place and the person that were named', async () => {
    const here = world([])
    await ask(history, { cluster: 'p10', person: 'fran', during: 'yesterday' }, here)
    await ask(history, { mine: true, since: 'monday', until: 'yesterday' }, here, amal)
    await ask(history, { node: 'server23' }, here)
    expect(here.calls).toEqual([
      ['history', { cluster: 'p10', person: 'fran', fromMs: zurich(17), toMs: zurich(18) }],
      ['history', { person: 'amal', fromMs: zurich(16), toMs: zurich(18) }],
      ['history', { node: 'server23', fromMs: zurich(17) }],
    ])
  })

  test('nothing done, no audit of that time, or part of it in files: it says so', async () => {
    const say = (args: object, history_: History) => text(ask(history, args, world([], { history: history_ })))
    expect(await say({ cluster: 'p10' }, told([]))).toBe('Nobody changed anything on p10 since Tue 17 Nov 00:00 CET.')
    expect(await say({}, { deeds: [], trimmed: false, more: false })).toContain('The audit log is empty.')
    expect(await say({ since: '30 days ago' }, told([deed]))).toContain('there is no audit: it begins then.')
    expect(await say({ since: '30 days ago' }, told([deed], { trimmed: true }))).toContain('it was exported to files')
    expect(await say({}, told([deed], { more: true }))).toContain('There is more')
    expect(await say({ since: 'when nobody looked' }, told([]))).toContain('PARSE-ARGUMENT: I do not know when')
  })
})
