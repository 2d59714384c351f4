import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import type { Claim, Holding } from '../jobs/job.ts'
import { type Block, moment, say } from '../message.ts'
import { answer } from './command.ts'

type Group = readonly [Holding, ...Holding[]]

const since = ({ sinceMs }: Claim, nowMs: number): string => humanSpan(Math.max(nowMs - sinceMs, 0))

const holds = (claim: Claim, nowMs: number): string => {
  const { job, person, sentence, ticket, reason, state } = claim
  const why = `${ticket === undefined ? '' : `, #${ticket}`}${reason === undefined ? '' : ` (${reason})`}`
  return `job ${job} of ${person}, \`${sentence}\`${why}, ${state}, for ${since(claim, nowMs)}`
}
const waits = (claim: Claim, nowMs: number): string =>
  `job ${claim.job} (${claim.person}: ${claim.sentence}, for ${since(claim, nowMs)})`

/** One job holds its locks as a set: one line. Who waits stands in the order in which they came. */
function line([first, ...others]: Group, nowMs: number): string {
  const all = [first, ...others]
  const queue = new Map(all.flatMap((h) => h.queue.map((claim) => [claim.job, claim] as const)))
  const line = [...queue.values()].toSorted((a, b) => a.sinceMs - b.sinceMs).map((claim) => waits(claim, nowMs))
  const behind = line.length === 0 ? 'nobody' : line.join(', then ')
  const locks = all.map((h) => h.lock).join(', ')
  return first.holder === undefined
    ? `${locks}: nobody, but next is ${behind}`
    : `${locks}: ${holds(first.holder, nowMs)}. Behind it: ${behind}`
}

/** What nobody holds is told lock by lock. */
const grouped = (found: readonly Holding[]): readonly Group[] =>
  [...Map.groupBy(found, ({ holder, lock }) => holder?.job ?? lock).values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [[first, ...others] as const],
  )

/** A node is held by a lock of its own, or with its whole cluster. */
function isAbout(lock: string, cluster: string | undefined, node: string | undefined): boolean {
  const [kind, of, name = ''] = lock.split('/')
  if (cluster !== undefined && of !== cluster) return false
  return node === undefined || kind !== 'node' || name === node || name.split('.')[0] === node
}

export const whoHolds = answer({
  name: 'who holds',
  summary:
    'Who holds the locks of a node or a cluster, and who waits for them: job, person, reason, ticket, since when, in what order',
  phrases: [
    'who|what holds|has|locks|blocks [the] [lock|locks] [of|on|for] [{node}]',
    'who|what holds|has|locks|blocks [the] [lock|locks] [of|on|for] {cluster}',
    'who|what is working|busy on {node}',
    'who|what is working|busy on {cluster}',
    'who|what waits|queues for [the] [lock|locks] [of|on] {node}',
    'who|what waits|queues for [the] [lock|locks] [of|on] {cluster}',
    'who|what is waiting|queued for [the] [lock|locks] [of|on] {node}',
    'who|what is waiting|queued for [the] [lock|locks] [of|on] {cluster}',
    '[list|show] [the] [all] locks',
    'which locks are|is held|there',
    '[list|show] [the] locks of|on|for {node}',
    '[list|show] [the] locks of|on|for {cluster}',
    'wer hält|sperrt|blockiert {node}',
    'wer hält|sperrt|blockiert {cluster}',
  ],
  args: z.strictObject({ cluster: z.string().optional(), node: z.string().optional() }),
  examples: ['who holds p10', 'who holds server23', 'locks of p10', 'locks'],
  takes: ['jobs', 'nowMs'],
  answer: async ({ cluster, node }, ctx) => {
    const [all, stop] = await Promise.all([ctx.jobs.holders(), ctx.jobs.stopped()])
    const found = all.filter(({ lock }) => isAbout(lock, cluster, node))
    const nowMs = ctx.nowMs()
    const note: readonly Block[] =
      stop === undefined
        ? []
        : [
            {
              kind: 'note',
              tone: 'warn',
              text: [
                `${stop.by} stopped everything at `,
                moment(stop.atMs, { timeZone: ctx.person.timeZone, nowMs }),
                `${stop.reason === undefined ? '' : `: ${stop.reason}`}. Nothing begins before \`start again\`.`,
              ],
            },
          ]
    if (found.length > 0)
      return { blocks: [...note, { kind: 'list', items: grouped(found).map((of) => line(of, nowMs)) }] }
    const what = node ?? cluster ?? 'anything'
    return note.length > 0
      ? { blocks: [...note, { kind: 'text', text: `Nobody holds ${what}.` }] }
      : say(`Nobody holds ${what}: the next job starts at once.`)
  },
})
