import { startAgain as startAgainCommand } from '../../src/commands/start-again.ts'
import type { Change, Jobs } from '../../src/jobs/job.ts'
import { asked, change, latch, toyStep, word } from './toy.ts'

// a command's arguments are erased in the list of all commands
export const startAgain: Change = startAgainCommand

/** Two steps: the first stays in its run until it may go on or its signal aborts; each effect is counted. */
export function world() {
  const ran: string[] = []
  const inside = latch()
  const free = latch()
  const first = toyStep('a', {
    run: async ({ signal, safePoint }) => {
      await safePoint()
      inside.open()
      await Promise.race([free.opened, new Promise((resolve) => signal.addEventListener('abort', resolve))])
      signal.throwIfAborted()
      ran.push('a')
      return { kind: 'evidence', text: 'a is so' }
    },
    done: () => Promise.resolve(ran.includes('a') ? { kind: 'evidence', text: 'a is so' } : undefined),
  })
  const second = toyStep('b', {
    run: () => {
      ran.push('b')
      return Promise.resolve({ kind: 'evidence', text: 'b is so' })
    },
  })
  const toy = change([first, second], {
    locks: (t) => [typeof t.args['lock'] === 'string' ? t.args['lock'] : 'cluster/p10'],
  })
  const quiet = { ...toy, name: 'quiet', risk: () => 'change' as const, locks: () => ['node/p10/server1'] }
  return { ran, inside: inside.opened, free: free.open, changes: { toy, quiet, 'start again': startAgain } }
}

export const again = (more = {}) => asked({ command: 'start again', args: {}, text: 'start again', ...more })
export const stop = (jobs: Jobs, reason?: string) =>
  jobs.stopAll({ ...word('fran'), ...(reason === undefined ? {} : { reason }) })
