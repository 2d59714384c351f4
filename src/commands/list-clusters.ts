import { z } from 'zod'
import { answer } from './command.ts'

const listClustersArgs = z.strictObject({ unused: z.boolean().optional() })

export const listClusters = answer({
  name: 'list clusters',
  summary: 'The clusters Sluice knows',
  phrases: [
    '[list|show|get] [me] [all] [the|our] clusters',
    'which|what clusters do we have',
    'which|what clusters are there',
    'what are our clusters',
  ],
  options: [
    { say: 'including|incl|incl.|with|and [the] unused [ones]', set: { unused: true } },
    { say: 'unused', set: { unused: true } },
  ],
  args: listClustersArgs,
  examples: ['list clusters', 'list clusters including unused'],
  takes: ['inventory'],
  answer: async (args, ctx) => {
    const shown = ctx.inventory.clusters.filter((cluster) => args.unused === true || cluster.state === 'active')
    const hidden = ctx.inventory.clusters.length - shown.length
    const rows = shown.map((c) => [
      c.name,
      c.type,
      c.place,
      c.maintainers.join(','),
      String(c.nodes.length),
      c.state === 'active' ? c.purpose : `${c.purpose} (unused)`,
    ])
    return {
      blocks: [
        { kind: 'table', columns: ['NAME', 'TYPE', 'PLACE', 'MAINTAINERS', 'NODES', 'PURPOSE'], rows },
        ...(hidden === 0
          ? []
          : [{ kind: 'text', text: `${hidden} unused not shown: \`list clusters including unused\`.` } as const]),
      ],
    }
  },
})
