import type { Cluster, Redis } from 'ioredis'

/** A connection: to one server (alone, or the master that Sentinels name), or to the nodes of a Redis Cluster. Both speak the same commands. */
export type Client = Redis | Cluster

/** One Redis (or Valkey) and the prefix every key of ours starts with: `{sluice}`, one hash slot, so that Sentinel and Cluster work. */
export type Store = {
  /** For commands: fails fast, throws STORE-UNREACHABLE through the callers. */
  readonly redis: Client
  /** A new connection for blocking reads and BullMQ workers (maxRetriesPerRequest null): waits a minute for a store that is away; closed with the store. */
  readonly blocking: () => Client
  /** Whether scripts made by `kept` wait for a replica now. */
  readonly replicated: () => boolean
  readonly prefix: '{sluice}'
  readonly close: () => Promise<void>
}
