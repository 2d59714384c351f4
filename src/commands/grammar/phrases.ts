import type { Phrase } from '../command.ts'

/**
 * Phrases as small automata. The language of phrases:
 *   word            these letters
 *   a|b             either word; (put back|bring home) either group of words
 *   [x]             may be left out
 *   {arg}           a slot whose type is its name; {timeoutMs:duration} names the type apart
 *   [on {cluster}]  the cluster may stand anywhere in the sentence, with or without the preposition
 */
export type State =
  | { readonly kind: 'word'; readonly words: ReadonlySet<string>; next: number }
  | { readonly kind: 'slot'; readonly arg: string; readonly slot: string; next: number }
  | { readonly kind: 'split'; readonly nexts: number[] }
  | { readonly kind: 'accept' }

export type Program = {
  readonly say: string
  readonly set: Readonly<Record<string, unknown>>
  readonly states: readonly State[]
  readonly start: number
  /** Words without which the phrase cannot match: each set needs one of its words. */
  readonly needs: readonly ReadonlySet<string>[]
  /** Words it can begin with; undefined when it may begin with a slot. */
  readonly firsts: ReadonlySet<string> | undefined
  /** `[on {cluster}]` was written: the cluster floats. */
  readonly floatingCluster: boolean
  readonly slots: readonly { readonly arg: string; readonly slot: string }[]
}

type Node =
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'slot'; readonly arg: string; readonly slot: string }
  | { readonly kind: 'group'; readonly choices: readonly (readonly Node[])[]; readonly optional: boolean }

const FLOATING = /\s*\[(?:[a-z]+(?:\|[a-z]+)*\s+)?\{cluster\}\]/g

/** Throws a plain Error for a malformed phrase: a mistake of a command file, found by its test. */
export function compilePhrase(phrase: Phrase): Program {
  const say = typeof phrase === 'string' ? phrase : phrase.say
  const floatingCluster = new RegExp(FLOATING).test(say)
  const nodes = parsePhrase(say.replace(FLOATING, ''))
  const states: State[] = [{ kind: 'accept' }]
  const start = emitAll(nodes, 0, states)
  return {
    say,
    set: typeof phrase === 'string' ? {} : phrase.set,
    states,
    start,
    needs: nodes.flatMap((n) => (n.kind === 'word' ? [new Set(n.words)] : [])),
    firsts: firstWords(states, start),
    floatingCluster,
    slots: [...allSlots(nodes), ...(floatingCluster ? [{ arg: 'cluster', slot: 'cluster' }] : [])],
  }
}

function firstWords(states: readonly State[], start: number): ReadonlySet<string> | undefined {
  const words = new Set<string>()
  const open = [start]
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    const state = states[i]
    if (state?.kind === 'split') open.push(...state.nexts)
    else if (state?.kind === 'word') for (const word of state.words) words.add(word)
    else return undefined
  }
  return words
}

function allSlots(nodes: readonly Node[]): readonly { readonly arg: string; readonly slot: string }[] {
  return nodes.flatMap((n) => {
    if (n.kind === 'slot') return [{ arg: n.arg, slot: n.slot }]
    return n.kind === 'group' ? n.choices.flatMap((c) => allSlots(c)) : []
  })
}

/** Flags are written as they are typed: `--grace-period={n:number}`, `--output=wide`; the sentence's words are cut the same way. */
const cutFlags = (say: string): string => say.replaceAll(/(--[a-z-]+)=true\b/g, '$1').replaceAll(/(--[a-z-]+)=/g, '$1 ')

function parsePhrase(say: string): readonly Node[] {
  const parts = cutFlags(say).match(/\{[^}]*\}|[[\]()]|[^\s[\](){}]+/g) ?? []
  const reader = { parts, at: 0 }
  const nodes = parseSequence(reader, '')
  if (reader.at < parts.length) throw new Error(`phrase "${say}": unexpected ${parts[reader.at] ?? ''}`)
  return nodes[0] ?? []
}

type Reader = { readonly parts: readonly string[]; at: number }

/** A sequence up to the closer; inside of a group a lone `|` divides alternatives. */
function parseSequence(reader: Reader, closer: string): Node[][] {
  const choices: Node[][] = [[]]
  while (reader.at < reader.parts.length) {
    const part = reader.parts[reader.at] ?? ''
    if (part === ']' || part === ')') {
      if (part !== closer) throw new Error(`phrase: unexpected ${part}`)
      reader.at += 1
      return choices
    }
    reader.at += 1
    const here = choices.at(-1) ?? []
    if (part === '[' || part === '(') {
      const inner = parseSequence(reader, part === '[' ? ']' : ')')
      here.push({ kind: 'group', choices: inner, optional: part === '[' })
    } else if (part.startsWith('{')) here.push(slotNode(part))
    else if (closer === ')' || part === '|') addAlternatives(choices, part)
    else
      here.push({
        kind: 'word',
        words: part
          .toLowerCase()
          .split('|')
          .filter((w) => w !== ''),
      })
  }
  if (closer !== '') throw new Error(`phrase: missing ${closer}`)
  return choices
}

/** `(put back|bring home)`: inside of round brackets, and when it stands alone, a `|` ends the alternative, not only the word. */
function addAlternatives(choices: Node[][], part: string): void {
  part.split('|').forEach((word, i) => {
    if (i > 0) choices.push([])
    if (word !== '') choices.at(-1)?.push({ kind: 'word', words: [word.toLowerCase()] })
  })
}

function slotNode(part: string): Node {
  const [arg = '', slot] = part.slice(1, -1).split(':')
  return { kind: 'slot', arg, slot: slot ?? arg }
}

function emitAll(nodes: readonly Node[], next: number, states: State[]): number {
  return nodes.reduceRight((after, node) => emit(node, after, states), next)
}

function emit(node: Node, next: number, states: State[]): number {
  if (node.kind === 'group') {
    const nexts = node.choices.map((choice) => emitAll(choice, next, states))
    states.push({ kind: 'split', nexts: node.optional ? [...nexts, next] : nexts })
  } else if (node.kind === 'slot') states.push({ kind: 'slot', arg: node.arg, slot: node.slot, next })
  else states.push({ kind: 'word', words: new Set(node.words), next })
  return states.length - 1
}
