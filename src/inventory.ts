import { within } from './duration.ts'
import type { Inventory, InventoryCluster } from './commands/command.ts'
import { isRefusal, type Refusal } from './errors.ts'
import type { Log } from './log.ts'
import type { Cluster } from './systems/kubernetes/port.ts'

export type LiveInventory = {
  readonly now: () => Inventory
  /** Reads the nodes of every cluster that can be reached; the others keep what was known. */
  readonly refresh: (signal: AbortSignal) => Promise<void>
}

const READ_MS = 5_000

/** Names from the live clusters where they answered, beside the registry's claims: a name both know is one node, live roles win. */
export function liveInventory(
  clusters: () => readonly InventoryCluster[],
  people: () => Inventory['people'],
  open: (name: string) => Cluster | Refusal,
  log: Log,
): LiveInventory {
  const live = new Map<string, InventoryCluster['nodes']>()
  const merged = (c: InventoryCluster): InventoryCluster => {
    const seen = live.get(c.name)
    if (seen === undefined) return c
    const names = new Set(seen.map((n) => n.name))
    return { ...c, live: true, nodes: [...seen, ...c.nodes.filter((n) => !names.has(n.name))] }
  }
  const read = async (c: InventoryCluster, signal: AbortSignal): Promise<void> => {
    const cluster = open(c.name)
    if (isRefusal(cluster)) return
    try {
      const nodes = await cluster.nodes({ signal: within(READ_MS, signal) })
      live.set(
        c.name,
        nodes.map((n) => ({ name: n.name, controlPlane: n.controlPlane })),
      )
    } catch (error) {
      log.debug({ cluster: c.name }, `nodes not read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return {
    now: () => ({ clusters: clusters().map(merged), people: people() }),
    refresh: async (signal) => {
      await Promise.all(clusters().map((c) => read(c, signal)))
    },
  }
}
