import type { SluiceError } from '../../errors.ts'

/** As read, or why it could not be read. `trouble`: the cluster does not answer now, which may pass. */
export type FactReading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string; readonly trouble?: SluiceError }

/** PORT: the facts policies may ask for. One reader per fact; a reader never throws, it says why it cannot read. */
export type QuorumFact = {
  readonly voters: readonly { readonly node: string; readonly healthy: boolean; readonly why?: string }[]
  /** Control-plane nodes among the targets. */
  readonly targets: readonly string[]
}
export type StorageFact = {
  /** Whether a target carries OSDs or mons. */
  readonly touches: boolean
  readonly health: string
  readonly healthy: boolean
  /** Failure domains (hosts) among the targets. */
  readonly targetDomains: readonly string[]
  /** Failure domains Rook considers draining now. */
  readonly draining: readonly string[]
}
export type CapacityFact = {
  readonly needed: { readonly cpuMillis: number; readonly memoryBytes: number }
  readonly free: { readonly cpuMillis: number; readonly memoryBytes: number }
  readonly nodesLeft: number
  readonly fits: boolean
}
export type TicketFact = {
  readonly id: string
  readonly exists: boolean
  readonly open: boolean
  readonly subject?: string
  readonly url?: string
}
export type IdentityFact = { readonly uid: string; readonly pinned?: string }
export type NotReadyFact = { readonly nodes: readonly string[] }

export type FactName = 'quorum' | 'storage' | 'capacity' | 'ticket' | 'identity' | 'not-ready'
export type Facts = {
  readonly quorum?: FactReading<QuorumFact>
  readonly storage?: FactReading<StorageFact>
  readonly capacity?: FactReading<CapacityFact>
  readonly ticket?: FactReading<TicketFact>
  readonly identity?: FactReading<IdentityFact>
  readonly 'not-ready'?: FactReading<NotReadyFact>
}

/** What facts are read about. */
export type Subject = {
  readonly cluster?: string
  readonly nodes: readonly string[]
  readonly ticket?: string
  readonly person: string
}
export type ReadFacts = (names: readonly FactName[], subject: Subject, signal: AbortSignal) => Promise<Facts>
