import type { Pod } from '../systems/kubernetes/port.ts'

/**
 * Evictions under way at once. Of those that hit one budget together the server lets one write, and the others pause 500 ms inside it
 * (EvictionsRetry, pkg/registry/core/pod/storage/eviction.go): more than a few at the same moment only collide, but one that pauses is in nobody's way.
 */
export const WIDTH = { perBudget: 3, perBudgetPausing: 9, free: 32, sequential: 1 } as const
/** Not answered for so long: the server has it pause. */
export const PAUSES_AFTER_MS = 250
/** Without news of the budget and without a Retry-After, as kubectl. */
export const RETRY_MS = 5_000

/** ready: to be evicted; flying: asked, not answered; terminating: will go by itself; gone, failed: over. */
export type Phase = 'ready' | 'flying' | 'terminating' | 'gone' | 'failed'
export type Flight = {
  pod: Pod
  /** `ns/name` of the budget that may hold it up; pods the server lets go without counting get theirs when it says no. */
  budget?: string
  phase: Phase
  /** By the loop's own clock, ms. */
  notBeforeMs: number
  /** When it was asked last, by the same clock. */
  askedAtMs: number
  /** Look at the pod before asking again: the last answer was lost. */
  recheck: boolean
  /** Answers in a row that were lost, or none. */
  failures: number
  /** Nothing but 500 since, by the loop's own clock. */
  faultSinceMs?: number | undefined
  intended: boolean
  why?: string
  sinceMs?: number
  error?: { readonly multiPdb: boolean; readonly text: string }
}

/** What is known of one budget. */
export type Lane = {
  allowed: number
  /** Started since the last news; the news may or may not count those that were flying then. */
  started: number
  uncertain: Set<Flight>
  news: number
  blockedUntilMs: number
  /** Without news until then, one more is asked: a watch may have missed something. */
  probeAtMs: number
}

export const newLane = (allowed: number): Lane => ({
  // a budget at its limit is asked once all the same: the server decides, not what we last heard
  allowed: Math.max(1, allowed),
  started: 0,
  uncertain: new Set(),
  news: 0,
  blockedUntilMs: 0,
  probeAtMs: 0,
})

/** The budget's status changed. */
export function onBudgetNews(lane: Lane, allowed: number, flying: readonly Flight[]): void {
  lane.allowed = allowed
  lane.started = 0
  lane.uncertain = new Set(flying)
  lane.news += 1
  if (allowed > 0) lane.blockedUntilMs = 0
}

const isFlying = (flight: Flight): boolean => flight.phase === 'flying'

/** How many more of a budget's pods may be asked now. */
export function roomOf(lane: Lane, flying: readonly Flight[], nowMs: number): number {
  if (nowMs < lane.blockedUntilMs) return 0
  const young = flying.filter(({ askedAtMs }) => nowMs - askedAtMs < PAUSES_AFTER_MS).length
  const uncertain = [...lane.uncertain].filter(isFlying).length
  const left = lane.allowed - lane.started - uncertain
  if (left <= 0 && flying.length === 0 && nowMs >= lane.probeAtMs) return 1
  return Math.min(WIDTH.perBudget - young, WIDTH.perBudgetPausing - flying.length, left)
}

/** The flights to start now, in order: a few per budget, many without one. */
export function startable(
  flights: readonly Flight[],
  lanes: ReadonlyMap<string, Lane>,
  nowMs: number,
  sequential: boolean,
): readonly Flight[] {
  const due = flights.filter((flight) => flight.phase === 'ready' && flight.notBeforeMs <= nowMs)
  if (sequential) return flights.some(isFlying) ? [] : due.slice(0, WIDTH.sequential)
  const free = WIDTH.free - flights.filter((flight) => isFlying(flight) && flight.budget === undefined).length
  const byBudget = Map.groupBy(due, ({ budget }) => budget ?? '')
  return [...byBudget].flatMap(([budget, of]) => {
    const lane = lanes.get(budget)
    if (lane === undefined) return of.slice(0, Math.max(0, free))
    const flying = flights.filter((flight) => isFlying(flight) && flight.budget === budget)
    return of.slice(0, Math.max(0, roomOf(lane, flying, nowMs)))
  })
}

/** The budget said no. News that came after the question was sent means that there may be room again. */
export function onRefusedByBudget(lane: Lane, newsAtStart: number, pauseMs: number, nowMs: number): void {
  if (lane.news > newsAtStart && lane.allowed > 0) return
  lane.blockedUntilMs = nowMs + pauseMs
  lane.allowed = 1
  lane.started = 0
  lane.uncertain.clear()
}

/** An eviction is about to be sent. */
export function onStart(flight: Flight, lane: Lane | undefined, nowMs: number): void {
  flight.phase = 'flying'
  flight.askedAtMs = nowMs
  if (lane === undefined) return
  lane.started += 1
  lane.probeAtMs = nowMs + RETRY_MS
}

/** It was looked at and goes already: nothing was asked of the budget. */
export function onNotAsked(lane: Lane | undefined, newsAtStart: number): void {
  if (lane !== undefined && lane.news === newsAtStart) lane.started -= 1
}

/** When the loop must look again without any news, ms of its own clock; Infinity = never. */
export function nextLookMs(flights: readonly Flight[], lanes: ReadonlyMap<string, Lane>, nowMs: number): number {
  const ready = flights.filter(({ phase }) => phase === 'ready')
  const later = ready.flatMap(({ notBeforeMs, budget }) => {
    const lane = lanes.get(budget ?? '')
    return [notBeforeMs, ...(lane === undefined ? [] : [lane.blockedUntilMs, lane.probeAtMs])]
  })
  const pausing = flights.filter(isFlying).map(({ askedAtMs }) => askedAtMs + PAUSES_AFTER_MS)
  return Math.min(Infinity, ...[...later, ...pausing].filter((ms) => ms > nowMs))
}
