import { z } from 'zod'
import { humanSpan } from '../duration.ts'
import { asSluiceError, SluiceError } from '../errors.ts'
import { missingNode } from './cordon.ts'
import { type DrainOptions, fatalTexts, podName, warningTexts } from './drain-filters.ts'
import { budgetFindings, pinnedFindings, podFindings } from './drain-findings.ts'
import { blockedGate, grownGate, timeoutGate } from './drain-gates.ts'
import { evictAll } from './eviction.ts'
import type { EvictionEnd } from './eviction-loop.ts'
import type { Pod } from '../systems/kubernetes/port.ts'
import { controllerKey, groupPods, workloadsOf } from './pod-groups.ts'
import type { Evidence, Finding, Gate, PreviewContext, Step, StepContext } from './step.ts'
import { type Survey, surveyNode } from './survey.ts'

const MARGIN_MS = 2 * 60_000
const AGAIN_MS = 30 * 60_000

export type DrainOf = {
  readonly cluster: string
  readonly node: { readonly name: string; readonly uid: string }
  readonly options: DrainOptions
  /** Classes of pods that the previews of this job showed, over all its nodes: anything else stops it (DR-60). */
  readonly approved: Set<string>
  /** The same drain with these words said, to be offered where they would help. */
  readonly sentence: (words: { readonly deleteEmptydirData?: true; readonly force?: true }) => string
}

/** What the choices of this step's gates may change; kept under the step's id, so that they hold for this node only. */
const chosenArgs = z.object({ timeoutMs: z.number().optional(), disableEviction: z.boolean().optional() })

const idOf = (of: DrainOf): string => `drain ${of.node.name}`
const chosenOf = (of: DrainOf, ctx: StepContext): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(chosenArgs.parse(ctx.chosen[idOf(of)] ?? {})).filter(([, value]) => value !== undefined),
  )
const optionsNow = (of: DrainOf, ctx: StepContext): DrainOptions => ({ ...of.options, ...chosenOf(of, ctx) })

/** What would have to be said more for the fatal filters to let the pods go; undefined when words do not help. */
function helpfulSentence(of: DrainOf, { sorted }: Survey): string | undefined {
  const by = new Set(sorted.filter(({ does }) => does === 'fatal').map((one) => one.by))
  const words = {
    ...(by.has('local-storage') ? { deleteEmptydirData: true as const } : {}),
    ...(by.has('unmanaged') ? { force: true as const } : {}),
  }
  return Object.keys(words).length === 0 ? undefined : of.sentence(words)
}

const groupKeys = (survey: Survey): readonly string[] =>
  survey.sorted.filter(({ does }) => does !== 'skip').map(({ pod }) => controllerKey(pod, survey.pdbs))

async function preview(of: DrainOf, ctx: PreviewContext): Promise<readonly Finding[]> {
  const { cluster, cache, signal } = ctx
  const node = await cluster.node(of.node.name, { signal })
  if (node === undefined || node.uid !== of.node.uid) return [missingNode(`drain ${of.node.name}`, of.node.name, node)]
  const survey = await surveyNode(cluster, of.node.name, of.options, ctx)
  const groups = await groupPods(survey.sorted, survey, workloadsOf(cluster, cache, signal))
  for (const key of [...groupKeys(survey), ...groups.map((group) => group.key)]) of.approved.add(key)
  ctx.assume.add(`drained:${of.node.name}`)
  return [
    ...podFindings(of.node.name, groups, of.options, helpfulSentence(of, survey)),
    ...budgetFindings(of.node.name, groups, of.options),
    ...(await pinnedFindings(cluster, of.node.name, groups, signal)),
  ]
}

/** Classes of pods that nobody has seen in a plan; owners are asked for only where the controller is a new one. */
async function grown(
  of: DrainOf,
  survey: Survey,
  ctx: StepContext,
): Promise<readonly { readonly key: string; readonly object: string }[]> {
  const fresh = survey.sorted.filter(
    ({ does, pod }) => does === 'evict' && !of.approved.has(controllerKey(pod, survey.pdbs)),
  )
  if (of.approved.size === 0 || fresh.length === 0) return []
  const groups = await groupPods(fresh, survey, workloadsOf(ctx.cluster, new Map(), ctx.signal))
  return groups.filter(({ key }) => !of.approved.has(key))
}

type Before = { readonly intended: ReadonlySet<string>; readonly gone: number }
/** What earlier attempts asked to go, and how many of it are gone: nobody may have been there to see it. */
async function earlier(ctx: StepContext, { sorted }: Survey): Promise<Before> {
  const here = new Set(sorted.map(({ pod }) => pod.uid))
  const entries = [...(await ctx.journal.read())].map(([key, { evidence }]) => {
    const uid = key.replace(/^pod:/, '')
    return { uid, gone: evidence !== undefined || !here.has(uid) }
  })
  return { intended: new Set(entries.map(({ uid }) => uid)), gone: entries.filter(({ gone }) => gone).length }
}

const goneText = (gone: number): string =>
  gone === 0 ? 'no pods to evict' : `${gone} pod${gone === 1 ? '' : 's'} gone`

function evidenceOf(end: EvictionEnd, survey: Survey): Evidence {
  const stays = survey.sorted.filter(({ does }) => does === 'skip').length
  const notes = [...warningTexts(survey.sorted), ...end.notes]
  return {
    kind: 'evidence',
    text: `${goneText(end.gone)}, ${stays} stay${stays === 1 ? 's' : ''}`,
    data: { gone: end.gone, stays, notes },
  }
}

function failed(of: DrainOf, end: EvictionEnd): SluiceError {
  const errors = end.flights.flatMap(({ error }) => (error === undefined ? [] : [error]))
  const code = errors.some(({ multiPdb }) => multiPdb) ? 'DRAIN-MULTIPDB' : 'DRAIN-EVICT'
  return new SluiceError(code, `draining ${of.node.name}`, { text: errors.map(({ text }) => text).join('; ') })
}

/** What was done and what is left when a job is cancelled, stopped or lost in the middle. What stopped it may be over by now: then the job goes on anew. */
async function stopped(of: DrainOf, end: EvictionEnd, ctx: StepContext): Promise<SluiceError> {
  const doing = `draining ${of.node.name}`
  const cause = await ctx.safePoint().then(
    () => (ctx.signal.aborted ? asSluiceError(ctx.signal.reason, doing) : new SluiceError('STOPPED', doing)),
    (error: unknown) => asSluiceError(error, doing),
  )
  const names = (phase: string): string =>
    end.flights
      .filter((flight) => flight.phase === phase)
      .map(({ pod }) => podName(pod))
      .join(', ') || 'none'
  if (cause.code !== 'CANCELLED') return cause
  return new SluiceError('CANCELLED', doing, {
    text: `${end.gone} gone; still terminating: ${names('terminating')}; not evicted: ${names('ready')}`,
    cause,
  })
}

const MAX_LEFT = 8
/** `12 pods gone; still terminating: ...; not evicted: ...`, whoever looked away in between. */
async function left(of: DrainOf, ctx: StepContext): Promise<string> {
  const survey = await surveyNode(ctx.cluster, of.node.name, optionsNow(of, ctx), ctx)
  const { gone } = await earlier(ctx, survey)
  const here = survey.sorted.filter(({ does }) => does !== 'skip').map(({ pod }) => pod)
  const said = (what: string, pods: readonly Pod[]): readonly string[] => {
    const more = pods.length > MAX_LEFT ? ` and ${pods.length - MAX_LEFT} more` : ''
    return pods.length === 0
      ? []
      : [`${pods.length} ${what}: ${pods.slice(0, MAX_LEFT).map(podName).join(', ')}${more}`]
  }
  return [
    `stopped half-way, ${gone} of ${gone + here.length} pods gone`,
    ...said(
      'still terminating',
      here.filter((pod) => pod.deletionAtMs !== undefined),
    ),
    ...said(
      'not evicted',
      here.filter((pod) => pod.deletionAtMs === undefined),
    ),
  ].join('; ')
}

async function run(of: DrainOf, ctx: StepContext): Promise<Evidence | Gate> {
  const options = optionsNow(of, ctx)
  const survey = await surveyNode(ctx.cluster, of.node.name, options, ctx)
  const before = await earlier(ctx, survey)
  const fatal = fatalTexts(survey.sorted)
  if (fatal.length > 0) return blockedGate(of, survey.sorted, fatal, AGAIN_MS)
  const more = await grown(of, survey, ctx)
  if (more.length > 0) return grownGate(of, more, AGAIN_MS)
  const pods = survey.sorted.filter(({ does }) => does === 'evict' || does === 'wait')
  const end = await evictAll({
    ...ctx,
    ...survey,
    options,
    pods,
    node: of.node.name,
    intended: before.intended,
    goneBefore: before.gone,
  })
  if (end.kind === 'done') return evidenceOf(end, survey)
  if (end.kind === 'timeout')
    return timeoutGate(of, options, end, survey, { id: idOf(of), chosen: chosenOf(of, ctx), withinMs: AGAIN_MS })
  throw end.kind === 'stopped' ? await stopped(of, end, ctx) : failed(of, end)
}

/**
 * Evicts what kubectl drain would evict from a node, waits until it is gone. Gates: DRAIN-TIMEOUT, PLAN-GREW, and the fatal filters'
 * codes when they strike only now. Throws DRAIN-EVICT, DRAIN-MULTIPDB, CANCELLED, STOPPED.
 */
export const evictPods = (of: DrainOf): Step => ({
  id: idOf(of),
  title: `evict the pods of ${of.node.name} (at most ${humanSpan(of.options.timeoutMs)})`,
  repeatable: true,
  timeoutMs: Math.max(of.options.timeoutMs, AGAIN_MS) + MARGIN_MS,
  preview: (ctx) => preview(of, ctx),
  done: async (ctx) => {
    const survey = await surveyNode(ctx.cluster, of.node.name, optionsNow(of, ctx), ctx)
    if (survey.sorted.some(({ does }) => does !== 'skip')) return undefined
    const { gone } = await earlier(ctx, survey)
    const stays = survey.sorted.length
    return { kind: 'evidence', text: `${goneText(gone)}, ${stays} stay`, data: { gone, stays } }
  },
  left: (ctx) => left(of, ctx),
  run: (ctx) => run(of, ctx),
})
