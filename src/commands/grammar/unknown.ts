import { distance } from 'fastest-levenshtein'
import type { Understood } from '../command.ts'
import { findRule, type Grammar, type NearMiss } from '../grammar.ts'
import type { ParseContext } from '../parse.ts'
import { completion, nearest } from '../suggest.ts'
import { askFor, atEnd, behindVerb } from './asking.ts'
import { bodyOf, type Lead } from './lead.ts'
import { clusterOf } from './names.ts'
import { type Choice, noAt, plainNo } from './no.ts'
import type { Sentence } from './slots.ts'
import { skipWords, FILLERS, STOP_WORDS } from './words.ts'

const MAX_CORRECTED_WORDS = 40
const RAW_TOOLS = new Set([
  'kubectl',
  'k',
  'oc',
  'helm',
  'calicoctl',
  'kubeadm',
  'etcdctl',
  'ceph',
  'rook',
  'crictl',
  'ssh',
  'sudo',
  'rm',
  'bash',
  'sh',
  'curl',
])

/** No phrase takes the whole sentence: what is missing, what was probably meant, or which word is not understood. Guesses are only offered. */
export function unknown(
  sentence: Sentence,
  opening: Lead,
  grammar: Grammar,
  context: ParseContext,
  again: (text: string) => Understood | undefined,
): Understood {
  let begin = opening.from
  for (
    let next = skipWords(NO_TOOL, sentence.tokens, begin);
    next > begin;
    next = skipWords(NO_TOOL, sentence.tokens, begin)
  )
    begin = next
  const first = sentence.tokens[begin]
  if (first === undefined) return plainNo('PARSE-UNKNOWN', 'Yes? Say `help` for what I do.')
  if (RAW_TOOLS.has(first.lower)) return rawTool(first.lower, grammar)
  const { miss } = findRule(grammar, sentence, opening.from)
  const siblings = begunNames(sentence, opening, grammar)
  if (siblings.length > 1)
    return noAt(sentence, begin, sentence.tokens.length, 'PARSE-UNKNOWN', 'Which of these?', siblings)
  const gap = miss === undefined ? undefined : missing(sentence, opening, miss, context)
  if (gap !== undefined) return gap
  const corrected = corrections(sentence, opening, grammar, again)
  const choices = corrected.length > 0 ? corrected : completions(sentence, opening, grammar)
  const at =
    miss !== undefined && miss.stuck.at > opening.from && miss.stuck.at < sentence.tokens.length ? miss.stuck.at : begin
  const why =
    choices.length > 0
      ? 'I do not know this. Did you mean one of these?'
      : at === begin
        ? 'I do not know this. Say `help` for the list of commands.'
        : `I understand "${miss?.rule.name}", but not this word.`
  return noAt(sentence, at, at + 1, 'PARSE-UNKNOWN', why, choices)
}

/** `kubectl` in front of a command is dropped; in front of anything else it is what was asked for. */
const NO_TOOL = new Map([...FILLERS].filter(([word]) => word !== 'kubectl'))

const rawTool = (tool: string, grammar: Grammar): Understood =>
  plainNo(
    'NOT-OFFERED',
    `Sluice is not a shell: it does not run \`${tool}\`. It does: ${grammar.rules.flatMap((r) => (r.command === undefined ? [] : [r.name])).join(', ')}.`,
  )

/** The words end where a slot is wanted, or a word stands where a node is wanted. */
function missing(sentence: Sentence, opening: Lead, miss: NearMiss, context: ParseContext): Understood | undefined {
  const { at, wanted, captures } = miss.stuck
  if (wanted.kind !== 'slot' || at <= opening.from) return undefined
  if (at < sentence.tokens.length)
    return wanted.slot === 'nodes' || wanted.slot === 'node' ? noSuch(sentence, at) : undefined
  const cluster = captures.find((c) => c.slot === 'cluster')
  const example = miss.rule.command?.examples[0]
  const command = miss.rule.name
  const body = bodyOf(sentence, opening)
  const lacking = { command, arg: wanted.arg, slot: wanted.slot, ...(example === undefined ? {} : { example }) }
  if (wanted.slot === 'nodes' && cluster !== undefined) {
    const named = clusterOf(sentence.names, String(cluster.value).toLowerCase())
    const question = `The whole cluster ${String(cluster.value)}? Name the nodes.`
    return askFor({ ...lacking, cluster: named }, behindVerb(sentence, body), context, question)
  }
  return askFor(lacking, atEnd(sentence, body), context)
}

function noSuch(sentence: Sentence, at: number): Understood | undefined {
  const word = sentence.tokens[at]
  if (word === undefined || STOP_WORDS.has(word.lower)) return undefined
  const close = nearest(word.lower, sentence.names.nodes.keys())
  const choices = close.map((name) => ({
    label: name,
    text: `${sentence.text.slice(0, word.start)}${name}${sentence.text.slice(word.end)}`.trim(),
  }))
  return noAt(
    sentence,
    at,
    at + 1,
    'PARSE-NODE',
    `${word.text} is not a node of any cluster. Nothing was done.`,
    choices,
  )
}

/** `list`: several commands begin so. */
function begunNames(sentence: Sentence, opening: Lead, grammar: Grammar): readonly Choice[] {
  const { start, end } = bodyOf(sentence, opening)
  const typed = `${sentence.text.slice(start, end).toLowerCase()} `
  return grammar.rules.flatMap((r) =>
    r.command !== undefined && r.name.startsWith(typed) ? [{ label: r.name, text: r.name }] : [],
  )
}

/** `wh`: what begins so. */
function completions(sentence: Sentence, opening: Lead, grammar: Grammar): readonly Choice[] {
  const { start, end } = bodyOf(sentence, opening)
  if (opening.plan || end - start < 2 || end - start > 60) return []
  const commands = grammar.rules.flatMap((r) => (r.command === undefined ? [] : [r.command]))
  return completion(commands, sentence.text.slice(start, end), 5).map((text) => ({ label: text, text }))
}

/** Sentences with one or two misspelt words put right, if they then mean something. */
function corrections(
  sentence: Sentence,
  opening: Lead,
  grammar: Grammar,
  again: (text: string) => Understood | undefined,
): readonly Choice[] {
  if (sentence.tokens.length > MAX_CORRECTED_WORDS) return []
  const body = bodyOf(sentence, opening)
  const wrong = sentence.tokens.filter(
    (t) =>
      t.start >= body.start &&
      !t.quoted &&
      /^[a-z-]{3,}$/.test(t.lower) &&
      !grammar.vocabulary.has(t.lower) &&
      !STOP_WORDS.has(t.lower),
  )
  const options = wrong.slice(0, 2).map((t) => ({ token: t, words: nearest(t.lower, grammar.vocabulary) }))
  const offered = new Map<string, Choice>()
  for (const { token, words } of options)
    for (const word of words)
      tryText(
        sentence.text.slice(body.start, token.start) + word + sentence.text.slice(token.end, body.end),
        body.prefix,
        again,
        offered,
      )
  const [a, b] = options
  if (offered.size === 0 && a !== undefined && b !== undefined)
    for (const one of a.words)
      for (const two of b.words)
        tryText(
          sentence.text.slice(body.start, a.token.start) +
            one +
            sentence.text.slice(a.token.end, b.token.start) +
            two +
            sentence.text.slice(b.token.end, body.end),
          body.prefix,
          again,
          offered,
        )
  return [...offered.values()]
    .toSorted((x, y) => distance(x.text, sentence.text) - distance(y.text, sentence.text))
    .slice(0, 3)
}

function tryText(
  text: string,
  prefix: string,
  again: (text: string) => Understood | undefined,
  offered: Map<string, Choice>,
): void {
  const understood = again(prefix + text)
  if (understood !== undefined && understood.result !== 'ignore' && understood.result !== 'refuse')
    offered.set(text, { label: prefix + text, text: prefix + text })
}
