import { createHash } from 'node:crypto'
import { asSluiceError, isRefusal, type Refusal, refuse, SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import { again, type Patience } from '../retry.ts'
import type { Finding, PreviewContext, Step, Verdict } from '../steps/step.ts'
import type { Facts } from '../systems/facts/port.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import type { JobsDeps } from './deps.ts'
import { readItself } from './itself.ts'
import type { Args, Change, Growth, Plan, Target } from './job.ts'
import { NO_UID, noCluster } from './nowhere.ts'

export type Planning = Pick<JobsDeps, 'store' | 'lookup' | 'cluster' | 'host' | 'readFacts' | 'clock'>
export type PlanRequest = {
  readonly command: string
  readonly args: Args
  readonly by: string
  readonly ticket?: string
}

const RANK: Record<Verdict, number> = { skip: 0, do: 1, warn: 2, block: 3 }

/** The same key twice is one finding: the worse one. */
export function byKey(findings: readonly Finding[]): ReadonlyMap<string, Finding> {
  const map = new Map<string, Finding>()
  for (const finding of findings) {
    const known = map.get(finding.key)
    if (known === undefined || RANK[finding.verdict] > RANK[known.verdict]) map.set(finding.key, finding)
  }
  return map
}

/** JSON with sorted keys, so that one plan has one text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
    .join(',')}}`
}

/** Covers command, target, cluster identity, keys and verdicts; never counts, pod names or reasons. */
export function planHash(command: string, target: Target, findings: readonly Finding[]): string {
  const verdicts = [...byKey(findings).values()]
    .map((f) => [f.key, f.verdict] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `sha256:${createHash('sha256')
    .update(canonical([command, target, verdicts]))
    .digest('hex')}`
}

/** What is new and not `skip`, or worse than it was. A workload that lost a budget is not new: Rook takes its default one away while a host drains. */
export function grew(before: readonly Finding[], now: readonly Finding[]): Growth {
  const was = byKey(before)
  const underMore = (key: string): Finding | undefined =>
    before.find((finding) => finding.key.startsWith(`${key} pdb `))
  return [...byKey(now).values()].flatMap((finding) => {
    const known = was.get(finding.key) ?? underMore(finding.key)
    if (known === undefined) return finding.verdict === 'skip' ? [] : [{ key: finding.key, now: finding }]
    return RANK[finding.verdict] > RANK[known.verdict] ? [{ key: finding.key, was: known, now: finding }] : []
  })
}

/** Every string of a JSON value through the redaction gate. */
export function redacted<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T & string
  if (Array.isArray(value)) return value.map(redacted) as T & unknown[]
  if (typeof value !== 'object' || value === null) return value
  // same keys, same shapes: only strings are replaced by strings
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, redacted(v)])) as T
}

async function findingsOf(
  steps: readonly Step[],
  ctx: PreviewContext,
  taken: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  const found: Finding[] = []
  // in order: a later step previews on what the earlier ones promise (ctx.assume); done ones promise too
  for (const step of steps) {
    const findings = await step.preview(ctx)
    if (!taken.has(step.id)) found.push(...findings)
  }
  return redacted(found)
}

function openCluster(planning: Planning, request: PlanRequest): Promise<Cluster | Refusal> {
  const name = request.args['cluster']
  if (typeof name !== 'string') return Promise.resolve(refuse('PARSE-CLUSTER', 'No cluster is named.'))
  return planning.cluster(name, request.by)
}

export type Opened = {
  readonly change: Change
  readonly cluster: Cluster
  /** The very steps that will run, which may remember what their previews showed; without it new ones are made. */
  readonly steps?: readonly Step[]
}
const NONE: ReadonlySet<string> = new Set()

/** Facts and previews on a target; no resolving. The findings of `taken` steps (done by this job) are left out. Throws what systems throw. */
export async function planTarget(
  planning: Planning,
  { change, cluster, steps: given }: Opened,
  request: PlanRequest,
  target: Target,
  signal: AbortSignal,
  taken = NONE,
): Promise<Plan> {
  const steps = given ?? change.steps(target)
  const ctx: PreviewContext = {
    itself: readItself(planning.store.redis),
    cluster,
    host: planning.host(target.cluster, request.by),
    nowMs: planning.clock.now,
    signal,
    assume: new Set(),
    cache: new Map(),
  }
  // a fact that may be readable in a moment is no reason for a no
  const known = (facts: Facts): Facts => {
    for (const reading of Object.values(facts)) if (!reading.ok && reading.trouble !== undefined) throw reading.trouble
    return facts
  }
  const ticket = request.ticket === undefined ? {} : { ticket: request.ticket }
  const subject = { cluster: target.cluster, nodes: target.nodes.map((n) => n.name), person: request.by, ...ticket }
  const [facts, findings] = await Promise.all([
    planning.readFacts(change.facts(target), subject, signal).then(known),
    findingsOf(steps, ctx, taken),
  ])
  return {
    target,
    risk: change.risk(target.args),
    findings,
    facts: redacted(facts),
    hash: planHash(request.command, target, findings),
    steps: steps.map(({ id, title }) => ({ id, title })),
    plannedAtMs: planning.clock.now(),
  }
}

/** The command and its cluster, or why there is none. */
export async function openTarget(planning: Planning, request: PlanRequest): Promise<Opened | Refusal> {
  const change = planning.lookup(request.command)
  if (change === undefined) return refuse('PARSE-UNKNOWN', `\`${request.command}\` is not a command of this Sluice.`)
  const cluster = change.scope === 'sluice' ? noCluster() : await openCluster(planning, request)
  return isRefusal(cluster) ? cluster : { change, cluster }
}

async function planOnce(planning: Planning, request: PlanRequest, signal: AbortSignal): Promise<Plan | Refusal> {
  const opened = await openTarget(planning, request)
  if (isRefusal(opened)) return opened
  const { change, cluster } = opened
  const nodes = () => cluster.nodes({ signal })
  const itself = readItself(planning.store.redis)
  const reading = { cluster, nodes, nowMs: planning.clock.now, signal, person: request.by, itself }
  const target = await change.resolve(request.args, reading)
  if (isRefusal(target)) return target
  if (change.scope === 'sluice')
    return planTarget(planning, opened, request, { ...target, scope: change.scope, clusterUid: NO_UID }, signal)
  if (target.nodes.length === 0) return refuse('PLAN-EMPTY')
  return await planTarget(planning, opened, request, target, signal)
}

/**
 * Resolve, read facts, preview; while a system does not answer, again within `patience`. One that cannot be read is a refusal with its
 * code; only an aborted signal throws.
 */
export async function makePlan(
  planning: Planning,
  request: PlanRequest,
  signal: AbortSignal,
  patience: Omit<Patience, 'signal'> = { limitMs: 0 },
): Promise<Plan | Refusal> {
  try {
    return await again(() => planOnce(planning, request, signal), { ...patience, signal })
  } catch (error) {
    const known = asSluiceError(error, `planning ${request.command}`)
    if (signal.aborted) throw new SluiceError('JOB-LOST', `planning ${request.command}`, { cause: error })
    return refuse(known.code, redact(known.message), { next: known.next })
  }
}
