import { SluiceError } from '../errors.ts'
import type { Cluster, Eviction, Pdb, PodEvent } from '../systems/kubernetes/port.ts'
import { type DrainOptions, isPastSkip, podName, type Sorted } from './drain-filters.ts'
import {
  type Flight,
  type Lane,
  newLane,
  nextLookMs,
  onBudgetNews,
  onRefusedByBudget,
  onStart,
  RETRY_MS,
  startable,
} from './eviction-state.ts'
import type { Progress, StepJournal } from './step.ts'
import { budgetsOf, ignoresBudgets, pdbName } from './survey.ts'
import { makeWaker, type Waker } from './waker.ts'

/** A single call may take the API server some 10 s of its own conflict retries. */
const CALL_MS = 40_000
const MAX_LOST_ANSWERS = 5
/** The server is busy (a conflict of its own, priority and fairness) and does not say for how long. */
const BUSY_MS = 500
const SETTLE_MS = 2_000
const MAX_WAITING = 5

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
  /** Pods that earlier attempts saw go. */
  readonly goneBefore: number
  readonly journal: StepJournal
  readonly report: (progress: Progress) => void
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

type Loop = {
  readonly run: EvictionRun
  readonly flights: readonly Flight[]
  readonly byUid: ReadonlyMap<string, Flight>
  readonly byName: ReadonlyMap<string, Flight>
  readonly lanes: Map<string, Lane>
  readonly waker: Waker
  readonly calls: Set<Promise<void>>
  readonly unwritten: { key: string; data: Readonly<Record<string, unknown>> }[]
  readonly notes: string[]
  failure?: unknown
  reported: string
}

const journalKey = (uid: string): string => `pod:${uid}`

function newFlight({ pod, does }: Sorted, run: EvictionRun): Flight {
  const budget = budgetsOf(pod, run.pdbs)[0]
  const counted = !run.options.disableEviction && budget !== undefined && !ignoresBudgets(pod) && pod.ready
  return {
    pod,
    phase: does === 'wait' ? 'terminating' : 'ready',
    notBeforeMs: 0,
    recheck: run.intended.has(pod.uid),
    lostAnswers: 0,
    intended: run.intended.has(pod.uid),
    ...(counted ? { budget: pdbName(budget) } : {}),
  }
}

function open(run: EvictionRun): Loop {
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
    reported: '',
  }
}

const setGone = (loop: Loop, flight: Flight, how: string): void => {
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

function onPod(loop: Loop, { type, pod }: PodEvent): void {
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

function onPdb(loop: Loop, type: string, pdb: Pdb): void {
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
  if (now === undefined || now.uid !== flight.pod.uid) setGone(loop, flight, now === undefined ? 'deleted' : 'replaced')
  else if (now.deletionAtMs !== undefined) setTerminating(loop, flight)
  return flight.phase === 'flying'
}

/** DR-28..39: what each answer means for the pod. */
function settle(loop: Loop, flight: Flight, answer: Eviction, newsAtStart: number): void {
  const pause = (ms: number): void => {
    if (flight.phase === 'flying') flight.phase = 'ready'
    flight.notBeforeMs = performance.now() + ms
  }
  flight.lostAnswers = 0
  if (answer.kind === 'accepted') return setTerminating(loop, flight)
  if (answer.kind === 'gone' || answer.kind === 'replaced') return setGone(loop, flight, answer.kind)
  if (answer.kind === 'refused') {
    flight.phase = 'failed'
    flight.error = {
      multiPdb: answer.multiPdb,
      text: `error when evicting pods/"${flight.pod.name}" -n "${flight.pod.namespace}": ${answer.text}`,
    }
    return
  }
  setWhy(loop, flight, answer.kind === 'later' && answer.cause === 'migrating' ? 'VM migrating' : answer.text)
  if (answer.kind === 'namespace-terminating') {
    flight.recheck = true
    return pause(flight.pod.deletionAtMs === undefined ? RETRY_MS : 0)
  }
  const pauseMs = answer.retryAfterMs ?? (answer.cause === 'busy' ? BUSY_MS : RETRY_MS)
  if (answer.cause !== 'budget') return pause(pauseMs)
  const budget = budgetsOf(flight.pod, loop.run.pdbs)[0]
  if (budget !== undefined) flight.budget = pdbName(budget)
  const lane = loop.lanes.get(flight.budget ?? '')
  if (lane === undefined) return pause(pauseMs)
  onRefusedByBudget(lane, newsAtStart, pauseMs, performance.now())
  pause(0)
}

const isLostAnswer = (error: unknown): boolean =>
  error instanceof SluiceError && ['K8S-UNREACHABLE', 'K8S-TIMEOUT'].includes(error.code)

function onLostAnswer(loop: Loop, flight: Flight, error: unknown): void {
  flight.lostAnswers += 1
  const text = error instanceof Error ? error.message : String(error)
  if (!isLostAnswer(error) || flight.lostAnswers > MAX_LOST_ANSWERS) {
    flight.phase = 'failed'
    flight.error = {
      multiPdb: false,
      text: `error when evicting pods/"${flight.pod.name}" -n "${flight.pod.namespace}": ${text}`,
    }
    return
  }
  if (flight.phase === 'flying') flight.phase = 'ready'
  flight.recheck = true
  flight.notBeforeMs = performance.now() + 250 * 2 ** flight.lostAnswers
  setWhy(loop, flight, text)
}

async function evictOne(loop: Loop, flight: Flight): Promise<void> {
  const { cluster, options } = loop.run
  const newsAtStart = loop.lanes.get(flight.budget ?? '')?.news ?? 0
  try {
    if (flight.recheck && !(await lookAgain(loop, flight))) return
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

async function startSome(loop: Loop): Promise<void> {
  const { run, flights, lanes } = loop
  const next = startable(flights, lanes, performance.now(), run.options.disableEviction)
  if (next.length === 0) return
  const fresh = next.filter(({ intended }) => !intended)
  if (fresh.length > 0) {
    await run.journal.intent(
      fresh.map(({ pod, budget }) => ({
        key: journalKey(pod.uid),
        data: { pod: podName(pod), ...(budget === undefined ? {} : { budget }) },
      })),
    )
    for (const flight of fresh) flight.intended = true
  }
  await run.safePoint()
  for (const flight of next) {
    if (flight.phase !== 'ready') continue
    onStart(flight, lanes.get(flight.budget ?? ''), performance.now())
    const call = evictOne(loop, flight).finally(() => loop.calls.delete(call))
    loop.calls.add(call)
  }
}

/** False when the safe point says that the job is cancelled. */
async function started(loop: Loop): Promise<boolean> {
  try {
    await startSome(loop)
    return true
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'CANCELLED') return false
    throw error
  }
}

async function writeEvidence({ unwritten, run }: Loop): Promise<void> {
  if (unwritten.length > 0) await run.journal.evidence(unwritten.splice(0))
}

/** DR-46: pods whose deletionTimestamp has become too old are not waited for any longer. */
function skipOld(loop: Loop): number {
  const { skipWaitForDeleteTimeoutSeconds: seconds } = loop.run.options
  const serverNowMs = loop.run.nowMs() + loop.run.serverAheadMs
  let nextMs = Infinity
  for (const flight of seconds === 0 ? [] : loop.flights) {
    if (flight.phase !== 'terminating') continue
    if (isPastSkip(flight.pod, seconds, serverNowMs)) {
      loop.notes.push(`pod ${flight.pod.name} has DeletionTimestamp older than ${seconds} seconds, skipping`)
      setGone(loop, flight, 'skipped')
    } else nextMs = Math.min(nextMs, (flight.pod.deletionAtMs ?? Infinity) + (seconds + 1) * 1000 - serverNowMs)
  }
  return nextMs
}

const goneOf = (loop: Loop): number => loop.flights.filter(({ phase }) => phase === 'gone').length

function report(loop: Loop): void {
  const waiting = loop.flights
    .filter(({ phase, why }) => why !== undefined && phase !== 'gone')
    .map(({ pod, why, sinceMs, error }) => ({
      object: podName(pod),
      why: error?.text ?? why ?? '',
      sinceMs: sinceMs ?? loop.run.nowMs(),
    }))
    .toSorted((a, b) => Number(a.why === 'terminating') - Number(b.why === 'terminating') || a.sinceMs - b.sinceMs)
    .slice(0, MAX_WAITING)
  const progress = { done: goneOf(loop) + loop.run.goneBefore, of: loop.flights.length + loop.run.goneBefore, waiting }
  const now = JSON.stringify(progress)
  if (now === loop.reported) return
  loop.reported = now
  loop.run.report({ ...progress, text: `${progress.done}/${progress.of} gone` })
}

const isOpen = ({ phase }: Flight): boolean => phase !== 'gone' && phase !== 'failed'

/** One DELETE that fails aborts the rest of them (DR-48); an eviction that fails does not (DR-39). */
const isHopeless = (loop: Loop): boolean =>
  loop.run.options.disableEviction && loop.flights.some(({ phase }) => phase === 'failed')

async function untilOver(loop: Loop, deadlineMs: number): Promise<EvictionEnd['kind']> {
  const { run, waker } = loop
  for (;;) {
    if (loop.failure !== undefined) throw loop.failure
    if (run.signal.aborted) return 'stopped'
    const skipInMs = skipOld(loop)
    await writeEvidence(loop)
    report(loop)
    if (!loop.flights.some(isOpen)) return loop.flights.some(({ phase }) => phase === 'failed') ? 'failed' : 'done'
    if (isHopeless(loop) && loop.calls.size === 0) return 'failed'
    if (performance.now() >= deadlineMs) return 'timeout'
    if (!isHopeless(loop) && !(await started(loop))) return 'stopped'
    const nowMs = performance.now()
    await waker.sleep(
      Math.min(nextLookMs(loop.flights, loop.lanes, nowMs) - nowMs, deadlineMs - nowMs, skipInMs),
      run.signal,
    )
  }
}

/** Waits a little for answers on their way, so that what was done is written down. */
async function settleCalls(loop: Loop): Promise<void> {
  if (loop.calls.size > 0) {
    const limit = AbortSignal.timeout(SETTLE_MS)
    await Promise.race([
      Promise.allSettled(loop.calls),
      new Promise((resolve) => limit.addEventListener('abort', resolve, { once: true })),
    ])
  }
  await writeEvidence(loop)
}

/**
 * Evicts pods in parallel, each at most once, and waits until a watch saw them go; every refusal of DR-28..39 is tried again as soon
 * as a watch of the budgets shows room, at the latest after Retry-After. Ends at the latest after `options.timeoutMs`.
 * Throws what the journal, the safe point and refused credentials throw.
 */
export async function evictAll(run: EvictionRun): Promise<EvictionEnd> {
  const loop = open(run)
  const over = new AbortController()
  const signal = AbortSignal.any([run.signal, over.signal])
  const onFailure = (error: unknown): void => {
    if (!signal.aborted) loop.failure = error
    loop.waker.wake()
  }
  const labelSelector = run.options.podSelector === undefined ? {} : { labelSelector: run.options.podSelector }
  const watches = [
    run.cluster.watchPods(
      {
        node: run.node,
        resourceVersion: run.resourceVersion,
        known: run.pods.map(({ pod }) => pod),
        signal,
        ...labelSelector,
      },
      (event) => onPod(loop, event),
    ),
    ...(run.pdbs.length === 0 ? [] : [run.cluster.watchPdbs({ signal }, ({ type, pdb }) => onPdb(loop, type, pdb))]),
  ].map((watch) => watch.catch(onFailure))
  try {
    const kind = await untilOver(loop, performance.now() + run.options.timeoutMs)
    if (kind !== 'done') await settleCalls(loop)
    report(loop)
    return { kind, gone: goneOf(loop) + run.goneBefore, notes: loop.notes, flights: loop.flights }
  } catch (error) {
    // what went out is written down where it still can be; the first error is the one to tell
    await settleCalls(loop).catch(() => {})
    throw error
  } finally {
    over.abort()
    await Promise.all(watches)
  }
}
