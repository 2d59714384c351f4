import { z } from 'zod'
import { humanAge } from '../duration.ts'
import { isRefusal } from '../errors.ts'
import { type Message, say } from '../message.ts'
import type { Node } from '../systems/kubernetes/port.ts'
import { answer } from './command.ts'
import { selectNodes, selectorSchema } from './selector.ts'
import { osdNodeNames } from './targets.ts'

const listNodesArgs = z.strictObject({
  cluster: z.string(),
  ...selectorSchema.shape,
  selector: selectorSchema.optional(),
  wide: z.boolean().optional(),
})
type ListNodesArgs = z.infer<typeof listNodesArgs>

/** kubectl's STATUS column (printers/internalversion printNode): a Ready condition that is not True is NotReady. */
export const nodeStatus = (node: Node): string =>
  `${node.ready === 'True' ? 'Ready' : 'NotReady'}${node.unschedulable ? ',SchedulingDisabled' : ''}`

const row = (node: Node, nowMs: number, wide: boolean): readonly string[] => [
  node.name,
  nodeStatus(node),
  node.roles.length === 0 ? '<none>' : node.roles.toSorted().join(','),
  humanAge(nowMs - node.createdAtMs),
  node.kubeletVersion,
  ...(wide ? [node.internalIp ?? '<none>', '<none>', node.osImage, node.kernelVersion, node.containerRuntime] : []),
]

/** `kubectl get nodes [-o wide]`: the same columns in the same order. */
export function nodesTable(nodes: readonly Node[], nowMs: number, wide: boolean): Message {
  const columns = ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION']
  const more = wide ? ['INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME'] : []
  const sorted = nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    blocks: [{ kind: 'table', columns: [...columns, ...more], rows: sorted.map((node) => row(node, nowMs, wide)) }],
  }
}

function matching(args: ListNodesArgs, nodes: readonly Node[], osdNodes: ReadonlySet<string>): readonly Node[] {
  const hasOsds = (node: Node): boolean => osdNodes.has(node.name)
  return selectNodes(selectNodes(nodes, args, hasOsds), args.selector ?? {}, hasOsds)
}

export const listNodes = answer({
  name: 'list nodes',
  summary: "The nodes of a cluster, in kubectl's columns",
  phrases: [
    '[list|show|get] [me] [all] [the] nodes',
    'list|show|get {selector}',
    'which nodes are there',
    'which nodes {selector}',
    'nodes {selector}',
    'list|show|get [all] [the] cordoned|ready|notready|worker nodes',
  ],
  options: [
    { say: 'cordoned', set: { cordoned: true } },
    { say: 'that|which are|is cordoned', set: { cordoned: true } },
    { say: 'which nodes are cordoned', set: { cordoned: true } },
    { say: 'notready|not-ready|unready', set: { ready: false } },
    { say: 'not ready', set: { ready: false } },
    { say: 'that|which are|is notready', set: { ready: false } },
    { say: 'ready', set: { ready: true } },
    { say: 'that|which are|is ready', set: { ready: true } },
    { say: 'master|masters|control-plane|control-planes', set: { role: 'control-plane' } },
    { say: 'worker|workers', set: { role: 'worker' } },
    'older than {olderThanVersion:word}',
    { say: 'wide', set: { wide: true } },
    { say: '-o wide', set: { wide: true } },
    { say: '-owide', set: { wide: true } },
    { say: '--output=wide', set: { wide: true } },
  ],
  args: listNodesArgs,
  examples: ['list nodes p10', 'nodes p10 wide', 'kubectl get nodes on p10', 'list nodes p10 older than v1.36'],
  manual: ['kubectl get nodes'],
  takes: ['cluster'],
  answer: async (args, ctx) => {
    const cluster = await ctx.cluster(args.cluster)
    if (isRefusal(cluster)) return cluster
    const [nodes, nowMs, osdNodes] = await Promise.all([
      cluster.nodes({ signal: ctx.signal }),
      cluster.serverTimeMs({ signal: ctx.signal }),
      args.osds === true || args.selector?.osds === true ? osdNodeNames(cluster, ctx.signal) : new Set<string>(),
    ])
    const found = matching(args, nodes, osdNodes)
    return found.length === 0
      ? say(`No node of ${args.cluster} matches (it has ${nodes.length}).`)
      : nodesTable(found, nowMs, args.wide === true)
  },
})
