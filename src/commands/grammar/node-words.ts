import { clusterOf, looksLikeCluster, type Names } from './names.ts'
import { durationEnd } from './times.ts'
import type { Token } from './tokens.ts'
import { isNegation, STOP_WORDS } from './words.ts'

const NODE_NOUNS = new Set(['node', 'nodes', 'host', 'hosts', 'machine', 'machines', 'knoten', 'server', 'servers'])
const JOINERS = new Set([',', 'and', 'und', '&', '+'])
const RANGE_WORDS = new Set(['to', 'bis', 'through', 'thru', '-', '..', '...'])
const SHAPE = /^(?:nodes?\/)?[a-z0-9][a-z0-9.,[\]{}-]*$/

const plain = (tokens: readonly Token[], at: number): string =>
  tokens[at]?.quoted === false ? (tokens[at]?.lower ?? '') : ''
const bare = (word: string): string => word.replace(/^nodes?\//, '')

/** Could be a node's name: known, or of the shape of one (letters and digits) and nothing else we know. */
export function isNodeWord(tokens: readonly Token[], at: number, names: Names): boolean {
  const word = plain(tokens, at)
  if (word === '' || word.length > 253 || STOP_WORDS.has(word) || isNegation(word)) return false
  if (names.nodes.has(bare(word))) return true
  if (/^osd\.?\d+$/.test(word)) return false
  if (!SHAPE.test(word) || !/\d/.test(word)) return false
  return clusterOf(names, word) === undefined && !looksLikeCluster(word)
}

/** Skips `node`, `nodes`, `host` ... when a node follows. */
function skipNoun(tokens: readonly Token[], at: number, names: Names): number {
  return NODE_NOUNS.has(plain(tokens, at)) && isNodeWord(tokens, at + 1, names) && !isNodeWord(tokens, at, names)
    ? at + 1
    : at
}

/** The index after one node or one range, or `at`. */
function itemEnd(tokens: readonly Token[], at: number, names: Names): number {
  const from = skipNoun(tokens, at, names)
  if (!isNodeWord(tokens, from, names)) return at
  if (RANGE_WORDS.has(plain(tokens, from + 1)) && isNodeWord(tokens, from + 2, names)) return from + 3
  return from + 1
}

/** Without a joiner only what clearly goes on: a bare number, or a word of the same stem (`server23 24 server25`). */
function goesOn(tokens: readonly Token[], at: number, names: Names, stem: string): boolean {
  const word = plain(tokens, at)
  if (!isNodeWord(tokens, at, names)) return false
  if (/^\d+$/.test(word)) return durationEnd(tokens, at) === at
  return names.nodes.has(bare(word)) || stemOf(word) === stem
}
const stemOf = (word: string): string => /^[a-z]*/.exec(bare(word))?.[0] ?? ''

/** One node: the index after it, or `at`. */
export function nodeEnd(tokens: readonly Token[], at: number, names: Names): number {
  const from = skipNoun(tokens, at, names)
  return isNodeWord(tokens, from, names) ? from + 1 : at
}

/** `server23, server24 and 25`: the index after the whole list, or `at`. */
export function nodeRunEnd(tokens: readonly Token[], at: number, names: Names): number {
  let end = itemEnd(tokens, at, names)
  if (end === at) return at
  const stem = stemOf(plain(tokens, end - 1))
  for (;;) {
    let joined = end
    while (joined < end + 2 && JOINERS.has(plain(tokens, joined))) joined += 1
    const next = joined > end || goesOn(tokens, end, names, stem) ? itemEnd(tokens, joined, names) : joined
    if (next <= joined) return end
    end = next
  }
}

/** One thing of the list, with its place in the text. */
export type NodeItem = { readonly from: string; readonly to?: string; readonly first: number; readonly last: number }

/** The items of a list that nodeRunEnd accepted. */
export function nodeItems(tokens: readonly Token[], from: number, end: number): readonly NodeItem[] {
  const items: NodeItem[] = []
  for (let i = from; i < end; i++) {
    const word = plain(tokens, i)
    if (JOINERS.has(word) || (NODE_NOUNS.has(word) && i + 1 < end && !JOINERS.has(plain(tokens, i + 1)))) continue
    if (RANGE_WORDS.has(plain(tokens, i + 1)) && i + 2 < end) {
      items.push({ from: bare(word), to: bare(plain(tokens, i + 2)), first: i, last: i + 2 })
      i += 2
    } else items.push({ from: bare(word), first: i, last: i })
  }
  return items
}
