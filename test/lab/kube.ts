import type { KubeData, KubeLab } from './kube/lab.ts'

export type BringKube = {
  /** Empty or absent directory; the lab removes it in stop(). Keep it short: it holds Unix sockets. */
  readonly dir: string
  readonly basePort?: number
  /** Node names, `:cp` behind a control plane; default: the 14 of p10. */
  readonly nodes?: readonly string[]
  readonly auditLog?: boolean
  /** Until a silent node is NotReady; default 40_000. */
  readonly graceMs?: number
  readonly log?: (line: string) => void
}
export declare function bringKube(options: BringKube): Promise<KubeLab>
export declare function attachKube(data: KubeData): KubeLab
