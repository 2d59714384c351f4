import type { InventoryCluster } from '../command.ts'
import type { NodeItem } from './node-words.ts'

export const MAX_RANGE_NODES = 20

/** What an item of a node list means in one cluster. */
export type Expansion =
  | { readonly kind: 'nodes'; readonly names: readonly string[] }
  | { readonly kind: 'missing'; readonly names: readonly string[]; readonly range: boolean }
  | { readonly kind: 'bad'; readonly why: string }

const find = (cluster: InventoryCluster, name: string): string | undefined =>
  cluster.nodes.find((n) => n.name.toLowerCase() === name || n.fqdn?.toLowerCase() === name)?.name

/** `server23.place10.ungleich.ch` when the cluster has server23 and stands at place10. */
function byFqdn(cluster: InventoryCluster, word: string): Expansion | undefined {
  const [short = '', ...domain] = word.split('.')
  const name = find(cluster, short)
  if (domain.length === 0 || name === undefined) return undefined
  const places = [cluster.place, ...cluster.aliases, cluster.name].map((p) => p.toLowerCase()).filter((p) => p !== '')
  if (places.length === 0 || domain.some((label) => places.includes(label))) return { kind: 'nodes', names: [name] }
  return { kind: 'bad', why: `${name} of ${cluster.name} is not at ${domain[0]}` }
}

/** `server22-27`, `server22..27`, `server22-server27`, `server[22-27]`, `server{22,24}`: prefix and the numbers as typed. */
function parseRange(
  item: NodeItem,
): { readonly prefix: string; readonly parts: readonly (readonly [string, string])[] } | undefined {
  const pair =
    item.to === undefined
      ? /^([a-z][a-z-]*?)(\d+)(?:-|\.\.\.?)([a-z][a-z-]*?)?(\d+)$/.exec(item.from)
      : /^([a-z][a-z-]*?)?(\d+)\n([a-z][a-z-]*?)?(\d+)$/.exec(`${item.from}\n${item.to}`)
  if (pair !== null) {
    const [, prefix = 'server', start = '', second = prefix, end = ''] = pair
    return second === prefix ? { prefix, parts: [[start, end]] } : undefined
  }
  const [, prefix, list] = /^([a-z][a-z-]*?)[[{]([\d,.-]+)[\]}]$/.exec(item.from) ?? []
  if (prefix === undefined || list === undefined) return undefined
  const parts = list.split(',').map((p) => /^(\d+)(?:(?:-|\.\.)(\d+))?$/.exec(p))
  return parts.some((p) => p === null)
    ? undefined
    : { prefix, parts: parts.map((p) => [p?.[1] ?? '', p?.[2] ?? p?.[1] ?? ''] as const) }
}

/** Leading zeros keep their width: `sto01-03` is sto01, sto02, sto03. */
function numbers(start: string, end: string): readonly string[] | string {
  const [from, to] = [Number(start), Number(end)]
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to)
    return `${start} to ${end} does not count upwards`
  if (to - from + 1 > MAX_RANGE_NODES)
    return `a range may hold ${MAX_RANGE_NODES} nodes, ${start} to ${end} are ${to - from + 1}`
  const width = start.startsWith('0') ? start.length : 0
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(width, '0'))
}

function expandRange(item: NodeItem, cluster: InventoryCluster): Expansion | undefined {
  const range = parseRange(item)
  if (range === undefined)
    return item.to === undefined ? undefined : { kind: 'bad', why: `${item.from} to ${item.to} is not a range` }
  const names: string[] = []
  for (const [start, end] of range.parts) {
    const list = numbers(start, end)
    if (typeof list === 'string') return { kind: 'bad', why: list }
    if (start === end && item.to === undefined && !/[[{]/.test(item.from))
      return { kind: 'bad', why: `${start} to ${end} is one node` }
    names.push(...list.map((n) => range.prefix + n))
  }
  if (names.length > MAX_RANGE_NODES) return { kind: 'bad', why: `a range may hold ${MAX_RANGE_NODES} nodes` }
  const missing = names.filter((n) => find(cluster, n) === undefined)
  return missing.length > 0
    ? { kind: 'missing', names: missing, range: true }
    : { kind: 'nodes', names: names.map((n) => find(cluster, n) ?? n) }
}

/** `23` is server23 only where exactly one node ends so; after `sto01` it is `sto23`. */
function byNumber(word: string, cluster: InventoryCluster, prefix: string | undefined): Expansion {
  if (prefix !== undefined && find(cluster, prefix + word) !== undefined)
    return { kind: 'nodes', names: [prefix + word] }
  if (prefix !== undefined) return { kind: 'missing', names: [prefix + word], range: false }
  const hits = cluster.nodes.map((n) => n.name).filter((n) => new RegExp(`^[a-z]+0*${word}$`, 'i').test(n))
  return hits.length === 1
    ? { kind: 'nodes', names: hits }
    : { kind: 'missing', names: [hits.length === 0 ? `server${word}` : word], range: false }
}

/** Expands one item in one cluster: an exact name first, then FQDN, then range; all or nothing. */
export function expand(item: NodeItem, cluster: InventoryCluster, prefix: string | undefined): Expansion {
  const exact = item.to === undefined ? find(cluster, item.from) : undefined
  if (exact !== undefined) return { kind: 'nodes', names: [exact] }
  if (item.to === undefined && /^\d+$/.test(item.from)) return byNumber(item.from, cluster, prefix)
  const fqdn = item.to === undefined && !item.from.includes('..') ? byFqdn(cluster, item.from) : undefined
  return fqdn ?? expandRange(item, cluster) ?? { kind: 'missing', names: [item.from], range: false }
}

/** Letters before the number: what a following `24` continues. */
export const prefixOf = (name: string): string | undefined => /^([a-z][a-z-]*?)\d+$/i.exec(name)?.[1]
