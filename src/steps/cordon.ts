import { asSluiceError, isTransient, SluiceError } from '../errors.ts'
import type { Cluster, Node } from '../systems/kubernetes/port.ts'
import type { Evidence, Finding, Step, StepContext } from './step.ts'

const PREFIX = 'sluice.ungleich.ch/cordon-'
const KEYS = ['job', 'person', 'ticket', 'reason', 'since'] as const
const TIMEOUT_MS = 60_000
const TRIES = 5

/** A node of a target, and why it is cordoned. */
export type CordonOf = {
  readonly name: string
  readonly uid: string
  readonly reason?: string
  /** Part of a drain: a refused cordon is DRAIN-CORDON-FAILED. */
  readonly forDrain: boolean
}

export type Holder = {
  /** The job that cordoned it; undefined when it was not Sluice. */
  readonly job?: string
  readonly person?: string
  readonly sinceMs?: number
  readonly text: string
}

/** Who cordoned a node, from its annotations. */
export function cordonHolder(node: Node): Holder {
  const [job, person, ticket, reason, since] = KEYS.map((key) => node.annotations[PREFIX + key])
  if (job === undefined) return { text: 'somebody without Sluice' }
  const parts = [
    `job ${job}`,
    ...(ticket === undefined ? [] : [`ticket ${ticket}`]),
    // in a plan that people of several zones read: to the minute, its zone named
    ...(since === undefined ? [] : [`since ${since.replace(/^(\S{10})T(\d\d:\d\d).*Z$/, '$1 $2 UTC')}`]),
  ]
  const text = `${person ?? 'somebody'} (${parts.join(', ')})${reason === undefined ? '' : `: ${reason}`}`
  const sinceMs = Date.parse(since ?? '')
  return { job, text, ...(person === undefined ? {} : { person }), ...(Number.isNaN(sinceMs) ? {} : { sinceMs }) }
}

/** Takes the annotations of a cordon off. */
export const WITHOUT_HOLDER: Readonly<Record<string, null>> = Object.fromEntries(
  KEYS.map((key) => [PREFIX + key, null]),
)

const holderOf = ({ job, nowMs }: StepContext, reason: string | undefined): Record<string, string | null> => ({
  ...WITHOUT_HOLDER,
  [`${PREFIX}job`]: job.id,
  [`${PREFIX}person`]: job.person,
  [`${PREFIX}since`]: new Date(nowMs()).toISOString(),
  ...(job.ticket === undefined ? {} : { [`${PREFIX}ticket`]: job.ticket }),
  ...(reason === undefined ? {} : { [`${PREFIX}reason`]: reason }),
})

/**
 * The node of that name and uid. Throws K8S-NOT-FOUND when it is gone, K8S-CONFLICT when another one has its name.
 */
export async function sameNode(
  cluster: Cluster,
  wanted: { readonly name: string; readonly uid: string },
  signal: AbortSignal,
): Promise<Node> {
  const node = await cluster.node(wanted.name, { signal })
  if (node === undefined)
    throw new SluiceError('K8S-NOT-FOUND', `reading node ${wanted.name}`, { text: `node ${wanted.name} is gone` })
  if (node.uid === wanted.uid) return node
  throw new SluiceError('K8S-CONFLICT', `reading node ${wanted.name}`, {
    text: `another node is called ${wanted.name} now`,
  })
}

/** Findings about a node that is gone or was replaced since it was resolved. */
export const missingNode = (key: string, name: string, node: Node | undefined): Finding => ({
  key,
  object: name,
  verdict: 'block',
  code: 'K8S-NOT-FOUND',
  topic: 'cordon',
  reason: node === undefined ? 'the node is gone' : 'another node has this name now',
})

function previewOf(of: CordonOf, node: Node | undefined): Finding {
  const key = `cordon ${of.name}`
  if (node === undefined || node.uid !== of.uid) return missingNode(key, of.name, node)
  return node.unschedulable
    ? {
        key,
        object: of.name,
        uid: node.uid,
        verdict: 'skip',
        topic: 'cordon',
        reason: 'already cordoned',
        detail: `by ${cordonHolder(node).text}`,
      }
    : { key, object: of.name, uid: node.uid, verdict: 'do', topic: 'cordon', reason: 'no new pods start here' }
}

async function patch(of: CordonOf, ctx: StepContext): Promise<Evidence> {
  await sameNode(ctx.cluster, of, ctx.signal)
  await ctx.safePoint()
  await ctx.cluster.patchNode(
    of.name,
    { uid: of.uid, unschedulable: true, annotations: holderOf(ctx, of.reason) },
    { signal: ctx.signal },
  )
  return { kind: 'evidence', text: 'cordoned', data: { ours: true } }
}

async function run(of: CordonOf, ctx: StepContext): Promise<Evidence> {
  try {
    return await patch(of, ctx)
  } catch (error) {
    // whether it was cordoned is not known then: the step looks, and tries again
    if (isTransient(error)) throw error
    const cause = asSluiceError(error, `cordoning ${of.name}`)
    if (!of.forDrain || !cause.code.startsWith('K8S-')) throw cause
    throw new SluiceError('DRAIN-CORDON-FAILED', `cordoning ${of.name}`, {
      text: `${cause.message}. Nothing was evicted.`,
      cause,
    })
  }
}

async function undoOnce(of: CordonOf, ctx: StepContext): Promise<Evidence> {
  const node = await sameNode(ctx.cluster, of, ctx.signal)
  if (!node.unschedulable) return { kind: 'evidence', text: 'already uncordoned' }
  const holder = cordonHolder(node)
  if (holder.job !== ctx.job.id) return { kind: 'evidence', text: `left cordoned: that was ${holder.text}` }
  await ctx.cluster.patchNode(
    of.name,
    { uid: of.uid, resourceVersion: node.resourceVersion, unschedulable: false, annotations: WITHOUT_HOLDER },
    { signal: ctx.signal },
  )
  return { kind: 'evidence', text: 'uncordoned' }
}

/** Repeats what lost against another writer (K8S-CONFLICT), a few times. */
export async function againOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'K8S-CONFLICT' || tries === TRIES) throw error
    }
  }
}

/** Marks a node unschedulable, with who, why and for which ticket in its annotations; undone only while they name this job. */
export const cordon = (of: CordonOf): Step => ({
  id: `cordon ${of.name}`,
  title: `cordon ${of.name}`,
  repeatable: true,
  timeoutMs: TIMEOUT_MS,
  preview: async (ctx) => {
    ctx.assume.add(`cordoned:${of.name}`)
    return [previewOf(of, await ctx.cluster.node(of.name, { signal: ctx.signal }))]
  },
  done: async (ctx) => {
    const node = await sameNode(ctx.cluster, of, ctx.signal)
    if (!node.unschedulable) return undefined
    const ours = cordonHolder(node).job === ctx.job.id
    return { kind: 'evidence', text: ours ? 'cordoned' : 'already cordoned', data: { ours } }
  },
  run: (ctx) => run(of, ctx),
  undo: (ctx) => againOnConflict(() => undoOnce(of, ctx)),
})
