import type { Command, Inventory, Understood } from './command.ts'
import { compileGrammar, findRule, type Grammar, type Known } from './grammar.ts'
import { pointAt } from './grammar/caret.ts'
import { plainNo, type Room } from './grammar/no.ts'
import { namesOf } from './grammar/names.ts'
import type { Sentence } from './grammar/slots.ts'
import { controlCharacterAt, MAX_CHARACTERS, type Token, tokenise } from './grammar/tokens.ts'
import { isNegation } from './grammar/words.ts'
import { answerPending, filledIn, gateWord, type Pending } from './grammar/pending.ts'
import { lead } from './grammar/lead.ts'
import { parseSeveral } from './grammar/several.ts'
import { unknown } from './grammar/unknown.ts'
import { understand } from './grammar/understand.ts'

export type { Pending } from './grammar/pending.ts'
export type { Known } from './grammar.ts'

export type ParseContext = {
  readonly commands: readonly Command[]
  readonly known: readonly Known[]
  readonly inventory: Inventory
  readonly room: Room
  /** The text stands in a job's thread; `words` are the choices of its open gate. */
  readonly thread?: { readonly job: string; readonly words?: readonly string[] }
  /** What Sluice asked this person last. */
  readonly pending?: Pending
  /** Longest text that is read, characters. Default 4000. */
  readonly maxCharacters?: number
}

/** Compiled once per list of commands: compiling is pure, so remembering it changes nothing that can be seen. */
const compiled = new WeakMap<readonly Command[], WeakMap<readonly Known[], Grammar>>()
export function grammarOf(commands: readonly Command[], known: readonly Known[]): Grammar {
  const byKnown = compiled.get(commands) ?? new WeakMap<readonly Known[], Grammar>()
  compiled.set(commands, byKnown)
  const grammar = byKnown.get(known) ?? compileGrammar(commands, known)
  byKnown.set(known, grammar)
  return grammar
}

/**
 * What a sentence means: commands with their arguments, a question back, or a refusal with its reason. Pure; never throws for any text.
 * Time is linear in the length of the text. Anything not understood whole is not done.
 */
export function parse(text: string, context: ParseContext): Understood {
  if (text.length > (context.maxCharacters ?? MAX_CHARACTERS)) return plainNo('PARSE-TOO-LONG')
  const control = controlCharacterAt(text)
  if (control !== -1) return plainNo('PARSE-CONTROL', undefined)
  const word = gateWord(text, context.thread)
  if (word !== undefined) return meaning(word, context)
  const answered = answerPending(text, context)
  if (answered !== undefined) return typeof answered === 'string' ? meaning(answered, context) : answered
  return filled(text, context) ?? parseText(text, context)
}

/** The missing part, unless the reply is a whole command of its own. */
function filled(text: string, context: ParseContext): Understood | undefined {
  const whole = context.pending === undefined ? undefined : filledIn(text, context.pending)
  if (whole === undefined) return undefined
  const own = parseText(text, withoutPending(context))
  const verb = tokenise(whole.slice(context.pending?.fill?.before.length))[0]?.lower ?? ''
  // `server23 on p10` alone would show the node; a reply that begins like a command is one
  const begun = own.result === 'command' || own.result === 'ask'
  if (begun && grammarOf(context.commands, context.known).vocabulary.has(verb)) return own
  const asked = meaning(whole, context)
  return asked.result !== 'command' && own.result === 'command' ? own : asked
}

function meaning(sentence: string, context: ParseContext): Understood {
  const understood = parse(sentence, withoutPending(context))
  return understood.result === 'command' ? { ...understood, meant: sentence } : understood
}

function parseText(text: string, context: ParseContext): Understood {
  const tokens = tokenise(text)
  const sentence: Sentence = {
    text,
    tokens: tokens.filter((t) => t.quoted || t.lower !== '?'),
    names: namesOf(context.inventory),
  }
  const questionMark = tokens.some((t) => !t.quoted && t.lower === '?')
  return parseSentence(sentence, questionMark, context)
}

/** A reply is looked at once: what it stands for is read as if it had been typed. */
function withoutPending({ pending: _pending, thread, ...context }: ParseContext): ParseContext {
  return { ...context, ...(thread === undefined ? {} : { thread: { job: thread.job } }) }
}

/** One command, or several, or why not. */
function parseSentence(sentence: Sentence, questionMark: boolean, context: ParseContext): Understood {
  const grammar = grammarOf(context.commands, context.known)
  const whole = parseOne(sentence, questionMark, context, grammar)
  if (whole !== undefined) return whole
  if (sentence.tokens.some((t) => !t.quoted && isNegation(t.lower))) return negated(sentence)
  const several = parseSeveral(sentence, (part) => parseOne(part, questionMark, context, grammar))
  return (
    several ??
    unknown(sentence, lead(sentence, questionMark), grammar, context, (text) => parseCorrected(text, context))
  )
}

/** A corrected sentence is looked at once more, never a second time, and never more than offered. */
function parseCorrected(text: string, context: ParseContext): Understood | undefined {
  const sentence: Sentence = {
    text,
    tokens: tokenise(text).filter((t) => t.quoted || t.lower !== '?'),
    names: namesOf(context.inventory),
  }
  return parseOne(sentence, false, context, grammarOf(context.commands, context.known))
}

/** The whole sentence as one command; undefined when no phrase takes all of it. */
function parseOne(
  sentence: Sentence,
  questionMark: boolean,
  context: ParseContext,
  grammar: Grammar,
): Understood | undefined {
  const opening = lead(sentence, questionMark)
  const asTyped = findRule(grammar, sentence, opening.plainFrom)
  const hit =
    asTyped.hit ?? (opening.from === opening.plainFrom ? undefined : findRule(grammar, sentence, opening.from).hit)
  if (hit === undefined) return undefined
  const mode =
    hit === asTyped.hit ? { ...opening, from: opening.plainFrom, plan: questionMark && !opening.request } : opening
  return understand(sentence, hit, mode, context, grammar)
}

function negated(sentence: Sentence): Understood {
  const at = sentence.tokens.findIndex((t) => !t.quoted && isNegation(t.lower))
  const token: Token | undefined = sentence.tokens[at]
  const message = pointAt(
    sentence.text,
    token?.start ?? 0,
    token?.end ?? 1,
    'That says not to do it: nothing was done.',
  )
  return { result: 'refuse', code: 'PARSE-NEGATED', message, choices: [] }
}
