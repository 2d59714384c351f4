import type { InventoryCluster } from '../command.ts'
import { nearest } from '../suggest.ts'
import { clusterOf } from './names.ts'
import type { NodeItem } from './node-words.ts'
import { type Body, type Choice, type No, noAt, rewrite } from './no.ts'
import { expand, prefixOf } from './ranges.ts'
import type { Sentence } from './slots.ts'

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

/** The cluster that has the most of what was named: its missing ones are the ones to tell about. */
export function bestGuess(
  items: readonly NodeItem[],
  clusters: readonly InventoryCluster[],
): InventoryCluster | undefined {
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
export function missing(
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
