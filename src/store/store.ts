import type { Redis } from 'ioredis'

/** One Redis (or Valkey) and the prefix every key of ours starts with: `{sluice}`, one hash slot, so that Sentinel and Cluster work. */
export type Store = {
  /** For commands: fails fast, throws STORE-UNREACHABLE through the callers. */
  readonly redis: Redis
  /** A new connection for blocking reads and BullMQ workers (maxRetriesPerRequest null); closed with the store. */
  readonly blocking: () => Redis
  readonly prefix: '{sluice}'
  readonly close: () => Promise<void>
}
