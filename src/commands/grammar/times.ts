import { parseDurationMs } from '../../duration.ts'
import type { Token } from './tokens.ts'

const DAYS = new Set([
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
  'mon',
  'tue',
  'wed',
  'thu',
  'fri',
  'sat',
  'sun',
  'montag',
  'dienstag',
  'mittwoch',
  'donnerstag',
  'freitag',
  'samstag',
  'sonntag',
  'weekend',
  'wochenende',
])
const MOMENTS = new Set([
  'tomorrow',
  'tonight',
  'today',
  'noon',
  'midnight',
  'later',
  'soon',
  'eventually',
  'afterwards',
  'morning',
  'evening',
  'afternoon',
  'overnight',
  'daily',
  'weekly',
  'hourly',
  'nightly',
  'morgen',
  'übermorgen',
  'heute',
  'mittag',
  'mitternacht',
  'später',
  'spaeter',
  'bald',
  'abend',
  'abends',
  'nachts',
  'morgens',
  'täglich',
  'sometime',
])
const PREPOSITIONS = new Set([
  'at',
  'on',
  'in',
  'by',
  'from',
  'um',
  'am',
  'im',
  'ab',
  'after',
  'before',
  'around',
  'about',
  'until',
  'till',
  'bis',
  'nach',
  'vor',
  'gegen',
  'next',
  'this',
  'every',
  'each',
  'nächsten',
  'nächste',
  'jeden',
  'heute',
  'the',
])

const CLOCK = /^(?:[01]?\d|2[0-4])(?:[:.][0-5]\d)?(?:am|pm|h|uhr)?$/
const DATE = /^(?:\d{4}-\d{2}-\d{2}(?:t[\d:.]+z?)?|\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?|\d{1,2}(?:st|nd|rd|th)\.?)$/
const CLOCK_TAIL = new Set(['am', 'pm', "o'clock", 'oclock', 'uhr', 'h', 'utc', 'cet', 'cest'])

/** `10m`, `2 hours`, `1h30m`: the index after it, or `at`. */
export function durationEnd(tokens: readonly Token[], at: number): number {
  const one = tokens[at]
  if (one === undefined || one.quoted) return at
  const two = tokens[at + 1]
  if (
    /^\d+(\.\d+)?$/.test(one.lower) &&
    two !== undefined &&
    parseDurationMs(`${one.lower} ${two.lower}`) !== undefined
  )
    return at + 2
  if (
    /^(a|an|one|ein|eine|einer)$/.test(one.lower) &&
    two !== undefined &&
    /^(second|minute|hour|day|week|stunde|tag|woche)$/.test(two.lower)
  )
    return at + 2
  return parseDurationMs(one.lower) === undefined ? at : at + 1
}

/** Milliseconds of the words of a duration; undefined when it is none. */
export function durationMs(words: readonly string[]): number | undefined {
  const [first = '', second = ''] = words
  return /^(a|an|one|ein|eine|einer)$/.test(first) ? parseDurationMs(`1 ${second}`) : parseDurationMs(words.join(' '))
}

const word = (tokens: readonly Token[], at: number): string =>
  tokens[at]?.quoted === false ? (tokens[at]?.lower ?? '') : ''
const isMoment = (text: string): boolean =>
  DAYS.has(text) ||
  MOMENTS.has(text) ||
  DATE.test(text) ||
  /^\d{1,2}(:\d{2})?(am|pm)$/.test(text) ||
  /^\d{1,2}:\d{2}$/.test(text)

/** One piece: `tomorrow`, `at 6`, `on monday`, `in 2 hours`, `next week`, `2026-11-22`. */
function pieceEnd(tokens: readonly Token[], at: number): number {
  const first = word(tokens, at)
  if (isMoment(first)) return at + 1
  if (!PREPOSITIONS.has(first)) return at
  let i = at + 1
  while (i < at + 3 && PREPOSITIONS.has(word(tokens, i))) i += 1
  if (isMoment(word(tokens, i))) return i + 1
  if (
    /^(at|um|by|around|about|gegen|ab|until|till|bis|after|before|nach|vor)$/.test(first) &&
    CLOCK.test(word(tokens, i))
  )
    return CLOCK_TAIL.has(word(tokens, i + 1)) ? i + 2 : i + 1
  if (/^(in|after|nach)$/.test(first)) return after(durationEnd(tokens, i), i, at)
  return /^(week|month|maintenance|woche|monat|day|night|hour|minute|window)$/.test(word(tokens, i)) &&
    i > at &&
    /^(next|this|every|each|nächste|nächsten|jeden)$/.test(word(tokens, i - 1))
    ? i + 1
    : at
}
const after = (end: number, from: number, fallback: number): number => (end > from ? end : fallback)

/** The index after a point in time that starts at `at` (`tomorrow at 6`), or `at`. */
export function timeEnd(tokens: readonly Token[], at: number): number {
  let end = pieceEnd(tokens, at)
  for (let next = end; end > at && next >= end; ) {
    next = pieceEnd(tokens, end)
    if (next <= end) break
    end = next
  }
  return end
}
