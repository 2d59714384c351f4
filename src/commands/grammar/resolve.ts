import { refuse, type Code } from '../../errors.ts'
import type { InventoryCluster, Understood } from '../command.ts'
import type { Selector } from '../selector.ts'
import { nearest } from '../suggest.ts'
import { pointAt } from './caret.ts'
import type { Capture } from './match.ts'
import { clusterOf } from './names.ts'
import { type NodeItem, nodeItems } from './node-words.ts'
import { expand, prefixOf } from './ranges.ts'
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

/** The one cluster that was named; undefined when none was; refused when it does not exist or there are several. */
export function namedCluster(
  sentence: Sentence,
  captures: readonly Capture[],
  body: Body,
): { readonly cluster: InventoryCluster | undefined } | No {
  let cluster: InventoryCluster | undefined
  for (const capture of captures.filter((c) => c.slot === 'cluster')) {
    const word = String(capture.value)
    const found = clusterOf(sentence.names, word)
    if (found === undefined) return unknownCluster(sentence, capture, word, body)
    if (cluster !== undefined && cluster !== found)
      return noAt(
        sentence,
        capture.from,
        capture.to,
        'PARSE-AMBIGUOUS',
        `Is it ${cluster.name} or ${found.name}? One message is about one cluster.`,
      )
    cluster = found
  }
  return { cluster }
}

function unknownCluster(sentence: Sentence, capture: Capture, word: string, body: Body): No {
  const at = sentence.tokens[capture.to - 1]
  const close = nearest(
    word,
    sentence.names.inventory.clusters.map((c) => c.name),
  )
  const choices = close.map((name) => ({
    label: name,
    text: rewrite(sentence, body, at?.start ?? 0, at?.end ?? 0, name),
  }))
  const all = sentence.names.inventory.clusters.filter((c) => c.state === 'active').map((c) => c.name)
  return noAt(
    sentence,
    capture.to - 1,
    capture.to,
    'PARSE-CLUSTER',
    `There is no cluster ${word}. Clusters: ${all.join(', ')}.`,
    choices,
  )
}

/** The configured name of a person that was named; `me` is left to the command. */
export function personOf(sentence: Sentence, capture: Capture, body: Body): { readonly name: string } | No {
  const word = String(capture.value)
  const { people } = sentence.names.inventory
  const found = people.find((p) => p.name.toLowerCase() === word || p.title.toLowerCase() === word)
  if (found !== undefined) return { name: found.name }
  const token = sentence.tokens[capture.from]
  const close = nearest(
    word,
    people.map((p) => p.name),
  )
  const choices = close.map((name) => ({
    label: name,
    text: rewrite(sentence, body, token?.start ?? 0, token?.end ?? 0, name),
  }))
  return noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-ARGUMENT',
    `I know nobody called ${word}. People: ${people.map((p) => p.name).join(', ')}.`,
    choices,
  )
}

type Expanded =
  | { readonly names: readonly string[] }
  | {
      readonly item: NodeItem
      readonly missing: readonly string[]
      readonly range: boolean
      readonly found: number
      readonly why?: string
    }

/** Every item in one cluster, all or nothing. A cluster whose nodes nobody wrote down takes plain names: the live cluster is asked later. */
export function expandAll(items: readonly NodeItem[], cluster: InventoryCluster): Expanded {
  const names: string[] = []
  for (const item of items) {
    const result = expand(item, cluster, prefixOf(names.at(-1) ?? ''))
    if (result.kind === 'nodes') names.push(...result.names)
    else if (cluster.nodes.length === 0 && result.kind === 'missing' && !result.range) names.push(...result.names)
    else if (result.kind === 'bad') return { item, missing: [], range: true, found: names.length, why: result.why }
    else return { item, missing: result.names, range: result.range, found: names.length }
  }
  return { names: [...new Set(names)] }
}

/** Where the nodes of the captures are meant to be. */
export type Placed = { readonly cluster: InventoryCluster; readonly names: readonly string[] }

/** The one cluster that has all the nodes; else which one is asked, or what is missing is said. */
export function placeNodes(
  sentence: Sentence,
  capture: Capture,
  given: InventoryCluster | undefined,
  room: Room,
  risky: boolean,
  body: Body,
): Placed | No {
  const items = nodeItems(sentence.tokens, capture.from, capture.to)
  const { clusters } = sentence.names.inventory
  if (given !== undefined) {
    const here = expandAll(items, given)
    return 'names' in here ? { cluster: given, names: here.names } : missing(sentence, here, given, items, body)
  }
  const having = clusters.flatMap((cluster) => {
    const here = cluster.nodes.length === 0 ? undefined : expandAll(items, cluster)
    return here !== undefined && 'names' in here ? [{ cluster, names: here.names }] : []
  })
  const home = clusters.find((c) => c.name === room.cluster)
  const homely = having.find((h) => h.cluster === home)
  if (homely !== undefined && (having.length === 1 || !risky || room.clusters.length <= 1)) return homely
  const [only] = having
  if (only !== undefined && having.length === 1) {
    return home === undefined || !risky ? only : askElsewhere(sentence, capture, only, home, body)
  }
  if (having.length > 1) return askWhich(sentence, capture, having, body)
  return missing(sentence, undefined, home ?? bestGuess(items, clusters), items, body)
}

const nodesAt = (sentence: Sentence, capture: Capture): number => sentence.tokens[capture.to - 1]?.end ?? 0
const onCluster = (sentence: Sentence, capture: Capture, placed: Placed, body: Body): Choice => ({
  label: placed.cluster.name,
  text: rewrite(sentence, body, nodesAt(sentence, capture), nodesAt(sentence, capture), ` on ${placed.cluster.name}`),
})

const askWhich = (sentence: Sentence, capture: Capture, having: readonly Placed[], body: Body): No => ({
  ...noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-AMBIGUOUS',
    `${having[0]?.names.join(', ')} is listed in ${having.map((h) => h.cluster.name).join(' and ')}. Which cluster?`,
    having.map((h) => onCluster(sentence, capture, h, body)),
  ),
  result: 'ask',
})

const askElsewhere = (sentence: Sentence, capture: Capture, only: Placed, home: InventoryCluster, body: Body): No => ({
  ...noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-AMBIGUOUS',
    `${only.names.join(', ')} is on ${only.cluster.name}, not ${home.name}. Do it on ${only.cluster.name}?`,
    [onCluster(sentence, capture, only, body)],
  ),
  result: 'ask',
})

/** The cluster that has the most of what was named: its missing ones are the ones to tell about. */
function bestGuess(items: readonly NodeItem[], clusters: readonly InventoryCluster[]): InventoryCluster | undefined {
  const scored = clusters.map((cluster) => {
    const found = items.filter((item) => {
      const here = expand(item, cluster, undefined)
      return (
        here.kind === 'nodes' ||
        (here.kind === 'missing' && here.range && cluster.nodes.some((n) => item.from.startsWith(n.name.toLowerCase())))
      )
    }).length
    return { cluster, found }
  })
  const best = scored.toSorted((a, b) => b.found - a.found)[0]
  return best !== undefined && best.found > 0 ? best.cluster : undefined
}

/** What does not exist, with the nearest names and the cluster that has them. Nothing is done. */
function missing(
  sentence: Sentence,
  known: Expanded | undefined,
  cluster: InventoryCluster | undefined,
  items: readonly NodeItem[],
  body: Body,
): No {
  const gap = known ?? (cluster === undefined ? undefined : expandAll(items, cluster))
  const item = gap !== undefined && 'item' in gap ? gap.item : items[0]
  const first = item?.first ?? 0
  const to = (item?.last ?? 0) + 1
  const names = gap !== undefined && 'missing' in gap ? gap.missing : [item?.from ?? '']
  if (gap !== undefined && 'why' in gap && gap.why !== undefined)
    return noAt(
      sentence,
      first,
      to,
      gap.why.includes('is not at') ? 'PARSE-NODE' : 'PARSE-RANGE',
      `${gap.why}. Nothing was done.`,
    )
  const where = cluster === undefined ? 'in any cluster' : `on ${cluster.name}`
  const other = sentence.names.inventory.clusters.filter(
    (c) => c !== cluster && c.nodes.length > 0 && 'names' in expandAll(items, c),
  )
  const exist = names.length === 1 ? `${names[0]} does not exist ${where}` : `${names.join(', ')} do not exist ${where}`
  const elsewhere = other.length === 0 ? '' : ` ${names.join(', ')} is on ${other.map((c) => c.name).join(' and ')}.`
  const range = gap !== undefined && 'range' in gap && gap.range
  return noAt(sentence, first, to, range ? 'PARSE-RANGE' : 'PARSE-NODE', `${exist}.${elsewhere} Nothing was done.`, [
    ...otherChoices(sentence, cluster, other, body),
    ...nodeChoices(sentence, item, names, cluster, body),
  ])
}

function otherChoices(
  sentence: Sentence,
  cluster: InventoryCluster | undefined,
  other: readonly InventoryCluster[],
  body: Body,
): readonly Choice[] {
  if (cluster === undefined || other.length === 0) return []
  const at = sentence.tokens.findIndex((t) => clusterOf(sentence.names, t.lower) === cluster)
  const token = sentence.tokens[at]
  return token === undefined
    ? []
    : other.map((c) => ({ label: c.name, text: rewrite(sentence, body, token.start, token.end, c.name) }))
}

function nodeChoices(
  sentence: Sentence,
  item: NodeItem | undefined,
  names: readonly string[],
  cluster: InventoryCluster | undefined,
  body: Body,
): readonly Choice[] {
  const [name] = names
  if (item === undefined || name === undefined || names.length > 1 || item.to !== undefined) return []
  const among = (cluster === undefined ? sentence.names.inventory.clusters : [cluster]).flatMap((c) =>
    c.nodes.map((n) => n.name),
  )
  const token = sentence.tokens[item.first]
  return nearest(name, new Set(among)).map((n) => ({
    label: n,
    text: rewrite(sentence, body, token?.start ?? 0, token?.end ?? 0, n),
  }))
}

/** Conditions of all selector captures together; exceptions are names of the cluster. */
export function selectorOf(
  sentence: Sentence,
  captures: readonly Capture[],
  cluster: InventoryCluster | undefined,
  body: Body,
): Selector | undefined | No {
  let selector: Selector | undefined
  for (const capture of captures) {
    if (capture.slot !== 'selector' && capture.slot !== 'clause') continue
    // both recognisers give a Selector, exceptAt beside it
    const { exceptAt, ...conditions } = capture.value as Selector & { readonly exceptAt?: readonly [number, number] }
    selector = { ...selector, ...conditions }
    if (exceptAt === undefined) continue
    const items = nodeItems(sentence.tokens, exceptAt[0], exceptAt[1])
    const here = cluster === undefined ? undefined : expandAll(items, cluster)
    if (here === undefined) selector = { ...selector, except: items.map((i) => i.from) }
    else if ('names' in here) selector = { ...selector, except: [...(selector.except ?? []), ...here.names] }
    else return missing(sentence, here, cluster, items, body)
  }
  return selector
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
  }
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
