import { digestOf, type Head, readWords, wordsDigest } from './audit-chain.ts'
import { type Link, readLink } from './audit-entry.ts'
import type { Line } from './audit-log.ts'

/** A stretch of the chain: the log in Redis, or an exported file. `head` is undefined where it is looked up at the end. */
export type Stretch = {
  readonly name: string
  readonly from: Head
  readonly lines: () => AsyncIterable<Line> | Iterable<Line>
}
/** Where a chain does not hold: the number of the entry, and what is wrong with it. */
export type Broken = { readonly ok: false; readonly at: number; readonly why: string }
export type Walked = {
  readonly ok: true
  readonly head: Head
  /** Texts that are no longer there: number of their entry -> whose they were. */
  readonly gone: ReadonlyMap<number, string>
  /** person -> number of the newest entry that says the words were taken away on request. */
  readonly forgot: ReadonlyMap<string, number>
  /** Places up to which the log was exported, as the chain itself says. */
  readonly exported: readonly Head[]
}
/** Places that have to be the same wherever they are met; what is met first is noted. */
export type Places = Map<number, string | undefined>

const broken = (at: number, why: string): Broken => ({ ok: false, at, why })

/** The place's hash must be the one that was seen at this number before. */
function meets(places: Places, { n, hash }: Head, name: string): Broken | undefined {
  if (!places.has(n)) return undefined
  const known = places.get(n)
  if (known !== undefined && known !== hash) return broken(n, `is not the same in ${name} as elsewhere`)
  places.set(n, hash)
  return undefined
}

type Sums = {
  readonly gone: Map<number, string>
  readonly forgot: Map<string, number>
  readonly exported: Head[]
}

/** The words beside an entry: as its digest says, or gone. */
function wordsOf({ words }: Link, line: Line, n: number, { gone }: Sums): Broken | undefined {
  if (words === undefined)
    return line.words === undefined ? undefined : broken(n, 'has words beside it that it knows nothing of')
  if (line.words === undefined) {
    gone.set(n, words.by)
    return undefined
  }
  const said = readWords(line.words)
  return said?.by === words.by && wordsDigest(said) === words.digest
    ? undefined
    : broken(n, 'has other words beside it than were said')
}

/** What is wrong with an entry at this place, or undefined. `after`: the entry that stands behind it. */
function fault(at: Head, line: Line, link: Link | undefined, after: Line | undefined): Broken | undefined {
  const n = at.n + 1
  if (digestOf(line.entry) !== line.hash) return broken(n, 'was changed: its hash is another one')
  if (link === undefined) return broken(n, 'is no entry')
  if (link.n !== undefined && link.n !== n) {
    if (link.n < n) return broken(link.n, `stands where entry ${n} should`)
    const next = after === undefined ? undefined : readLink(after.entry)?.n
    return next === n
      ? broken(n, `and entry ${link.n} are swapped`)
      : broken(n, `is missing: entry ${link.n} stands in its place`)
  }
  if (link.prev === at.hash) return undefined
  return broken(at.n, `was changed or is missing: entry ${n} goes on from another one`)
}

function note(link: Link, line: Line, n: number, sums: Sums): Broken | undefined {
  if (link.forgot !== undefined) sums.forgot.set(link.forgot.person, n)
  if (link.exported !== undefined) sums.exported.push({ n: link.exported.n, hash: link.exported.hash })
  return wordsOf(link, line, n, sums)
}

/** Walks a stretch entry by entry: each must hold by itself, and go on from the one before. */
export async function walk({ name, from, lines }: Stretch, places: Places): Promise<Walked | Broken> {
  const sums: Sums = { gone: new Map(), forgot: new Map(), exported: [] }
  let at = from
  let held: Line | undefined
  const step = (line: Line, after: Line | undefined): Broken | undefined => {
    const link = readLink(line.entry)
    const wrong = fault(at, line, link, after)
    if (wrong !== undefined || link === undefined) return wrong
    at = { n: at.n + 1, hash: line.hash }
    return note(link, line, at.n, sums) ?? meets(places, at, name)
  }
  const first = meets(places, from, name)
  if (first !== undefined) return first
  for await (const line of lines()) {
    const wrong = held === undefined ? undefined : step(held, line)
    if (wrong !== undefined) return wrong
    held = line
  }
  const last = held === undefined ? undefined : step(held, undefined)
  return last ?? { ok: true, head: at, ...sums }
}

/** The end of a stretch against the head it should have. */
export function endsAt(walked: Walked, head: Head): Broken | undefined {
  const { n, hash } = walked.head
  if (n < head.n) return broken(n + 1, `is missing: the head is entry ${head.n}`)
  if (n > head.n) return broken(head.n, `is named as the head, but there are entries up to ${n}`)
  return hash === head.hash ? undefined : broken(n, 'was changed, or the head was: it has another hash than the head')
}
