import type { Sentence } from './slots.ts'
import type { Body } from './no.ts'
import { ACTORS, FILLERS, PLANS, QUESTIONS, REQUESTS, skipWords } from './words.ts'

/** How a sentence begins. */
export type Lead = {
  /** First word after mentions and greetings. */
  readonly plainFrom: number
  /** First word after `should we`, `plan`, `what happens if I`. */
  readonly from: number
  /** Only to be planned. */
  readonly plan: boolean
  /** `could you`, `please`: a question mark means nothing. */
  readonly request: boolean
}

const isMention = (text: string): boolean => /^(?:<@[a-z0-9|._-]+>|@sluice|sluice|\/sluice|!sluice|!)$/.test(text)

/** Mentions at the front, also behind a greeting (`hey @sluice, ...`). */
function skipMentions(sentence: Sentence): number {
  const word = (at: number): string => sentence.tokens[at]?.lower ?? ''
  let from = 0
  for (let i = 0; i < sentence.tokens.length; ) {
    const filler = skipWords(FILLERS, sentence.tokens, i)
    if (isMention(word(i))) from = i + 1
    else if (filler === i) break
    i = Math.max(i + 1, filler)
  }
  while (from > 0 && [':', ','].includes(word(from))) from += 1
  return from
}

/** Reads greetings, mentions, politeness and questions off the front. */
export function lead(sentence: Sentence, _questionMark: boolean): Lead {
  let from = skipMentions(sentence)
  const plainFrom = from
  let plan = false
  let request = sentence.tokens.some((_, i) => skipWords(REQUESTS, sentence.tokens, i) > i)
  for (let moved = true; moved; ) {
    moved = false
    const question = skipWords(QUESTIONS, sentence.tokens, from)
    const planned = skipWords(PLANS, sentence.tokens, from)
    if (question > from || planned > from) {
      plan = true
      from = actors(sentence, Math.max(question, planned))
      moved = true
    } else {
      const filler = skipWords(FILLERS, sentence.tokens, from)
      moved = filler > from
      from = filler
    }
  }
  if (plan) request = false
  return { plainFrom, from: plan ? from : plainFrom, plan, request }
}

function actors(sentence: Sentence, from: number): number {
  let i = from
  for (let next = skipWords(ACTORS, sentence.tokens, i); next > i; next = skipWords(ACTORS, sentence.tokens, i))
    i = next
  return i
}

/** The part of the text a corrected sentence is made from. */
export function bodyOf(sentence: Sentence, opening: Lead): Body {
  let first = opening.from
  for (
    let next = skipWords(FILLERS, sentence.tokens, first);
    next > first;
    next = skipWords(FILLERS, sentence.tokens, first)
  )
    first = next
  return {
    prefix: opening.plan ? 'plan ' : '',
    start: sentence.tokens[first]?.start ?? 0,
    end: sentence.tokens.at(-1)?.end ?? sentence.text.length,
  }
}
