import { parseDurationMs } from '../duration.ts'

/** A stretch of time that lies behind us: `yesterday` is a day, `2 hours ago` has no end of its own. */
export type Span = { readonly fromMs: number; readonly toMs?: number }

type Day = { readonly year: number; readonly month: number; readonly day: number }
type Local = Day & { readonly weekday: number; readonly hour: number; readonly minute: number }

const DAY_MS = 86_400_000
const WEEKDAYS: Readonly<Record<string, number>> = Object.fromEntries(
  [
    ['sunday', 'sun', 'sonntag', 'so'],
    ['monday', 'mon', 'montag', 'mo'],
    ['tuesday', 'tue', 'dienstag', 'di'],
    ['wednesday', 'wed', 'mittwoch', 'mi'],
    ['thursday', 'thu', 'donnerstag', 'do'],
    ['friday', 'fri', 'freitag', 'fr'],
    ['saturday', 'sat', 'samstag', 'sa'],
  ].flatMap((names, i) => names.filter((name) => name.length > 2).map((name) => [name, i])),
)
const BACK: Readonly<Record<string, number>> = {
  today: 0,
  heute: 0,
  yesterday: 1,
  gestern: 1,
  vorgestern: 2,
  'the day before yesterday': 2,
}

/** The wall clock of a zone at a moment. */
function localOf(ms: number, timeZone: string): Local {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(ms)
  const part = (type: string): number => Number(parts.find((p) => p.type === type)?.value ?? 0)
  const day = { year: part('year'), month: part('month'), day: part('day') }
  const weekday = new Date(Date.UTC(day.year, day.month - 1, day.day)).getUTCDay()
  return { ...day, weekday, hour: part('hour'), minute: part('minute') }
}

/** The moment at which a zone's wall clock shows this. Twice corrected: the offset may change in between. */
function momentOf({ year, month, day }: Day, minutes: number, timeZone: string): number {
  const wanted = Date.UTC(year, month - 1, day, 0, minutes)
  let ms = wanted
  for (let i = 0; i < 2; i++) {
    const l = localOf(ms, timeZone)
    ms += wanted - Date.UTC(l.year, l.month - 1, l.day, l.hour, l.minute)
  }
  return ms
}

function daysBack(today: Day, days: number): Day {
  const date = new Date(Date.UTC(today.year, today.month - 1, today.day) - days * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

const CLOCK = /^(?:at |um )?(\d{1,2})(?:[:.](\d{2}))? ?(am|pm|uhr|h|o'clock)?$/
/** Minutes since midnight. */
function clockOf(text: string): number | undefined {
  if (/^(?:at |um )?(?:noon|mittag)$/.test(text)) return 720
  const [, hours, minutes, tail] = CLOCK.exec(text) ?? []
  if (hours === undefined || (minutes === undefined && tail === undefined && !/^(?:at|um) /.test(text)))
    return undefined
  const hour = (Number(hours) % (tail === 'am' || tail === 'pm' ? 12 : 25)) + (tail === 'pm' ? 12 : 0)
  const all = hour * 60 + Number(minutes ?? 0)
  return Number(minutes ?? 0) < 60 && all <= 1440 ? all : undefined
}

function isDate({ year, month, day }: Day): boolean {
  const date = new Date(Date.UTC(year, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

/** `2026-11-20`, `20.11.`, `20.11.2026`: without a year the last such day. */
function dateOf(text: string, today: Day): Day | undefined {
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  const german = /^(\d{1,2})\.(\d{1,2})\.?(\d{4})?$/.exec(text)
  const [year, month, day] = iso?.slice(1) ?? [german?.[3], german?.[2], german?.[1]]
  if (month === undefined || day === undefined) return undefined
  const found = { year: Number(year ?? today.year), month: Number(month), day: Number(day) }
  const later = found.month > today.month || (found.month === today.month && found.day > today.day)
  const meant = year === undefined && later ? { ...found, year: found.year - 1 } : found
  return isDate(meant) ? meant : undefined
}

/** A day that is named: `yesterday`, `on monday`, `last friday`, a date. */
function dayOf(text: string, now: Local): Day | undefined {
  const back = BACK[text]
  if (back !== undefined) return daysBack(now, back)
  const [, last, name] = /^(?:on |am )?(last |letzten )?([a-z]+)$/.exec(text) ?? []
  const weekday = WEEKDAYS[name ?? '']
  if (weekday !== undefined) {
    const days = (now.weekday - weekday + 7) % 7
    return daysBack(now, days === 0 && last !== undefined ? 7 : days)
  }
  return dateOf(text.replace(/^(?:the|on|am|den) /, ''), now)
}

const AGO = /^(?:(?:the )?(?:last|past|letzten|letzte) |vor )/
/** `2h`, `2 days ago`, `vor einer stunde`, `last hour`: milliseconds. */
function agoOf(text: string): number | undefined {
  const plain = text.replace(/ ago$/, '').replace(AGO, '')
  const counted = plain.replace(/^(?:a|an|one|ein|eine|einer|einem)(?= )/, '1')
  return (
    parseDurationMs(counted) ?? (AGO.test(text) && /^[a-z]+$/.test(plain) ? parseDurationMs(`1 ${plain}`) : undefined)
  )
}

/** `this week`, `last week`: from Monday on. */
function weekOf(text: string, now: Local): { readonly from: Day; readonly to: Day } | undefined {
  const [, which] = /^(this|last|diese|dieser|letzte|letzter) (?:week|woche)$/.exec(text) ?? []
  if (which === undefined) return undefined
  const monday = ((now.weekday + 6) % 7) + (which.startsWith('l') ? 7 : 0)
  return { from: daysBack(now, monday), to: daysBack(now, monday - 7) }
}

/** What the words say, before a time zone makes moments of it. */
type Meant =
  | { readonly from: Day; readonly to: Day }
  | { readonly day?: Day; readonly minutes: number }
  | { readonly agoMs: number }
  | { readonly atMs: number }

/** `yesterday at 18:00`, `2026-11-20 10:00`. */
function dayAndClock(text: string, now: Local): Meant | undefined {
  for (let at = text.search(/[ t]/); at !== -1 && at < text.length; at++) {
    if (text[at] !== ' ' && text[at] !== 't') continue
    const [day, minutes] = [dayOf(text.slice(0, at), now), clockOf(text.slice(at + 1))]
    if (day !== undefined && minutes !== undefined) return { day, minutes }
  }
  return undefined
}

const ISO = /^\d{4}-\d{2}-\d{2}t[\d:.]+(?:z|[+-]\d{2}:?\d{2})$/
const LONGEST = 40

function meaning(text: string, now: Local): Meant | undefined {
  if (text.length > LONGEST) return undefined
  if (ISO.test(text)) {
    const atMs = Date.parse(text.toUpperCase())
    return Number.isNaN(atMs) ? undefined : { atMs }
  }
  const week = weekOf(text, now)
  if (week !== undefined) return week
  const day = dayOf(text, now)
  if (day !== undefined) return { from: day, to: daysBack(day, -1) }
  const [agoMs, minutes] = [agoOf(text), clockOf(text)]
  if (agoMs !== undefined) return { agoMs }
  return minutes === undefined ? dayAndClock(text, now) : { minutes }
}

const plain = (text: string): string => text.trim().toLowerCase().replaceAll(/\s+/g, ' ')

/**
 * What people call a time behind them, in English and German, in a time zone: `today`, `yesterday 18:00`, `monday`, `last week`, `2 days ago`,
 * `vor 3 stunden`, `2026-11-20`, `20.11.`, an ISO 8601 time. A clock alone is the last time it showed that. Undefined when it is none.
 */
export function pastSpan(text: string, nowMs: number, timeZone: string): Span | undefined {
  const now = localOf(nowMs, timeZone)
  const meant = meaning(plain(text), now)
  if (meant === undefined) return undefined
  if ('atMs' in meant) return { fromMs: meant.atMs }
  if ('agoMs' in meant) return { fromMs: nowMs - meant.agoMs }
  const at = (day: Day, minutes: number): number => momentOf(day, minutes, timeZone)
  if ('from' in meant) return { fromMs: at(meant.from, 0), toMs: at(meant.to, 0) }
  const { day, minutes } = meant
  if (day !== undefined) return { fromMs: at(day, minutes) }
  const today = at(now, minutes)
  return { fromMs: today <= nowMs ? today : at(daysBack(now, 1), minutes) }
}

const SOME_DAY: Local = { year: 2026, month: 11, day: 18, weekday: 3, hour: 10, minute: 0 }
/** True when `pastSpan` knows it, whatever the time is. */
export const isPast = (text: string): boolean => meaning(plain(text), SOME_DAY) !== undefined
