import type { Selector } from '../selector.ts'
import type { Names } from './names.ts'
import { nodeRunEnd } from './node-words.ts'
import type { Token } from './tokens.ts'

/** What a recogniser took: the index after it, and what the words mean. */
export type Taken<T> = { readonly end: number; readonly value: T }

const CONDITIONS: readonly (readonly [readonly string[], Selector])[] = [
  [['cordoned'], { cordoned: true }],
  [['unschedulable'], { cordoned: true }],
  [['schedulingdisabled'], { cordoned: true }],
  [['gesperrt'], { cordoned: true }],
  [['uncordoned'], { cordoned: false }],
  [['schedulable'], { cordoned: false }],
  [['not', 'cordoned'], { cordoned: false }],
  [['not', 'schedulable'], { cordoned: true }],
  [['notready'], { ready: false }],
  [['not-ready'], { ready: false }],
  [['unready'], { ready: false }],
  [['not', 'ready'], { ready: false }],
  [["aren't", 'ready'], { ready: false }],
  [["isn't", 'ready'], { ready: false }],
  [['ready'], { ready: true }],
  [['worker'], { role: 'worker' }],
  [['workers'], { role: 'worker' }],
  [['master'], { role: 'control-plane' }],
  [['masters'], { role: 'control-plane' }],
  [['control-plane'], { role: 'control-plane' }],
  [['control-planes'], { role: 'control-plane' }],
  [['control', 'plane'], { role: 'control-plane' }],
  [['control', 'planes'], { role: 'control-plane' }],
]
const NOUNS = new Set(['nodes', 'node', 'hosts', 'servers', 'machines', 'knoten', 'server'])
const PLURALS = new Set(['nodes', 'workers', 'masters', 'hosts', 'servers', 'control-planes'])
const QUANTIFIERS = new Set(['everything', 'anything', 'all', 'alle', 'alles', 'every', 'each', 'any', 'the'])

const word = (tokens: readonly Token[], at: number): string =>
  tokens[at]?.quoted === false ? (tokens[at]?.lower ?? '') : ''

function condition(tokens: readonly Token[], at: number): Taken<Selector> | undefined {
  for (const [words, value] of CONDITIONS)
    if (words.every((w, i) => word(tokens, at + i) === w)) return { end: at + words.length, value }
  return comparison(tokens, at)
}

const VERSION = /^v?\d+(?:\.\d+){1,2}$/
const LABEL = /^[a-z0-9]([\w./-]*[a-z0-9])?(?:(?:!=|==?)[\w.-]*)?$/i

/** `older than v1.36`, `with label a=b`, `-l a=b,c=d`, `with osds`. */
function comparison(tokens: readonly Token[], at: number): Taken<Selector> | undefined {
  const [first, second, third] = [word(tokens, at), word(tokens, at + 1), word(tokens, at + 2)]
  if (
    (first === 'older' || first === 'lower' || first === 'älter') &&
    (second === 'than' || second === 'als') &&
    VERSION.test(third)
  )
    return { end: at + 3, value: { olderThanVersion: third.replace(/^v/, '') } }
  if ((first === 'below' || first === 'before') && VERSION.test(second))
    return { end: at + 2, value: { olderThanVersion: second.replace(/^v/, '') } }
  if ((first === 'with' || first === 'have' || first === 'having') && (second === 'osds' || second === 'osd'))
    return { end: at + 2, value: { osds: true } }
  if ((first === 'with' || first === 'have') && second === 'version') return comparison(tokens, at + 2)
  if (first === 'with' && (second === 'label' || second === 'labels')) return labels(tokens, at + 2)
  return first === '-l' || first === '--selector' || first === 'labelled' || first === 'labeled'
    ? labels(tokens, at + 1)
    : undefined
}

function labels(tokens: readonly Token[], at: number): Taken<Selector> | undefined {
  const found: string[] = []
  let end = at
  for (let i = at; LABEL.test(tokens[i]?.text ?? ''); i += 2) {
    found.push(tokens[i]?.text ?? '')
    end = i + 1
    if (word(tokens, end) !== ',') break
  }
  return found.length === 0 ? undefined : { end, value: { labels: found } }
}

/** Conditions in a row: `cordoned and notready`. `or` is not understood, so that nothing is guessed. */
function conditions(tokens: readonly Token[], at: number): Taken<Selector> | undefined {
  let taken = condition(tokens, at)
  while (taken !== undefined) {
    const joiner = ['and', ',', 'und'].includes(word(tokens, taken.end)) ? 1 : 0
    const next = condition(tokens, taken.end + joiner)
    if (next === undefined) return taken
    taken = { end: next.end, value: { ...taken.value, ...next.value } }
  }
  return taken
}

const noun = (tokens: readonly Token[], at: number): number => (NOUNS.has(word(tokens, at)) ? at + 1 : at)

/** `everything`, `all nodes`, `all cordoned workers`, `cordoned nodes`, `workers`. */
export function selectorHead(tokens: readonly Token[], at: number): Taken<Selector> | undefined {
  let i = at
  while (QUANTIFIERS.has(word(tokens, i)) || (i > at && word(tokens, i) === 'of')) i += 1
  const quantified = i > at && word(tokens, at) !== 'the'
  const filtered = conditions(tokens, i)
  const afterNoun = noun(tokens, filtered?.end ?? i)
  const plural = PLURALS.has(word(tokens, afterNoun - 1)) || word(tokens, afterNoun - 1) === 'planes'
  if (!quantified && !plural) return undefined
  return afterNoun === at
    ? undefined
    : { end: afterNoun, value: { ...(quantified || filtered === undefined ? { all: true } : {}), ...filtered?.value } }
}

const EXCEPT = new Set(['except', 'besides', 'ausser', 'außer', 'excluding'])

/** `that are cordoned`, `older than v1.36`, `-l a=b`, `except server23`; with `bare` also a lone `cordoned`. */
export function selectorClause(
  tokens: readonly Token[],
  at: number,
  names: Names,
  bare: boolean,
): Taken<Selector & { readonly exceptAt?: readonly [number, number] }> | undefined {
  if (EXCEPT.has(word(tokens, at))) {
    const from = word(tokens, at + 1) === 'for' ? at + 2 : at + 1
    const end = nodeRunEnd(tokens, from, names)
    return end > from ? { end, value: { exceptAt: [from, end] } } : undefined
  }
  let i = word(tokens, at) === ',' ? at + 1 : at
  const open = i
  while (
    ['that', 'which', 'who', 'die', 'is', 'are', 'ist', 'sind', 'runs', 'run'].includes(word(tokens, i)) &&
    i < open + 2
  )
    i += 1
  if (i > open) return conditions(tokens, i)
  return bare ? conditions(tokens, i) : comparison(tokens, i)
}
