import { z } from 'zod'
import { uncordon as uncordonNode } from '../steps/uncordon.ts'
import { change } from './command.ts'
import { nodeArgs, nodeLocks, resolveNodes } from './targets.ts'

const uncordonArgs = z.strictObject(nodeArgs)

export const uncordon = change({
  name: 'uncordon',
  summary: 'Let pods start on nodes again',
  phrases: [
    'uncordon|undrain|un-drain|unblock [node|nodes] {nodes}',
    'uncordon|undrain|readd|re-add {selector}',
    'readd|re-add [node|nodes] {nodes} [after draining|drain|maintenance]',
    'add {nodes} back [after draining|drain|maintenance]',
    'put|bring|take {nodes} back [in|into service|rotation|use]',
    'put|bring|take back {nodes}',
    'make|mark {nodes} schedulable [again]',
    'enable|allow scheduling on {nodes} [again]',
    '{nodes} uncordonen|freigeben',
  ],
  args: uncordonArgs,
  options: ['reason|because {reason:text}'],
  examples: ['uncordon server23 on p10', 'put server23 back', 'uncordon everything on p10 that is cordoned'],
  manual: [
    'kubectl uncordon serverN   ("Readding a node after draining")',
    'A cordon that somebody else made is undone only after you confirm it.',
  ],
  risk: () => 'change',
  resolve: (args, read) => resolveNodes(args, read, (names) => `uncordon ${names.join(', ')} on ${args.cluster}`),
  facts: (target) => ['identity', ...(target.args['ticket'] === undefined ? [] : (['ticket'] as const))],
  locks: nodeLocks,
  onCancel: 'keep',
  steps: (target) => target.nodes.map((node) => uncordonNode({ ...node, all: target.nodes.map(({ name }) => name) })),
})
