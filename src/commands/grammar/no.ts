import { refuse, type Code } from '../../errors.ts'
import type { Understood } from '../command.ts'
import { pointAt } from './caret.ts'
import type { Sentence } from './slots.ts'

export type Choice = { readonly label: string; readonly text: string }
export type No = Extract<Understood, { readonly result: 'ask' | 'refuse' }>
export type Room = { readonly name: string; readonly cluster?: string; readonly clusters: readonly string[] }

/** The sentence without its manners, so that a corrected one can be offered. `plan ` in front of a question stays in front. */
export type Body = { readonly prefix: string; readonly start: number; readonly end: number }

export const isNo = (value: object): value is No => 'result' in value

/** The body with text put in at an offset, or a span of it replaced. */
export function rewrite(sentence: Sentence, body: Body, start: number, end: number, insert: string): string {
  const { text } = sentence
  const from = Math.max(start, body.start)
  return (body.prefix + text.slice(body.start, from) + insert + text.slice(Math.max(end, from), body.end)).trim()
}

/** A refusal that points at words from..to. */
export function noAt(
  sentence: Sentence,
  from: number,
  to: number,
  code: Code,
  why: string,
  choices: readonly Choice[] = [],
): No {
  const start = sentence.tokens[from]?.start ?? sentence.text.length
  const end = sentence.tokens[to - 1]?.end ?? sentence.text.length
  return { result: 'refuse', code, message: pointAt(sentence.text, start, Math.max(end, start + 1), why), choices }
}

export const plainNo = (
  code: Code,
  text?: string,
  choices: readonly Choice[] = [],
  result: 'ask' | 'refuse' = 'refuse',
): No => {
  const refusal = refuse(code, text)
  return { result, code, message: text === undefined ? `${refusal.text} ${refusal.next}` : text, choices }
}

/** A cluster is wanted and none was named. */
export function askCluster(sentence: Sentence, body: Body): No {
  const active = sentence.names.inventory.clusters.filter((c) => c.state === 'active')
  const end = sentence.text.slice(body.start, body.end).trimEnd()
  return {
    result: 'ask',
    code: 'PARSE-MISSING',
    message: 'Which cluster?',
    choices: active.map((c) => ({ label: c.name, text: `${body.prefix}${end} on ${c.name}` })),
    fill: { command: '', arg: 'cluster', before: `${body.prefix}${end} on `, after: '' },
  }
}
