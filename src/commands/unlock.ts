import { z } from 'zod'
import { type Refusal, refuse } from '../errors.ts'
import type { Held } from '../steps/step.ts'
import { takeLocks } from '../steps/take-locks.ts'
import { change } from './command.ts'
import { jobNumber, offerOf } from './job-words.ts'

const unlockArgs = z.strictObject({
  cluster: z.string().optional(),
  node: z.string().optional(),
  job: jobNumber.optional(),
  reason: z.string().min(1).max(500),
  ticket: z.string().optional(),
})
type UnlockArgs = z.infer<typeof unlockArgs>
const taken = z.object({ job: z.string(), reason: z.string() })

/** `node/p10/server23.place10.ungleich.ch` is server23's, and p10's. */
function isOf(lock: string, { cluster, node }: UnlockArgs): boolean {
  const [kind, of, name = ''] = lock.split('/')
  if (of !== cluster) return false
  return node === undefined || (kind === 'node' && (name === node || name.split('.')[0] === node))
}

const whatOf = ({ cluster, node, job }: UnlockArgs): string | undefined =>
  node ?? (job === undefined ? cluster : `job ${job}`)

const described = ({ job, by, sentence, locks }: Held): string => `job ${job} (${by}: ${sentence}): ${locks.join(', ')}`

/** The one job whose locks are meant, or why there is none. */
function meant(args: UnlockArgs, held: readonly Held[]): Held | Refusal {
  const what = whatOf(args)
  const all = held.filter(({ job, locks }) =>
    args.job === undefined ? locks.some((lock) => isOf(lock, args)) : job === args.job,
  )
  const [only] = all
  if (only === undefined) {
    const around = held.filter(({ locks }) => locks.some((lock) => lock.split('/')[1] === args.cluster))
    const choices = around.map(({ job }) => offerOf(`unlock job ${job} reason ${args.reason}`))
    return refuse('LOCK-FREE', `Nobody holds ${what}.`, { details: around.map(described), choices })
  }
  if (all.length > 1) {
    const choices = all.map(({ job }) => offerOf(`unlock job ${job} reason ${args.reason}`))
    return refuse('PARSE-AMBIGUOUS', `More than one job holds locks of ${what}: whose?`, {
      details: all.map(described),
      choices,
    })
  }
  if (only.busy === undefined) return only
  return refuse('LOCK-BUSY', `${only.busy}: its locks stay with it. Nothing was done.`, {
    next: `Say \`cancel ${only.job}\`, and wait until it has stopped.`,
    choices: [offerOf(`cancel ${only.job}`)],
  })
}

export const unlock = change({
  name: 'unlock',
  summary: 'Take the locks away from a job that no longer works',
  phrases: [
    'unlock [node] {node}',
    'unlock [cluster] {cluster}',
    'unlock {job}',
    'release|break|remove|take [away] [the] lock|locks [of|on|from] [node] {node}',
    'release|break|remove|take [away] [the] lock|locks [of|on|from] [cluster] {cluster}',
    'release|break|remove|take [away] [the] lock|locks [of|on|from] {job}',
    '{node} entsperren',
    '{cluster} entsperren',
  ],
  options: ['because|reason|weil {reason:text}'],
  args: unlockArgs,
  examples: [
    'unlock p10 reason the host is gone for good',
    'unlock server23 on p10 reason checked by hand',
    'unlock job 17 reason checked by hand',
  ],
  manual: [
    'Only of a job that needs a human, or has ended: one that works, waits for an answer or was halted keeps its locks. Say `cancel N` first.',
    'A job holds its locks as one set, so all of them are taken. Its card says who took them and why; taken up again by `resume N`, it stands in line for them.',
    'Look first at what the job may have left half-way: the next one in line begins at once.',
  ],
  scope: 'sluice',
  risk: () => 'disruptive',
  resolve: async (args, { itself }) => {
    if (whatOf(args) === undefined)
      return refuse('PARSE-MISSING', 'Unlock what?', { next: 'Name a node, a cluster or a job.' })
    const held = meant(args, await itself.held())
    if ('refused' in held) return held
    const cluster = args.cluster ?? held.locks[0]?.split('/')[1] ?? 'sluice'
    const sentence = `unlock ${whatOf(args) === `job ${held.job}` ? cluster : whatOf(args)}, held by job ${held.job}`
    return { cluster, clusterUid: '', nodes: [], args: { ...args, job: held.job }, sentence }
  },
  facts: (target) => (target.args['ticket'] === undefined ? [] : ['ticket']),
  locks: () => [],
  onCancel: 'keep',
  steps: (target) => [takeLocks(taken.parse(target.args))],
})
