import type { Client } from '../store/store.ts'
import type { Head } from './audit-chain.ts'
import { baseOf, headOf, type Line, pages } from './audit-log.ts'
import { type Broken, endsAt, type Places, type Stretch, walk, type Walked } from './audit-walk.ts'

/** An exported file: a stretch whose head stands in it. */
export type Exported = Stretch & { readonly head: Head }
export type AuditCheck =
  | {
      readonly ok: true
      /** Verified entries, those of the files among them. */
      readonly entries: number
      readonly head: Head
      /** Entries up to this one were not there to be looked at: exported and trimmed. */
      readonly trimmed: number
      /** Texts that were taken away on request. */
      readonly forgotten: number
    }
  | Broken

async function* linesOf(redis: Client, base: Head): AsyncGenerator<Line> {
  for await (const page of pages(redis, base)) yield* page
}

/** So often is a log walked again that grew or was trimmed while it was looked at. */
const LOOKS = 5

/** The log in Redis up to its head. It may grow and be trimmed meanwhile: then it is walked again. */
async function walkLog(
  redis: Client,
  places: Places,
): Promise<{ readonly base: Head; readonly walked: Walked | Broken }> {
  for (let look = 1; ; look++) {
    const base = await baseOf(redis)
    const before = await headOf(redis)
    places.set(base.n, places.get(base.n))
    const found = await walk({ name: 'the log', from: base, lines: () => linesOf(redis, base) }, places)
    const walked = found.ok ? (endsAt(found, await headOf(redis)) ?? found) : found
    // grown or trimmed between two looks is no fault; a head that stands still is looked at as it is
    const [now, head] = [await baseOf(redis), await headOf(redis)]
    if (walked.ok || look === LOOKS || (now.n === base.n && head.hash === before.hash)) return { base, walked }
  }
}

/** A text may be gone only when a later entry says that it was taken away. */
function unasked(gone: Walked['gone'], stretches: readonly Walked[]): Broken | undefined {
  const forgot = new Map(stretches.flatMap((s) => [...s.forgot]))
  const [missing] = [...gone].filter(([n, person]) => (forgot.get(person) ?? 0) < n)
  return missing === undefined
    ? undefined
    : {
        ok: false,
        at: missing[0],
        why: `lacks the words of ${missing[1]}, and no entry says that they were taken away on request`,
      }
}

/** Where the log begins after a trim must be a place that the chain says was exported. */
function trimmedOnly(base: Head, { exported }: Walked): Broken | undefined {
  if (base.n === 0 || exported.some(({ n, hash }) => n === base.n && hash === base.hash)) return undefined
  return { ok: false, at: base.n, why: 'and all before it are gone, and no entry says that they were exported' }
}

/** Each stretch must begin where the ones before it reach to. */
function gap(
  stretches: readonly { readonly name: string; readonly from: number; readonly to: number }[],
): Broken | undefined {
  let reached = stretches[0]?.from ?? 0
  for (const { name, from, to } of stretches) {
    if (from > reached)
      return {
        ok: false,
        at: reached + 1,
        why: `up to ${from} are neither in a file nor in the log (${name} begins behind them)`,
      }
    reached = Math.max(reached, to)
  }
  return undefined
}

/** What a file has, the log had once: it must not end before. */
function shortened(files: readonly Exported[], { n }: Head): Broken | undefined {
  const longer = files.find(({ head }) => head.n > n)
  return longer === undefined
    ? undefined
    : { ok: false, at: n + 1, why: `up to ${longer.head.n} are in ${longer.name}, but the log ends before them` }
}

/**
 * Walks the chain in Client, and exported files with it: every entry holds by itself, goes on from the one before, and the last one is the
 * head; where files and log overlap they say the same. Throws what ioredis throws, and AUDIT-FILE of a file.
 */
export async function verifyAudit(redis: Client, files: readonly Exported[] = []): Promise<AuditCheck> {
  const ordered = files.toSorted((a, b) => a.from.n - b.from.n || a.head.n - b.head.n)
  const places: Places = new Map(
    ordered.flatMap(({ from, head }) => [
      [from.n, undefined],
      [head.n, undefined],
    ]),
  )
  places.set((await baseOf(redis)).n, undefined)
  const walks: Walked[] = []
  for (const file of ordered) {
    const walked = await walk(file, places)
    const wrong = walked.ok ? endsAt(walked, file.head) : walked
    if (wrong !== undefined) return { ...wrong, why: `${wrong.why} (${file.name})` }
    if (walked.ok) walks.push(walked)
  }
  const { base, walked } = await walkLog(redis, places)
  if (!walked.ok) return walked
  const spans = [
    ...ordered.map(({ name, from, head }) => ({ name, from: from.n, to: head.n })),
    { name: 'the log', from: base.n, to: walked.head.n },
  ]
  const gone = new Map([...walks, walked].flatMap((one) => [...one.gone]))
  const wrong =
    trimmedOnly(base, walked) ??
    gap(spans.toSorted((a, b) => a.from - b.from)) ??
    unasked(gone, [...walks, walked]) ??
    shortened(ordered, walked.head)
  if (wrong !== undefined) return wrong
  const first = Math.min(...spans.map(({ from }) => from))
  return { ok: true, entries: walked.head.n - first, head: walked.head, trimmed: first, forgotten: gone.size }
}
