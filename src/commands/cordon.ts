import { z } from 'zod'
import { cordon as cordonNode } from '../steps/cordon.ts'
import { change } from './command.ts'
import { nodeArgs, nodeLocks, resolveNodes } from './targets.ts'

const cordonArgs = z.strictObject(nodeArgs)

export const cordon = change({
  name: 'cordon',
  summary: 'Let no new pods start on nodes; what runs there stays',
  phrases: [
    'cordon [node|nodes] {nodes} [{reason:text}]',
    'cordon {selector}',
    'make|mark {nodes} unschedulable|unscheduleable',
    'no [new|more] pods on {nodes}',
    'disable scheduling on {nodes}',
    '{nodes} cordonen|sperren',
  ],
  options: ['reason|because {reason:text}'],
  args: cordonArgs,
  examples: ['cordon server23 on p10', 'cordon server23 on p10 because the disk is failing', 'no new pods on server23'],
  manual: ['kubectl cordon serverN', 'The cordon carries person, job, ticket and reason as annotations.'],
  risk: () => 'change',
  resolve: (args, read) => resolveNodes(args, read, (names) => `cordon ${names.join(', ')} on ${args.cluster}`),
  facts: (target) => ['identity', ...(target.args['ticket'] === undefined ? [] : (['ticket'] as const))],
  locks: nodeLocks,
  onCancel: 'keep',
  offer: (target) => `uncordon ${target.nodes.map((node) => node.name).join(', ')} on ${target.cluster}`,
  steps: (target) => {
    const { reason } = cordonArgs.parse(target.args)
    return target.nodes.map((node) =>
      cordonNode({ ...node, forDrain: false, ...(reason === undefined ? {} : { reason }) }),
    )
  },
})
