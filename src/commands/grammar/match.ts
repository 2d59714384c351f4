import type { Program, State } from './phrases.ts'
import { floatingCluster, RECOGNISERS, type Sentence, support, ticket } from './slots.ts'
import { selectorClause } from './selectors.ts'
import { timeEnd } from './times.ts'
import type { Token } from './tokens.ts'
import { FILLERS, skipWords } from './words.ts'

/** What a slot took: tokens from..to and, where known, its value. A list from the newest back to the oldest. */
export type Capture = {
  readonly arg: string
  readonly slot: string
  readonly from: number
  readonly to: number
  readonly value: unknown
  readonly before: Capture | undefined
}
type Thread = {
  readonly state: number
  readonly at: number
  readonly captures: Capture | undefined
  readonly words: number
}
export type Found = { readonly captures: readonly Capture[]; readonly words: number }
/** How far a phrase came: the first word it could not use, and what it wanted there. */
export type Stuck = { readonly at: number; readonly wanted: State; readonly captures: readonly Capture[] }

/** What may stand anywhere between the words of a phrase. */
export type Floats = {
  readonly options: readonly Program[]
  readonly cluster: boolean
  readonly clause: boolean
  readonly ticket: boolean
  readonly time: boolean
}

type Float = { readonly end: number; readonly captures: readonly Omit<Capture, 'before'>[]; readonly words: number }

/** They take whatever is left: what floats (`on p10`, `because ...`) goes first. */
const FREE_TEXT = new Set(['text', 'reason', 'topic'])

const list = (captures: Capture | undefined): readonly Capture[] => {
  const all: Capture[] = []
  for (let c = captures; c !== undefined; c = c.before) all.push(c)
  return all.toReversed()
}

const taken = (
  arg: string,
  slot: string,
  from: number,
  result: { readonly end: number; readonly value: unknown } | undefined,
): Float | undefined =>
  result === undefined
    ? undefined
    : { end: result.end, captures: [{ arg, slot, from, to: result.end, value: result.value }], words: 0 }

function floatAt(sentence: Sentence, floats: Floats, at: number): Float | undefined {
  const here = sentence.tokens[at]
  if (here === undefined) return undefined
  const begins = (option: Program): boolean =>
    option.firsts === undefined || (!here.quoted && option.firsts.has(here.lower))
  const options = floats.options.flatMap((option) => (begins(option) ? (prefix(option, sentence, at) ?? []) : []))
  const longest = options.toSorted((a, b) => b.end - a.end)[0]
  if (longest !== undefined) return longest
  const time = floats.time ? timeEnd(sentence.tokens, at) : at
  if (time > at) return taken('at', 'time', at, { end: time, value: undefined })
  return (
    (floats.ticket
      ? (taken('ticket', 'ticket', at, ticket(sentence, at)) ?? taken('support', 'support', at, support(sentence, at)))
      : undefined) ??
    (floats.clause
      ? taken('selector', 'clause', at, selectorClause(sentence.tokens, at, sentence.names, false))
      : undefined) ??
    (floats.cluster ? taken('cluster', 'cluster', at, floatingCluster(sentence, at)) : undefined)
  )
}

const add = (captures: Capture | undefined, more: readonly Omit<Capture, 'before'>[]): Capture | undefined =>
  more.reduce<Capture | undefined>((before, c) => ({ ...c, before }), captures)

/** The option's words from `at` on, wherever they end. */
function prefix(option: Program, sentence: Sentence, at: number): Float | undefined {
  const end = run(
    option,
    sentence,
    at,
    () => undefined,
    () => true,
  )
  if (end.found === undefined) return undefined
  const set = Object.entries(option.set).map(([arg, value]) => ({ arg, slot: 'set', from: at, to: end.end, value }))
  return end.end === at
    ? undefined
    : { end: end.end, captures: [...end.found.captures, ...set], words: end.found.words }
}

type Ran = { readonly found: Found | undefined; readonly end: number; readonly stuck: Stuck }

/**
 * Walks the automaton depth first over the words, each pair of state and word at most once: time is linear in the words.
 * First written is first tried: a phrase's own words, then what floats, then fillers.
 */
function run(
  program: Program,
  sentence: Sentence,
  from: number,
  float: (at: number) => Float | undefined,
  done: (at: number) => boolean,
): Ran {
  const { tokens } = sentence
  const seen = new Set<number>()
  const stack: Thread[] = [{ state: program.start, at: from, captures: undefined, words: 0 }]
  let stuck: Stuck = { at: -1, wanted: { kind: 'accept' }, captures: [] }
  let far: Thread | undefined
  for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
    const { at, captures, words } = thread
    const key = thread.state * (tokens.length + 1) + at
    if (seen.has(key)) continue
    seen.add(key)
    const state = program.states[thread.state] ?? { kind: 'accept' as const }
    if (state.kind === 'accept' && done(at)) return { found: { captures: list(captures), words }, end: at, stuck }
    if (state.kind === 'split') {
      for (const next of state.nexts.toReversed()) stack.push({ state: next, at, captures, words })
      continue
    }
    if (
      far === undefined ||
      at > far.at ||
      (at === far.at && state.kind === 'slot' && program.states[far.state]?.kind !== 'slot')
    )
      far = thread
    const skipped = pushSkips(stack, thread, sentence, float)
    if (state.kind === 'slot' && goesFirst(skipped, state, tokens[at])) continue
    const here = tokens[at]
    if (state.kind === 'word' && here !== undefined && !here.quoted && state.words.has(here.lower))
      stack.push({ state: state.next, at: at + 1, captures, words: words + 1 })
    if (state.kind === 'slot') {
      const took = RECOGNISERS[state.slot]?.(sentence, at)
      if (took !== undefined)
        stack.push({
          state: state.next,
          at: took.end,
          captures: { arg: state.arg, slot: state.slot, from: at, to: took.end, value: took.value, before: captures },
          words,
        })
    }
  }
  if (far !== undefined)
    stuck = { at: far.at, wanted: program.states[far.state] ?? { kind: 'accept' }, captures: list(far.captures) }
  return { found: undefined, end: from, stuck }
}

function pushSkips(
  stack: Thread[],
  thread: Thread,
  sentence: Sentence,
  float: (at: number) => Float | undefined,
): 'float' | 'filler' | undefined {
  const { state, at, captures, words } = thread
  const filler = skipWords(FILLERS, sentence.tokens, at)
  if (filler > at) stack.push({ state, at: filler, captures, words })
  const floating = float(at)
  if (floating !== undefined)
    stack.push({ state, at: floating.end, captures: add(captures, floating.captures), words: words + floating.words })
  if (floating !== undefined) return 'float'
  return filler > at ? 'filler' : undefined
}

const ARTICLES = new Set(['there', 'the', 'a', 'an', 'der', 'die', 'das', 'den', 'dem', 'ein', 'eine', 'einen'])

/** What was skipped is not free text, but for the article of a reason, and `there is`: they are kept as they were said. */
function goesFirst(skipped: 'float' | 'filler' | undefined, slot: State & { kind: 'slot' }, here?: Token): boolean {
  if (skipped === undefined || !FREE_TEXT.has(slot.slot)) return false
  return skipped === 'float' || slot.arg !== 'reason' || here === undefined || !ARTICLES.has(here.lower)
}

/** Words of the sentence, for the quick look whether a phrase can match at all. */
export const wordSet = (sentence: Sentence): ReadonlySet<string> =>
  new Set(sentence.tokens.filter((t) => !t.quoted).map((t) => t.lower))

/** Floats of one rule over one sentence: each place is looked at once. */
export function floatsOf(sentence: Sentence, floats: Floats): (at: number) => Float | undefined {
  const known = new Map<number, Float | undefined>()
  return (at) => {
    if (!known.has(at)) known.set(at, floatAt(sentence, floats, at))
    return known.get(at)
  }
}

/** Matches words from..to of the sentence as a whole. Linear in their number. */
export function match(
  program: Program,
  sentence: Sentence,
  from: number,
  float: (at: number) => Float | undefined,
): { readonly found: Found | undefined; readonly stuck: Stuck } {
  const end = sentence.tokens.length
  return run(program, sentence, from, float, (at) => at === end)
}
