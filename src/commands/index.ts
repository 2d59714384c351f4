import { approvals } from './approvals.ts'
import { approve } from './approve.ts'
import { cancel } from './cancel.ts'
import { choose } from './choose.ts'
import type { ChangeCommand, Command } from './command.ts'
import { cordon } from './cordon.ts'
import { deny } from './deny.ts'
import { drain } from './drain.ts'
import { help } from './help.ts'
import { job } from './job.ts'
import { jobs } from './jobs.ts'
import { listClusters } from './list-clusters.ts'
import { listNodes } from './list-nodes.ts'
import { planOf } from './plan.ts'
import { resume } from './resume.ts'
import { retry } from './retry.ts'
import { showCluster } from './show-cluster.ts'
import { showNode } from './show-node.ts'
import { stuckPods } from './stuck-pods.ts'
import { uncordon } from './uncordon.ts'
import { whoHolds } from './who-holds.ts'
import { why } from './why.ts'
import { withdraw } from './withdraw.ts'

/** THE list of what people can say: one line per command. */
const WRITTEN: readonly Command[] = [
  listClusters,
  showCluster,
  listNodes,
  showNode,
  stuckPods,
  cordon,
  uncordon,
  drain,
  jobs,
  job,
  approvals,
  approve,
  deny,
  withdraw,
  choose,
  cancel,
  resume,
  retry,
  why,
  whoHolds,
  help,
]

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'

/** Every change by its name, for jobs to look up. */
export const CHANGES: ReadonlyMap<string, ChangeCommand> = new Map(
  WRITTEN.filter(isChange).map((change) => [change.name, change]),
)

/** Every command: those written, and `plan X` for every change X. */
export const COMMANDS: readonly Command[] = [...WRITTEN, ...[...CHANGES.values()].map(planOf)]
