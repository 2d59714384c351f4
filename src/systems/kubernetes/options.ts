import type { Clock } from '../../duration.ts'
import type { Credentials } from './credentials.ts'

export type ClusterOptions = {
  readonly name: string
  readonly credentials: Credentials
  /** Carries the person: `sluice/0.1 (nico)`. */
  readonly userAgent: string
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] }
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Connections at most; watches come on top. Default 32. */
  readonly connections?: number
}
