import { z } from 'zod'
import { refuse } from '../errors.ts'
import type { Text } from '../message.ts'
import { type InventoryCluster, answer } from './command.ts'

const showClusterArgs = z.strictObject({ cluster: z.string() })

function fields(c: InventoryCluster): readonly (readonly [string, Text])[] {
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['Argo CD', c.argoUrl],
    ['v4 proxy', c.v4Proxy],
    ['Last verified', c.lastVerified],
  ]
  return [
    ['Name', c.fqdn],
    ['Also called', c.aliases.length === 0 ? 'nothing else' : c.aliases.join(', ')],
    ['Type', c.type],
    ['Place', c.place],
    ['Purpose', c.purpose],
    ['State', c.state],
    ['Maintainers', c.maintainers.length === 0 ? 'nobody' : c.maintainers.join(', ')],
    ['Masters', c.masters.length === 0 ? 'not known' : c.masters.join(', ')],
    ['Nodes', `${c.nodes.length}${c.live ? '' : ' (from the registry)'}`],
    ['Addresses', c.ipFamily === 'ipv6' ? 'IPv6 only' : 'IPv6 and IPv4'],
    ['Rook', c.rook ? 'yes' : 'no'],
    ...optional.flatMap(([name, value]): readonly (readonly [string, string])[] =>
      value === undefined ? [] : [[name, value]],
    ),
  ]
}

export const showCluster = answer({
  name: 'show cluster',
  summary: 'What the registry says about a cluster',
  phrases: [
    '[show|describe|info] [about] [cluster] {cluster}',
    'tell me about [cluster] {cluster}',
    'what is [cluster] {cluster}',
    'who maintains [cluster] {cluster}',
  ],
  args: showClusterArgs,
  examples: ['show cluster p10', 'tell me about place10', 'p10'],
  takes: ['inventory'],
  answer: async (args, ctx) => {
    const cluster = ctx.inventory.clusters.find(({ name }) => name === args.cluster)
    if (cluster === undefined) return refuse('PARSE-CLUSTER', `There is no cluster ${args.cluster}.`)
    return {
      blocks: [
        { kind: 'heading', text: cluster.name },
        { kind: 'fields', rows: fields(cluster) },
      ],
    }
  },
})
