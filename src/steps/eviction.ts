import { asSluiceError, SluiceError } from '../errors.ts'
import { isPastSkip, podName } from './drain-filters.ts'
import {
  type EvictionEnd,
  type EvictionRun,
  evictOne,
  forgetTrouble,
  journalKey,
  type Loop,
  onPdb,
  onPod,
  onTrouble,
  openLoop,
  setGone,
} from './eviction-loop.ts'
import { type Flight, nextLookMs, onStart, startable } from './eviction-state.ts'

const SETTLE_MS = 2_000
const MAX_WAITING = 5

async function startSome(loop: Loop, nowMs: number): Promise<void> {
  const { run, flights, lanes } = loop
  const next = startable(flights, lanes, nowMs, run.options.disableEviction)
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

/** False when the safe point says that the job is cancelled, or everything stopped. */
async function started(loop: Loop, nowMs: number): Promise<boolean> {
  try {
    await startSome(loop, nowMs)
    return true
  } catch (error) {
    if (error instanceof SluiceError && (error.code === 'CANCELLED' || error.code === 'STOPPED')) return false
    throw error
  }
}

async function writeEvidence({ unwritten, run }: Loop): Promise<void> {
  // the last pod may go while the one before it is written down
  while (unwritten.length > 0) await run.journal.evidence(unwritten.splice(0))
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
    if (loop.failure !== undefined) throw asSluiceError(loop.failure, 'evicting pods')
    if (run.signal.aborted) return 'stopped'
    const skipInMs = skipOld(loop)
    forgetTrouble(loop)
    await writeEvidence(loop)
    report(loop)
    if (!loop.flights.some(isOpen)) return loop.flights.some(({ phase }) => phase === 'failed') ? 'failed' : 'done'
    if (isHopeless(loop) && loop.calls.size === 0) return 'failed'
    if (performance.now() >= deadlineMs) return 'timeout'
    // one moment for both: what falls due between them would be neither started nor waited for
    const lookedMs = performance.now()
    if (!isHopeless(loop) && !(await started(loop, lookedMs))) return 'stopped'
    const nextMs = Math.min(nextLookMs(loop.flights, loop.lanes, lookedMs), deadlineMs) - performance.now()
    await waker.sleep(Math.min(nextMs, skipInMs), run.signal)
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

const watchBudgets = (loop: Loop, signal: AbortSignal): Promise<void> =>
  loop.run.cluster.watchPdbs({ signal, onTrouble: (error) => onTrouble(loop, 'budgets', error) }, ({ type, pdb }) =>
    onPdb(loop, type, pdb),
  )

/**
 * Evicts pods in parallel, each at most once, and waits until a watch saw them go; every refusal of DR-28..39 is tried again as soon
 * as a watch of the budgets shows room, at the latest after Retry-After. Ends at the latest after `options.timeoutMs`.
 * Throws what the journal, the safe point and refused credentials throw.
 */
export async function evictAll(run: EvictionRun): Promise<EvictionEnd> {
  const loop = openLoop(run)
  // what stood in the way of getting here is over
  run.trouble(undefined)
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
        onTrouble: (error) => onTrouble(loop, 'pods', error),
        ...labelSelector,
      },
      (event) => onPod(loop, event),
    ),
    ...(run.pdbs.length === 0 ? [] : [watchBudgets(loop, signal)]),
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
    if (loop.troubles.size > 0) run.trouble(undefined)
  }
}
