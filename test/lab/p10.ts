import type { KubeData, P10Lab } from './kube/lab.ts'

export type BringP10 = {
  readonly dir: string
  /** Host names of the workers; default: p10's eleven. */
  readonly workers?: readonly string[]
  readonly log?: (line: string) => void
}
/** Needs root; throws with a sentence saying so. */
export declare function bringP10(options: BringP10): Promise<P10Lab>
export declare function attachP10(data: KubeData): P10Lab
