import { z } from 'zod'
import { humanAge } from '../duration.ts'
import { isRefusal } from '../errors.ts'
import { say } from '../message.ts'
import type { Pod } from '../systems/kubernetes/port.ts'
import { answer } from './command.ts'

const stuckPodsArgs = z.strictObject({ cluster: z.string() })
const STUCK_AFTER_MS = 5 * 60_000

/** Terminating for more than five minutes beyond the grace period: a deletionTimestamp is the end of the grace period. */
export const isStuck = (pod: Pod, nowMs: number): boolean =>
  pod.deletionAtMs !== undefined && nowMs - pod.deletionAtMs > STUCK_AFTER_MS

export const stuckPods = answer({
  name: 'stuck pods',
  summary: 'Pods that have been terminating for more than five minutes',
  phrases: [
    '[list|show|get] [me] [all] [the] stuck|hanging|terminating pods',
    'what|which|who is|are terminating|stuck|hanging',
    'what|which pods is|are terminating|stuck|hanging',
    'what|which pods hang',
    'what hangs',
  ],
  args: stuckPodsArgs,
  examples: ['stuck pods p10', 'what is terminating on p10'],
  manual: ['kubectl get pods -A | grep Terminating'],
  takes: ['cluster'],
  answer: async (args, ctx) => {
    const cluster = await ctx.cluster(args.cluster)
    if (isRefusal(cluster)) return cluster
    const [{ items }, nowMs] = await Promise.all([
      cluster.pods({ signal: ctx.signal }),
      cluster.serverTimeMs({ signal: ctx.signal }),
    ])
    const stuck = items
      .filter((pod) => isStuck(pod, nowMs))
      .toSorted((a, b) => (a.deletionAtMs ?? 0) - (b.deletionAtMs ?? 0))
    if (stuck.length === 0) return say(`No pod of ${args.cluster} has been terminating for more than 5 minutes.`)
    const rows = stuck.map((pod) => [
      pod.namespace,
      pod.name,
      pod.node ?? '<none>',
      humanAge(nowMs - (pod.deletionAtMs ?? nowMs)),
      pod.finalizers.length === 0 ? '<none>' : pod.finalizers.join(','),
    ])
    return { blocks: [{ kind: 'table', columns: ['NAMESPACE', 'NAME', 'NODE', 'SINCE', 'FINALIZERS'], rows }] }
  },
})
