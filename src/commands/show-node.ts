import { z } from 'zod'
import { humanAge } from '../duration.ts'
import { isRefusal, refuse } from '../errors.ts'
import type { Block, Message } from '../message.ts'
import { cordonHolder } from '../steps/cordon.ts'
import type { Node, Pod } from '../systems/kubernetes/port.ts'
import { answer } from './command.ts'
import { nodeStatus } from './list-nodes.ts'
import { findNode, nearest } from './targets.ts'

const showNodeArgs = z.strictObject({ cluster: z.string(), node: z.string() })

const podState = (pod: Pod): string => {
  if (pod.deletionAtMs !== undefined) return 'Terminating'
  return pod.waitingReason ?? pod.phase
}

function podsBlock(pods: readonly Pod[]): Block {
  const byNamespace = Map.groupBy(
    pods.toSorted((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1)),
    (pod) => pod.namespace,
  )
  const items = [...byNamespace].map(([namespace, of]) => {
    const names = of.map((pod) =>
      podState(pod) === 'Running' && pod.ready ? pod.name : `${pod.name} (${podState(pod)})`,
    )
    return `${namespace}: ${names.join(', ')}`
  })
  return items.length === 0 ? { kind: 'text', text: 'No pods.' } : { kind: 'list', items }
}

function nodeFields(node: Node, pods: number, nowMs: number): Block {
  const taints = node.taints.map(
    ({ key, value, effect }) => `${key}${value === undefined || value === '' ? '' : `=${value}`}:${effect}`,
  )
  return {
    kind: 'fields',
    rows: [
      ['Status', nodeStatus(node)],
      ...(node.unschedulable ? ([['Cordoned by', cordonHolder(node).text]] as const) : []),
      ['Roles', node.roles.length === 0 ? '<none>' : node.roles.toSorted().join(',')],
      ['Age', humanAge(nowMs - node.createdAtMs)],
      ['Version', node.kubeletVersion],
      ['Address', node.internalIp ?? '<none>'],
      ['System', `${node.osImage}, ${node.kernelVersion}, ${node.containerRuntime}`],
      ['Taints', taints.length === 0 ? '<none>' : taints.join(', ')],
      ['Pods', `${pods} of ${node.allocatable.pods}`],
    ],
  }
}

export const showNode = answer({
  name: 'show node',
  summary: 'One node: status, who cordoned it, and its pods by namespace',
  phrases: [
    '[show|describe|info] [node] {node}',
    'tell me about {node}',
    'what runs on {node}',
    'what is running on {node}',
    "what's running on {node}",
    'what pods run|are on {node}',
    'which pods run|are on {node}',
    'how many pods run|are on {node}',
    '[list|show|get] pods on|of {node}',
    'status|state [of] {node}',
    'how is {node}',
    'who cordoned {node}',
  ],
  args: showNodeArgs,
  examples: ['show node server23', 'what runs on server23', 'describe server23 on p10'],
  manual: ['kubectl describe node serverN'],
  takes: ['cluster'],
  answer: async (args, ctx): Promise<Message | ReturnType<typeof refuse>> => {
    const cluster = await ctx.cluster(args.cluster)
    if (isRefusal(cluster)) return cluster
    const [nodes, nowMs] = await Promise.all([
      cluster.nodes({ signal: ctx.signal }),
      cluster.serverTimeMs({ signal: ctx.signal }),
    ])
    const node = findNode(nodes, args.node)
    if (node === undefined) {
      const close = nearest(
        args.node,
        nodes.map(({ name }) => name),
      )
      return refuse(
        'PARSE-NODE',
        `There is no node ${args.node} on ${args.cluster}.`,
        close.length === 0 ? {} : { details: [`Did you mean ${close.join(' or ')}?`] },
      )
    }
    const { items } = await cluster.pods({ node: node.name, signal: ctx.signal })
    return {
      blocks: [
        { kind: 'heading', text: `${node.name} on ${args.cluster}` },
        nodeFields(node, items.length, nowMs),
        podsBlock(items),
      ],
    }
  },
})
