import type { Inventory, InventoryCluster } from '../command.ts'

/** What the grammar looks names up in: made once per inventory. */
export type Names = {
  readonly inventory: Inventory
  readonly clusters: ReadonlyMap<string, InventoryCluster>
  /** Lower-case node name or FQDN -> clusters that list it. */
  readonly nodes: ReadonlyMap<string, readonly InventoryCluster[]>
}

const known = new WeakMap<Inventory, Names>()

/** Every name of a cluster: short, full, aliases; lower case. */
export const clusterNames = (cluster: InventoryCluster): readonly string[] =>
  [cluster.name, cluster.fqdn, ...cluster.aliases].map((n) => n.toLowerCase())

/** Indexes an inventory; the same inventory again costs nothing. */
export function namesOf(inventory: Inventory): Names {
  const before = known.get(inventory)
  if (before !== undefined) return before
  const nodes = new Map<string, InventoryCluster[]>()
  for (const cluster of inventory.clusters)
    for (const node of cluster.nodes)
      for (const name of new Set([node.name.toLowerCase(), (node.fqdn ?? node.name).toLowerCase()])) {
        const list = nodes.get(name) ?? []
        if (!list.includes(cluster)) nodes.set(name, [...list, cluster])
      }
  const names: Names = {
    inventory,
    clusters: new Map(inventory.clusters.flatMap((c) => clusterNames(c).map((n) => [n, c] as const))),
    nodes,
  }
  known.set(inventory, names)
  return names
}

/** `cluster/p10`, `P10.k8s.ooo`, `k8s-p10`: the cluster, or undefined. */
export const clusterOf = (names: Names, word: string): InventoryCluster | undefined =>
  names.clusters.get(word.toLowerCase().replace(/^cluster\//, ''))

/** Has the shape of a cluster's name, known or not. */
export const looksLikeCluster = (word: string): boolean =>
  /^(?:cluster\/)?(?:c|p|k|place|lab|dev|prod|k8s-?)\d{1,3}(?:\.k8s\.ooo)?$/.test(word) ||
  /^[a-z0-9-]+\.k8s\.ooo$/.test(word)
