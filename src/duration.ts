import { setTimeout as pause } from 'node:timers/promises'

/** The clock is handed in, so that tests and demos can set it. Milliseconds since 1970. */
export type Clock = { readonly now: () => number }

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const WORDS: Record<string, keyof typeof UNIT_MS> = {
  ms: 'ms',
  s: 's',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  sekunde: 's',
  sekunden: 's',
  m: 'm',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  minuten: 'm',
  h: 'h',
  hour: 'h',
  hours: 'h',
  hr: 'h',
  hrs: 'h',
  stunde: 'h',
  stunden: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
  tag: 'd',
  tage: 'd',
  tagen: 'd',
  w: 'w',
  week: 'w',
  weeks: 'w',
  woche: 'w',
  wochen: 'w',
}

/** `90s`, `10m`, `1h30m`, `2 hours` -> milliseconds; undefined when it is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const whole = text.trim().toLowerCase()
  if (!/^(\d+(\.\d+)?\s*[a-z]+\s*)+$/.test(whole)) return undefined
  let sumMs = 0
  for (const [, amount, word] of whole.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const unit = WORDS[word ?? '']
    if (unit === undefined) return undefined
    sumMs += Number(amount) * UNIT_MS[unit]
  }
  return Math.round(sumMs)
}

/** Like kubectl's HumanDuration (k8s.io/apimachinery pkg/util/duration): `52d`, `3m11s`, `7d2h`. */
export function humanAge(ms: number): string {
  const s = Math.floor(ms / 1000)
  if (s < 0) return s > -2 ? '0s' : '<invalid>'
  if (s < 120) return `${s}s`
  const m = Math.floor(s / 60)
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`
  if (m < 180) return `${m}m`
  const h = Math.floor(m / 60)
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`
  if (h < 48) return `${h}h`
  if (h < 192) return h % 24 === 0 ? `${Math.floor(h / 24)}d` : `${Math.floor(h / 24)}d${h % 24}h`
  if (h < 24 * 365 * 2) return `${Math.floor(h / 24)}d`
  if (h < 24 * 365 * 8) {
    const years = Math.floor(h / 24 / 365)
    const days = Math.floor(h / 24) % 365
    return days === 0 ? `${years}y` : `${years}y${days}d`
  }
  return `${Math.floor(h / 24 / 365)}y`
}

/** For sentences: `4m12s`, `1h5m`, `30 s` style spans of a job. */
export function humanSpan(ms: number): string {
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s}s`
  if (s < 3600) return s % 60 === 0 ? `${s / 60}m` : `${Math.floor(s / 60)}m${s % 60}s`
  const m = Math.round(s / 60)
  return m % 60 === 0 ? `${m / 60}h` : `${Math.floor(m / 60)}h${m % 60}m`
}

/** True for a name like `Europe/Zurich` that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    // RangeError: there is no such zone
    return false
  }
}

/** `10:03 CET`; with its day when that is not today in the zone: `Wed 25 Nov 10:03 CET`; with its year when that is another one. */
export function clockText(ms: number, timeZone: string, nowMs: number): string {
  const part = (at: number, options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-GB', { timeZone, ...options }).format(at)
  const date = { year: 'numeric', month: 'short', day: 'numeric' } as const
  const clock = part(ms, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' })
  if (part(ms, date) === part(nowMs, date)) return clock
  const otherYear = part(ms, { year: 'numeric' }) !== part(nowMs, { year: 'numeric' })
  const day = part(ms, { weekday: 'short', day: 'numeric', month: 'short', ...(otherYear ? { year: 'numeric' } : {}) })
  return `${day.replaceAll(',', '')} ${clock}`
}

/**
 * A signal that aborts after `ms`, or with the caller's. AbortSignal.any over AbortSignal.timeout does not do: while such a signal is only looked at
 * (`signal.aborted`) its timer may be collected and never fires (seen with Node 24.21).
 */
export function within(ms: number, signal?: AbortSignal): AbortSignal {
  const limit = new AbortController()
  if (signal?.aborted === true) {
    limit.abort(signal.reason)
    return limit.signal
  }
  const timer = setTimeout(() => limit.abort(new DOMException(`it took longer than ${ms} ms`, 'TimeoutError')), ms)
  timer.unref()
  const passOn = (): void => {
    clearTimeout(timer)
    limit.abort(signal?.reason)
  }
  signal?.addEventListener('abort', passOn, { once: true, signal: limit.signal })
  return limit.signal
}

/** False when it takes longer; a failure counts as an end. */
export async function endsWithin(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController()
  const late = pause(limitMs, false, { signal: limit.signal }).catch(() => true)
  const ended = work.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([ended, late])
  } finally {
    limit.abort()
  }
}
