import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import type { Holding } from '../jobs/job.ts'
import { say } from '../message.ts'
import { answer } from './command.ts'

/** One job holds its locks as a set: one line. */
const line = ([held, ...others]: readonly [Holding, ...Holding[]], nowMs: number): string => {
  const ticket = held.ticket === undefined ? '' : `, #${held.ticket}`
  const locks = [held, ...others].map((h) => h.lock).join(', ')
  const queue = new Map([held, ...others].flatMap((h) => h.queue.map((q) => [q.job, q] as const)))
  const behind = [...queue.values()].map((q) => `job ${q.job} (${q.person}: ${q.sentence})`)
  return `${locks}: job ${held.job} of ${held.person}, \`${held.sentence}\`${ticket}, for ${humanSpan(Math.max(nowMs - held.sinceMs, 0))}. Behind it: ${behind.length === 0 ? 'nobody' : behind.join(', ')}`
}

const byJob = (held: readonly Holding[]): readonly (readonly [Holding, ...Holding[]])[] =>
  [...Map.groupBy(held, ({ job }) => job).values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [[first, ...others] as const],
  )

export const whoHolds = answer({
  name: 'who holds',
  summary: 'Who holds the locks of a cluster: job, person, reason, ticket, since when, and who is next',
  phrases: [
    'who|what holds|has|locks|blocks [the] [lock|locks] [of|on|for] [{node}]',
    'who|what holds|has|locks|blocks [the] [lock|locks] [of|on|for] {cluster}',
    'who|what is working|busy on {node}',
    'who|what is working|busy on {cluster}',
    '[list|show] locks',
    'wer hält|sperrt|blockiert {node}',
    'wer hält|sperrt|blockiert {cluster}',
  ],
  args: z.strictObject({ cluster: z.string().optional(), node: z.string().optional() }),
  examples: ['who holds p10', 'who holds server23', 'locks'],
  takes: ['jobs', 'nowMs'],
  answer: async (args, ctx) => {
    const all = await ctx.jobs.holders()
    const held = args.cluster === undefined ? all : all.filter((h) => h.lock.split('/')[1] === args.cluster)
    const what = args.cluster ?? 'anything'
    if (held.length === 0) return say(`Nobody holds ${what}: the next job starts at once.`)
    const node =
      args.node === undefined
        ? []
        : [{ kind: 'text' as const, text: `A lock is for the whole cluster: ${args.node} is on ${what}.` }]
    return { blocks: [...node, { kind: 'list', items: byJob(held).map((of) => line(of, ctx.nowMs())) }] }
  },
})
