import type { Capture } from './match.ts'
import { type No, noAt } from './no.ts'
import type { Sentence } from './slots.ts'
import { timeEnd } from './times.ts'
import { FILLERS, isNegation, QUESTIONS, skipWords } from './words.ts'

const INTRODUCTIONS = new Set([
  'because',
  'reason',
  'weil',
  'grund',
  'since',
  'as',
  ':',
  '-',
  '--reason',
  'because:',
  'reason:',
])

/** `because the disk ...`: what stands before the text, fillers left out, introduces it. */
function isIntroduced(sentence: Sentence, from: number): boolean {
  let at = from - 1
  while (at > 0 && !INTRODUCTIONS.has(sentence.tokens[at]?.lower ?? '') && skipWords(FILLERS, sentence.tokens, at) > at)
    at -= 1
  return INTRODUCTIONS.has(sentence.tokens[at]?.lower ?? '')
}

/** Text nobody introduced (`cordon server23 no wait`): a negation, a question or a time in it may be meant for us. */
export function looseText(sentence: Sentence, captures: readonly Capture[]): 'fine' | 'negated' | 'timed' | 'question' {
  for (const capture of captures) {
    if (capture.slot !== 'text' || sentence.tokens[capture.from]?.quoted === true) continue
    if (isIntroduced(sentence, capture.from)) continue
    const inside = sentence.tokens.slice(capture.from, capture.to)
    if (inside.some((t) => isNegation(t.lower))) return 'negated'
    if (inside.some((_, i) => timeEnd(inside, i) > i)) return 'timed'
    if (inside.some((_, i) => skipWords(QUESTIONS, inside, i) > i)) return 'question'
  }
  return 'fine'
}

export function negatedText(sentence: Sentence, captures: readonly Capture[]): No {
  const text = captures.find((c) => c.slot === 'text')
  return noAt(
    sentence,
    text?.from ?? 0,
    text?.to ?? 1,
    'PARSE-NEGATED',
    'Is that "not" the reason, or for me? Nothing was done. Say `because ...` in front of a reason.',
  )
}

export function scheduled(sentence: Sentence, captures: readonly Capture[]): No {
  const time = captures.find((c) => c.slot === 'time') ?? captures.find((c) => c.slot === 'text')
  return noAt(
    sentence,
    time?.from ?? 0,
    time?.to ?? 1,
    'PARSE-SCHEDULED',
    'Sluice cannot do a change later yet, and does not do it now instead. Ask again when it shall happen.',
  )
}
