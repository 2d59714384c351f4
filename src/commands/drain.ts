import { z } from 'zod'
import { isRefusal, refuse } from '../errors.ts'
import type { Target } from '../jobs/job.ts'
import { cordon } from '../steps/cordon.ts'
import type { DrainOptions } from '../steps/drain-filters.ts'
import { evictPods } from '../steps/evict-pods.ts'
import { verifyDrained } from '../steps/verify-drained.ts'
import { change } from './command.ts'
import { nodeArgs, nodeLocks, resolveNodes } from './targets.ts'

const DEFAULT_TIMEOUT_MS = 30 * 60_000
const DAY_MS = 86_400_000

const drainArgs = z.strictObject({
  ...nodeArgs,
  deleteEmptydirData: z.boolean().optional(),
  force: z.boolean().optional(),
  disableEviction: z.boolean().optional(),
  ignoreDaemonsets: z.boolean().optional(),
  gracePeriodSeconds: z.int().min(-1).max(86_400).optional(),
  podSelector: z.string().min(1).max(500).optional(),
  skipWaitForDeleteTimeoutSeconds: z.int().min(0).max(86_400).optional(),
  timeoutMs: z.int().min(1_000).max(DAY_MS).optional(),
  withoutShutdown: z.boolean().optional(),
})
type DrainArgs = z.infer<typeof drainArgs>

/** What was said, and kubectl's defaults but for DaemonSets: a cluster with kube-proxy can never be drained without ignoring them. */
const optionsOf = (args: DrainArgs): DrainOptions => ({
  deleteEmptydirData: args.deleteEmptydirData ?? false,
  force: args.force ?? false,
  disableEviction: args.disableEviction ?? false,
  ignoreDaemonsets: args.ignoreDaemonsets ?? true,
  gracePeriodSeconds: args.gracePeriodSeconds ?? -1,
  skipWaitForDeleteTimeoutSeconds: args.skipWaitForDeleteTimeoutSeconds ?? 0,
  timeoutMs: args.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  ...(args.podSelector === undefined ? {} : { podSelector: args.podSelector }),
})

const WORDS: readonly (readonly [keyof DrainArgs, string])[] = [
  ['deleteEmptydirData', 'aggressively'],
  ['force', 'including unmanaged pods'],
  ['disableEviction', 'ignoring budgets'],
  ['withoutShutdown', 'without shutdown'],
]
const sentenceOf = (args: DrainArgs, names: readonly string[]): string =>
  [
    `drain ${names.join(', ')} on ${args.cluster}`,
    ...WORDS.filter(([key]) => args[key] === true).map(([, word]) => word),
    ...(args.podSelector === undefined ? [] : [`--pod-selector=${args.podSelector}`]),
  ].join(' ')

const storageDomains = (target: Target): readonly string[] =>
  target.nodes.filter((node) => node.storage === true).map((node) => node.name)

export const drain = change({
  name: 'drain',
  summary: 'Move all pods away from nodes, one node after the other, and keep them cordoned',
  phrases: [
    'drain|evacuate|empty|clear [node|nodes] {nodes}',
    'drain|evacuate|empty|clear {selector}',
    'kubectl drain {nodes}',
    '{nodes} drain|drainen|leeren|entleeren',
    'move all|the pods off|away from {nodes}',
    'move everything off|away from {nodes}',
  ],
  options: [
    { say: 'aggressively|aggressive|hard', set: { deleteEmptydirData: true } },
    { say: '[and] be [more] aggressive', set: { deleteEmptydirData: true } },
    { say: 'including|with unmanaged pods', set: { force: true } },
    { say: 'including|with naked|bare pods', set: { force: true } },
    { say: 'ignoring|ignore|without budgets|pdbs|disruption-budgets', set: { disableEviction: true } },
    { say: 'without [a] shutdown|reboot', set: { withoutShutdown: true } },
    { say: 'one by one', set: {} },
    { say: 'one after the|another other', set: {} },
    'timeout|within {timeoutMs:duration}',
    '--timeout={timeoutMs:duration}',
    { say: '--delete-emptydir-data', set: { deleteEmptydirData: true } },
    { say: '--delete-local-data', set: { deleteEmptydirData: true } },
    { say: '--ignore-daemonsets', set: { ignoreDaemonsets: true } },
    { say: '--ignore-daemonsets=true', set: { ignoreDaemonsets: true } },
    { say: '--ignore-daemonsets=false', set: { ignoreDaemonsets: false } },
    { say: '--force', set: { force: true } },
    { say: '--disable-eviction', set: { disableEviction: true } },
    '--grace-period={gracePeriodSeconds:number}',
    '--pod-selector={podSelector:word}',
    '--skip-wait-for-delete-timeout={skipWaitForDeleteTimeoutSeconds:number}',
    'reason|because {reason:text}',
  ],
  args: drainArgs,
  examples: [
    'drain server23 on p10',
    'drain server22-27 on p10 aggressively',
    'drain server23 on p10 including unmanaged pods timeout 1h #1234',
    'kubectl drain --delete-emptydir-data --ignore-daemonsets server23',
  ],
  manual: [
    'kubectl drain --delete-emptydir-data --ignore-daemonsets serverN   (that is: drain serverN aggressively)',
    'DaemonSet pods stay, as they would be started again at once.',
    'Pods with emptyDir data are refused unless you say `aggressively`; pods without a controller unless you say `including unmanaged pods`.',
    'The node stays cordoned afterwards: `uncordon serverN` puts it back.',
  ],
  risk: (args) => (args.force === true || args.disableEviction === true ? 'destructive' : 'disruptive'),
  resolve: async (args, read) => {
    const target = await resolveNodes(args, read, (names) => sentenceOf(args, names))
    if (isRefusal(target)) return target
    const domains = storageDomains(target)
    if (domains.length < 2) return target
    const choices = domains.map((name) => ({ label: `Drain ${name} alone`, text: sentenceOf(args, [name]) }))
    return refuse(
      'STORAGE-DOMAINS',
      `${domains.join(', ')} carry OSDs of ${args.cluster} and are more than one failure domain. Nothing was done.`,
      { choices },
    )
  },
  facts: (target) => [
    'identity',
    'not-ready',
    'capacity',
    'storage',
    ...(target.nodes.some((node) => node.controlPlane) ? (['quorum'] as const) : []),
    ...(target.args['ticket'] === undefined ? [] : (['ticket'] as const)),
  ],
  locks: (target) => [
    `cluster/${target.cluster}`,
    ...(target.nodes.some((node) => node.controlPlane) ? [`control-plane/${target.cluster}`] : []),
    ...(storageDomains(target).length > 0 ? [`storage/${target.cluster}`] : []),
    ...nodeLocks(target),
  ],
  onCancel: 'ask',
  offer: (target) => `uncordon ${target.nodes.map((node) => node.name).join(', ')} on ${target.cluster}`,
  steps: (target) => {
    const args = drainArgs.parse(target.args)
    const names = target.nodes.map(({ name }) => name)
    const drained = {
      cluster: target.cluster,
      options: optionsOf(args),
      approved: new Set<string>(),
      sentence: (words: Partial<DrainArgs>) => sentenceOf({ ...args, ...words }, names),
    }
    return target.nodes.flatMap((node) => [
      cordon({ ...node, reason: args.reason ?? target.sentence, forDrain: true }),
      evictPods({ ...drained, node }),
      verifyDrained({ ...drained, node }),
    ])
  },
})
