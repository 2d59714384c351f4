import { isTimeZone } from '../duration.ts'

/** A weekly time window in a time zone: `Fri 16:00 - Mon 06:00 Europe/Zurich`. */
export type Window = { readonly fromMinute: number; readonly toMinute: number; readonly timeZone: string }

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const FORM = /^\s*([a-z]{3})[a-z]*\s+(\d{1,2}):(\d{2})\s*-\s*([a-z]{3})[a-z]*\s+(\d{1,2}):(\d{2})\s+(\S+)\s*$/i

const minuteOfWeek = (day: string | undefined, hour: string | undefined, minute: string | undefined): number =>
  DAYS.indexOf((day ?? '').toLowerCase()) * 1440 + Number(hour) * 60 + Number(minute)

/** undefined when the text has another form or names no known time zone. */
export function parseWindow(text: string): Window | undefined {
  const [, d1, h1, m1, d2, h2, m2, timeZone = ''] = FORM.exec(text) ?? []
  const fromMinute = minuteOfWeek(d1, h1, m1)
  const toMinute = minuteOfWeek(d2, h2, m2)
  if (!(fromMinute >= 0 && toMinute >= 0) || !isTimeZone(timeZone)) return undefined
  return { fromMinute, toMinute, timeZone }
}

/** Whether the moment lies in the window; its end is not part of it. Windows may wrap around Sunday. */
export function inWindow(window: Window, nowMs: number): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: window.timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(nowMs)
  const part = (type: string): string | undefined => parts.find((p) => p.type === type)?.value
  const now = minuteOfWeek(part('weekday'), part('hour'), part('minute'))
  const { fromMinute, toMinute } = window
  return fromMinute <= toMinute ? now >= fromMinute && now < toMinute : now >= fromMinute || now < toMinute
}
