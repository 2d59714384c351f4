import { z } from 'zod'
import { refuse } from '../errors.ts'
import { startAgain as lift } from '../steps/start-again.ts'
import { change } from './command.ts'

const stopOf = z.object({ stop: z.string() })

export const startAgain = change({
  name: 'start again',
  summary: 'Let everything go on that `stop all` stopped',
  phrases: [
    'start [everything|all] again',
    'start everything|all',
    'resume|continue|unfreeze|unpause|restart everything|all|alles [again]',
    'resume|continue|unfreeze|unpause|restart all|the jobs|work [again]',
    'lift|end [the] stop|freeze|halt',
    'go|carry on with everything|all',
    'alles fortsetzen|weiter|weitermachen',
    'wieder starten|anfangen',
  ],
  options: ['because|reason|weil {reason:text}'],
  args: z.strictObject({ reason: z.string().max(500).optional(), ticket: z.string().optional() }),
  examples: ['start again', 'start again because the smoke is gone'],
  manual: [
    'Jobs that were halted, and those that waited, go on by themselves: each looks at its plan and its policy again first.',
    'It lifts the one stop that stands now: a later `stop all` stays.',
  ],
  scope: 'sluice',
  risk: () => 'disruptive',
  resolve: async (args, { itself }) => {
    const stop = await itself.stopped()
    if (stop === undefined) return refuse('STOPPED-NOT')
    return { cluster: 'sluice', clusterUid: '', nodes: [], args: { ...args, stop: stop.id }, sentence: 'start again' }
  },
  facts: (target) => (target.args['ticket'] === undefined ? [] : ['ticket']),
  locks: () => [],
  onCancel: 'keep',
  steps: (target) => [lift({ id: stopOf.parse(target.args).stop })],
})
