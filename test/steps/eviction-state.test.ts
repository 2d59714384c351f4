import { expect, test } from 'vitest'
import {
  type Flight,
  type Lane,
  newLane,
  nextLookMs,
  onBudgetNews,
  onNotAsked,
  onRefusedByBudget,
  onStart,
  PAUSES_AFTER_MS,
  RETRY_MS,
  startable,
  WIDTH,
} from '../../src/steps/eviction-state.ts'
import { makePod } from './objects.ts'

const flight = (i: number, budget?: string): Flight => ({
  pod: makePod({ name: `p${i}` }),
  phase: 'ready',
  notBeforeMs: 0,
  askedAtMs: 0,
  recheck: false,
  failures: 0,
  intended: false,
  ...(budget === undefined ? {} : { budget }),
})
const many = (n: number, budget?: string): Flight[] => Array.from({ length: n }, (_, i) => flight(i, budget))
const lanes = (allowed: number): Map<string, Lane> => new Map([['b', newLane(allowed)]])

function start(flights: readonly Flight[], of: Map<string, Lane>, nowMs: number): number {
  const next = startable(flights, of, nowMs, false)
  for (const one of next) onStart(one, of.get(one.budget ?? ''), nowMs)
  return next.length
}

test('pods without a budget start many at once, those of one budget a few', () => {
  expect(start(many(100), new Map(), 0)).toBe(WIDTH.free)
  expect(start(many(100, 'b'), lanes(100), 0)).toBe(WIDTH.perBudget)
})

test("one the server has pausing is in nobody's way: others of its budget are asked beside it, up to a limit", () => {
  const flights = many(30, 'b')
  const of = lanes(30)
  expect(start(flights, of, 0)).toBe(WIDTH.perBudget)
  expect(start(flights, of, PAUSES_AFTER_MS - 1)).toBe(0)
  expect(nextLookMs(flights, of, 1)).toBe(PAUSES_AFTER_MS)
  expect(start(flights, of, PAUSES_AFTER_MS)).toBe(WIDTH.perBudget)
  expect(start(flights, of, 2 * PAUSES_AFTER_MS)).toBe(WIDTH.perBudgetPausing - 2 * WIDTH.perBudget)
  expect(start(flights, of, 9 * PAUSES_AFTER_MS)).toBe(0)
})

test('two budgets do not wait for each other', () => {
  const of = new Map([
    ['b', newLane(9)],
    ['c', newLane(9)],
  ])
  expect(start([...many(9, 'b'), ...many(9, 'c')], of, 0)).toBe(2 * WIDTH.perBudget)
})

test('no more are asked than the budget allows; news makes room', () => {
  const flights = many(5, 'b')
  const of = lanes(1)
  expect(start(flights, of, 0)).toBe(1)
  expect(start(flights, of, 1)).toBe(0)
  flights[0]!.phase = 'terminating'
  expect(start(flights, of, 1)).toBe(0)
  onBudgetNews(of.get('b')!, 0, [])
  expect(start(flights, of, 2)).toBe(0)
  onBudgetNews(of.get('b')!, 1, [])
  expect(start(flights, of, 3)).toBe(1)
})

test('a budget at its limit is asked once: the server decides', () => {
  expect(start(many(5, 'b'), lanes(0), 0)).toBe(1)
})

test('a refusal closes the budget until there is news of room, or the pause is over', () => {
  const flights = many(5, 'b')
  const of = lanes(3)
  const lane = of.get('b')!
  expect(start(flights, of, 0)).toBe(3)
  for (const one of flights.slice(0, 3)) one.phase = 'ready'
  onRefusedByBudget(lane, lane.news, 10_000, 0)
  expect(start(flights, of, 9_999)).toBe(0)
  expect(nextLookMs(flights, of, 1)).toBe(RETRY_MS)
  expect(start(flights, of, 10_000)).toBe(1)
  onRefusedByBudget(lane, lane.news, 10_000, 10_000)
  onBudgetNews(lane, 2, [])
  expect(start(flights, of, 10_001)).toBe(2)
})

test('a refusal that crossed the news of room does not close it', () => {
  const flights = many(2, 'b')
  const of = lanes(1)
  const lane = of.get('b')!
  start(flights, of, 0)
  const newsAtStart = lane.news
  onBudgetNews(lane, 1, [])
  flights[0]!.phase = 'ready'
  onRefusedByBudget(lane, newsAtStart, 5_000, 1)
  expect(start(flights, of, 2)).toBe(1)
})

test('a pod that was only looked at leaves the room of its budget to others', () => {
  const flights = many(3, 'b')
  const of = lanes(2)
  const lane = of.get('b')!
  expect(start(flights, of, 0)).toBe(2)
  flights[0]!.phase = 'terminating'
  onNotAsked(lane, lane.news)
  expect(start(flights, of, 1)).toBe(1)
  const before = lane.news
  onBudgetNews(lane, 1, [])
  onNotAsked(lane, before)
  expect(lane.started).toBe(0)
})

test('without any news one more is asked after a while', () => {
  const flights = many(2, 'b')
  const of = lanes(1)
  start(flights, of, 0)
  flights[0]!.phase = 'terminating'
  expect(start(flights, of, RETRY_MS - 1)).toBe(0)
  expect(nextLookMs(flights, of, 1)).toBe(RETRY_MS)
  expect(start(flights, of, RETRY_MS)).toBe(1)
})

test('deletion without eviction goes one by one', () => {
  const flights = many(3)
  expect(startable(flights, new Map(), 0, true)).toHaveLength(1)
  flights[0]!.phase = 'flying'
  expect(startable(flights, new Map(), 0, true)).toHaveLength(0)
})

test('news may or may not count the evictions under way: they take room until they are answered', () => {
  const flights = many(5, 'b')
  const of = lanes(2)
  start(flights, of, 0)
  onBudgetNews(of.get('b')!, 2, flights.slice(0, 2))
  expect(start(flights, of, 1)).toBe(0)
  flights[0]!.phase = 'terminating'
  expect(start(flights, of, 2)).toBe(1)
})
