import { expect, test } from 'vitest'
import { clockText, humanAge, humanSpan, isTimeZone, parseDurationMs, within } from '../../src/duration.ts'

test.each([
  ['300ms', 300],
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['2 hours', 7_200_000],
  ['0.5h', 1_800_000],
  ['3 Tage', 259_200_000],
  ['10', undefined],
  ['', undefined],
  ['10 parsecs', undefined],
  ['-5m', undefined],
])('%j as a duration', (text, expected) => expect(parseDurationMs(text)).toBe(expected))

test.each([
  [45, '45s'],
  [191, '3m11s'],
  [3 * 3600 + 60 * 5, '3h5m'],
  [50 * 3600, '2d2h'],
  [52 * 86_400, '52d'],
  [3 * 365 * 86_400 + 86_400, '3y1d'],
])("%i s is kubectl's %s", (seconds, expected) => expect(humanAge(seconds * 1000)).toBe(expected))

test('a span for a sentence', () =>
  expect([humanSpan(252_000), humanSpan(7_000), humanSpan(3_600_000)]).toEqual(['4m12s', '7s', '1h']))

const NOON = Date.parse('2026-11-25T12:00:00+01:00')
test.each([
  ['2026-11-25T10:03:00+01:00', 'Europe/Zurich', '10:03 CET'],
  ['2026-11-25T10:03:00+01:00', 'Asia/Seoul', '18:03 GMT+9'],
  ['2026-11-24T23:30:00+01:00', 'Europe/Zurich', 'Tue 24 Nov 23:30 CET'],
  ['2026-11-24T23:30:00+01:00', 'Asia/Seoul', '07:30 GMT+9'],
  ['2026-07-01T00:00:00+02:00', 'Europe/Zurich', 'Wed 1 Jul 00:00 CEST'],
  ['2027-01-04T08:00:00+01:00', 'Europe/Zurich', 'Mon 4 Jan 2027 08:00 CET'],
])('%s in %s is %s to somebody who reads at noon', (at, zone, said) =>
  expect(clockText(Date.parse(at), zone, NOON)).toBe(said),
)

test('a time zone is one this machine knows', () =>
  expect(['Europe/Zurich', 'UTC', 'Europe/Zurch', ''].map(isTimeZone)).toEqual([true, true, false, false]))

test('a limit fires though nobody listens and the collector runs: it is only looked at', async () => {
  const limit = within(60, new AbortController().signal)
  await expect
    .poll(
      () => {
        // enough garbage for a collection now and then
        Array.from({ length: 200_000 }, (_, i) => ({ i }))
        return limit.aborted
      },
      { timeout: 5_000, interval: 5 },
    )
    .toBe(true)
  expect(limit.reason).toMatchObject({ name: 'TimeoutError' })
})

test("a limit passes the caller's abort on, also one that came before", () => {
  const outer = new AbortController()
  const limit = within(60_000, outer.signal)
  outer.abort('enough')
  expect([limit.aborted, limit.reason]).toEqual([true, 'enough'])
  expect(within(60_000, outer.signal).reason).toBe('enough')
})
