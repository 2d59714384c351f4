import type { ChangeCommand, Command } from './command.ts'
import { cordon } from './cordon.ts'
import { drain } from './drain.ts'
import { listClusters } from './list-clusters.ts'
import { listNodes } from './list-nodes.ts'
import { planOf } from './plan.ts'
import { showCluster } from './show-cluster.ts'
import { showNode } from './show-node.ts'
import { stuckPods } from './stuck-pods.ts'
import { uncordon } from './uncordon.ts'

/** THE list of what people can say: one line per command. */
const WRITTEN: readonly Command[] = [listClusters, showCluster, listNodes, showNode, stuckPods, cordon, uncordon, drain]

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'

/** Every change by its name, for jobs to look up. */
export const CHANGES: ReadonlyMap<string, ChangeCommand> = new Map(
  WRITTEN.filter(isChange).map((change) => [change.name, change]),
)

/** Every command: those written, and `plan X` for every change X. */
export const COMMANDS: readonly Command[] = [...WRITTEN, ...[...CHANGES.values()].map(planOf)]
