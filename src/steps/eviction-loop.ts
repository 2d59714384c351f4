import { isTransient, SluiceError } from '../errors.ts'
import { backoffMs, pauseMsOf } from '../retry.ts'
import type { Cluster, Eviction, Pdb, PodEvent } from '../systems/kubernetes/port.ts'
import { type DrainOptions, podName, type Sorted } from './drain-filters.ts'
import {
  type Flight,
  type Lane,
  newLane,
  onBudgetNews,
  onNotAsked,
  onRefusedByBudget,
  RETRY_MS,
} from './eviction-state.ts'
import type { Progress, StepJournal } from './step.ts'
import { budgetsOf, ignoresBudgets, pdbName } from './survey.ts'
import { makeWaker, type Waker } from './waker.ts'

/** A single call may take the API server some 10 s of its own conflict retries. */
const CALL_MS = 40_000
/** A 500 may be etcd, which passes, or a webhook that is broken for good: a pod that met nothing else for so long has failed. */
const FAULT_MS = 60_000

export type EvictionRun = {
  readonly cluster: Cluster
  readonly node: string
  readonly options: DrainOptions
  /** Those that go: `evict` and `wait`. */
  readonly pods: readonly Sorted[]
  readonly pdbs: readonly Pdb[]
  readonly resourceVersion: string
  readonly serverAheadMs: number
  /** uids whose eviction was intended by an earlier attempt: looked at before they are asked to go again. */
  readonly intended: ReadonlySet<string>
  /** Pods that earlier attempts asked to go and that are gone by now. */
  readonly goneBefore: number
  readonly journal: StepJournal
  readonly report: (progress: Progress) => void
  readonly trouble: (error: SluiceError | undefined) => void
  /** How long a pod's eviction may meet 500; default 60 s. */
  readonly faultMs?: number
  readonly safePoint: () => Promise<void>
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

export type EvictionEnd = {
  readonly kind: 'done' | 'timeout' | 'failed' | 'stopped'
  readonly gone: number
  readonly notes: readonly string[]
  readonly flights: readonly Readonly<Flight>[]
}

/** The state of one drain's evictions. */
export type Loop = {
  readonly run: EvictionRun
  readonly flights: readonly Flight[]
  readonly byUid: ReadonlyMap<string, Flight>
  readonly byName: ReadonlyMap<string, Flight>
  readonly lanes: Map<string, Lane>
  readonly waker: Waker
  readonly calls: Set<Promise<void>>
  readonly unwritten: { key: string; data: Readonly<Record<string, unknown>> }[]
  readonly notes: string[]
  /** Why nothing is seen or done at present, by where it shows: the watches, and the evictions. */
  readonly troubles: Map<'pods' | 'budgets' | 'evictions', SluiceError>
  failure?: unknown
  reported: string
}

export const journalKey = (uid: string): string => `pod:${uid}`

function newFlight({ pod, does }: Sorted, run: EvictionRun): Flight {
  const budget = budgetsOf(pod, run.pdbs)[0]
  const counted = !run.options.disableEviction && budget !== undefined && !ignoresBudgets(pod) && pod.ready
  return {
    pod,
    phase: does === 'wait' ? 'terminating' : 'ready',
    notBeforeMs: 0,
    askedAtMs: 0,
    recheck: run.intended.has(pod.uid),
    failures: 0,
    intended: run.intended.has(pod.uid),
    ...(counted ? { budget: pdbName(budget) } : {}),
  }
}

/** Nothing is asked yet. */
export function openLoop(run: EvictionRun): Loop {
  const flights = run.pods.map((one) => newFlight(one, run))
  return {
    run,
    flights,
    byUid: new Map(flights.map((flight) => [flight.pod.uid, flight])),
    byName: new Map(flights.map((flight) => [podName(flight.pod), flight])),
    lanes: new Map(run.pdbs.map((pdb) => [pdbName(pdb), newLane(pdb.disruptionsAllowed)])),
    waker: makeWaker(),
    calls: new Set(),
    unwritten: [],
    notes: [],
    troubles: new Map(),
    reported: '',
  }
}

export const setGone = (loop: Loop, flight: Flight, how: string): void => {
  if (flight.phase === 'gone') return
  flight.phase = 'gone'
  loop.unwritten.push({ key: journalKey(flight.pod.uid), data: { pod: podName(flight.pod), how } })
}
const setWhy = ({ run }: Loop, flight: Flight, why: string): void => {
  flight.why = why
  flight.sinceMs ??= run.nowMs()
}
const setTerminating = (loop: Loop, flight: Flight): void => {
  if (flight.phase !== 'ready' && flight.phase !== 'flying') return
  flight.phase = 'terminating'
  flight.sinceMs = loop.run.nowMs()
  flight.why = 'terminating'
}

/** What stands in the way of all, for the card. */
export function onTrouble(
  { run, troubles }: Loop,
  where: 'pods' | 'budgets' | 'evictions',
  error: SluiceError | undefined,
): void {
  const [before] = troubles.values()
  if (error === undefined) troubles.delete(where)
  else troubles.set(where, error)
  const [now] = troubles.values()
  if (now !== before) run.trouble(now)
}

/** What an eviction met is over when none of those that met it is to be asked any more: a watch saw them go. */
export function forgetTrouble(loop: Loop): void {
  const isHeldUp = ({ phase, failures }: Flight): boolean => failures > 0 && (phase === 'ready' || phase === 'flying')
  if (loop.troubles.has('evictions') && !loop.flights.some(isHeldUp)) onTrouble(loop, 'evictions', undefined)
}

/** News of a pod of the node. */
export function onPod(loop: Loop, { type, pod }: PodEvent): void {
  const flight = loop.byUid.get(pod.uid) ?? loop.byName.get(podName(pod))
  if (flight === undefined) return
  // the name belongs to another uid by now: ours is gone (a StatefulSet's pod comes back under its name)
  if (flight.pod.uid !== pod.uid) setGone(loop, flight, 'replaced')
  else if (type === 'DELETED') setGone(loop, flight, 'deleted')
  else {
    flight.pod = pod
    if (pod.deletionAtMs !== undefined) setTerminating(loop, flight)
  }
  loop.waker.wake()
}

/** News of a budget. */
export function onPdb(loop: Loop, type: string, pdb: Pdb): void {
  const lane = loop.lanes.get(pdbName(pdb))
  if (lane === undefined) return
  const flying = loop.flights.filter(({ phase, budget }) => phase === 'flying' && budget === pdbName(pdb))
  onBudgetNews(lane, type === 'DELETED' ? Infinity : pdb.disruptionsAllowed, flying)
  loop.waker.wake()
}

async function lookAgain(loop: Loop, flight: Flight): Promise<boolean> {
  const now = await loop.run.cluster.pod(flight.pod.namespace, flight.pod.name, {
    signal: AbortSignal.timeout(CALL_MS),
  })
  flight.recheck = false
  onTrouble(loop, 'evictions', undefined)
  if (now === undefined || now.uid !== flight.pod.uid) setGone(loop, flight, now === undefined ? 'deleted' : 'replaced')
  else if (now.deletionAtMs !== undefined) setTerminating(loop, flight)
  return flight.phase === 'flying'
}

function fail(flight: Flight, text: string, multiPdb = false): void {
  flight.phase = 'failed'
  flight.error = {
    multiPdb,
    text: `error when evicting pods/"${flight.pod.name}" -n "${flight.pod.namespace}": ${text}`,
  }
}

function pause(flight: Flight, ms: number): void {
  if (flight.phase === 'flying') flight.phase = 'ready'
  flight.notBeforeMs = performance.now() + ms
}

/** The server is busy, away or at fault: tried again as long as the drain has time, a 500 not as long. */
function settleTrouble(loop: Loop, flight: Flight, answer: Eviction & { readonly kind: 'later' }): void {
  const { cause, retryAfterMs, text, trouble } = answer
  if (trouble !== undefined) onTrouble(loop, 'evictions', trouble)
  const nowMs = performance.now()
  flight.faultSinceMs = cause === 'fault' ? (flight.faultSinceMs ?? nowMs) : undefined
  if (nowMs - (flight.faultSinceMs ?? nowMs) > (loop.run.faultMs ?? FAULT_MS)) return fail(flight, text)
  setWhy(loop, flight, trouble === undefined ? text : `${trouble.code}: ${text}`)
  pause(flight, retryAfterMs ?? backoffMs(flight.failures))
  flight.failures += 1
}

/** DR-28..39: what each answer means for the pod. */
function settle(loop: Loop, flight: Flight, answer: Eviction, newsAtStart: number): void {
  if (answer.kind === 'later' && (answer.cause === 'busy' || answer.cause === 'fault'))
    return settleTrouble(loop, flight, answer)
  onTrouble(loop, 'evictions', undefined)
  flight.failures = 0
  flight.faultSinceMs = undefined
  if (answer.kind === 'accepted') return setTerminating(loop, flight)
  if (answer.kind === 'gone' || answer.kind === 'replaced') return setGone(loop, flight, answer.kind)
  if (answer.kind === 'refused') return fail(flight, answer.text, answer.multiPdb)
  setWhy(loop, flight, answer.kind === 'later' && answer.cause === 'migrating' ? 'VM migrating' : answer.text)
  if (answer.kind === 'namespace-terminating') {
    flight.recheck = true
    return pause(flight, flight.pod.deletionAtMs === undefined ? RETRY_MS : 0)
  }
  const pauseMs = answer.retryAfterMs ?? RETRY_MS
  if (answer.cause !== 'budget') return pause(flight, pauseMs)
  const budget = budgetsOf(flight.pod, loop.run.pdbs)[0]
  if (budget !== undefined) flight.budget = pdbName(budget)
  const lane = loop.lanes.get(flight.budget ?? '')
  if (lane === undefined) return pause(flight, pauseMs)
  onRefusedByBudget(lane, newsAtStart, pauseMs, performance.now())
  pause(flight, 0)
}

/** The call's own limit counts as no answer. */
const asLost = (error: unknown): unknown =>
  error instanceof DOMException && error.name === 'TimeoutError'
    ? new SluiceError('K8S-TIMEOUT', 'evicting pods', { text: `no answer in ${CALL_MS} ms`, cause: error })
    : error

/** It may have been carried out: the pod is looked at before it is asked again, as long as the drain has time. */
function onLostAnswer(loop: Loop, flight: Flight, thrown: unknown): void {
  // a watch saw what came of it
  if (flight.phase !== 'flying') return
  const error = asLost(thrown)
  const text = error instanceof Error ? error.message : String(error)
  if (!isTransient(error)) return fail(flight, text)
  onTrouble(loop, 'evictions', error)
  flight.recheck = true
  pause(flight, pauseMsOf(error, flight.failures))
  flight.failures += 1
  setWhy(loop, flight, text)
}

/** One eviction and what its answer means; wakes the loop. Never throws. */
export async function evictOne(loop: Loop, flight: Flight): Promise<void> {
  const { cluster, options } = loop.run
  const lane = loop.lanes.get(flight.budget ?? '')
  const newsAtStart = lane?.news ?? 0
  try {
    if (flight.recheck && !(await lookAgain(loop, flight))) return onNotAsked(lane, newsAtStart)
    const call = options.disableEviction ? cluster.deletePod : cluster.evict
    const { uid } = flight.pod
    const answer = await call(flight.pod, {
      uid,
      gracePeriodSeconds: options.gracePeriodSeconds,
      signal: AbortSignal.timeout(CALL_MS),
    })
    // a watch may have seen the end before the answer came
    if (flight.phase === 'flying' || answer.kind === 'refused') settle(loop, flight, answer, newsAtStart)
  } catch (error) {
    onLostAnswer(loop, flight, error)
  } finally {
    loop.waker.wake()
  }
}
