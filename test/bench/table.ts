/** What a row must hold. `most`: of ours alone. `least`: ours is at least so many times the peer's. `behind`: ours minus the peer's, run by run; fails only when that is surely above zero. */
type Bound =
  | { readonly kind: 'ratio' | 'above' | 'most' | 'least'; readonly limit: number }
  | { readonly kind: 'behind'; readonly low: number; readonly high: number }

/** One measured comparison: medians of interleaved runs, and the bound the issue sets. Without a bound it is reported only. */
export type Row = {
  readonly what: string
  readonly ours: number
  /** NaN where there is none. */
  readonly peer: number
  readonly unit: string
  readonly bound: Bound | undefined
  readonly spread: string
  /** Why there is nothing to measure: printed in place of the numbers, and no miss. */
  readonly absent?: string
}

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
export const median = (values: readonly number[]): number => percentile(values, 0.5)
export const spread = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)}`

/**
 * "Not behind": the differences of runs made side by side, and where their median surely lies (95 %, by rank: no assumption about their form).
 * Both lists are in the order of the runs.
 */
export function notBehind(ours: readonly number[], peer: readonly number[]): Bound {
  const differences = ours.map((ms, i) => ms - (peer[i] ?? Number.NaN)).toSorted((a, b) => a - b)
  const n = differences.length
  const rank = Math.max(0, Math.floor(n / 2 - 0.98 * Math.sqrt(n)))
  return { kind: 'behind', low: differences[rank] ?? Number.NaN, high: differences[n - 1 - rank] ?? Number.NaN }
}

/** A row that could not be measured. */
export const absentRow = (what: string, why: string): Row => ({
  what,
  ours: Number.NaN,
  peer: Number.NaN,
  unit: '',
  bound: undefined,
  spread: '',
  absent: why,
})

export function holds({ ours, peer, bound }: Row): boolean {
  if (bound === undefined) return true
  if (bound.kind === 'ratio') return ours / peer <= bound.limit
  if (bound.kind === 'least') return ours / peer >= bound.limit
  if (bound.kind === 'above') return ours - peer <= bound.limit
  if (bound.kind === 'behind') return bound.low <= 0
  return ours <= bound.limit
}

const signed = (ms: number): string => `${ms < 0 ? '' : '+'}${ms.toFixed(1)}`

function bounds({ ours, peer, bound }: Row): string {
  if (bound === undefined) return '-'
  if (bound.kind === 'ratio') return `${(ours / peer).toFixed(2)}x (<= ${bound.limit}x)`
  if (bound.kind === 'least') return `${(ours / peer).toFixed(2)}x (>= ${bound.limit}x)`
  if (bound.kind === 'above') return `${signed(ours - peer)} (<= +${bound.limit})`
  if (bound.kind === 'behind') return `${signed(bound.low)} to ${signed(bound.high)} (not above 0)`
  return `(<= ${bound.limit})`
}

const number = (value: number, unit: string): string => (Number.isNaN(value) ? '' : `${value.toFixed(1)} ${unit}`)

/** The table people read; a row that does not hold says so. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((r) =>
    r.absent === undefined
      ? [r.what, number(r.ours, r.unit), number(r.peer, r.unit), bounds(r), r.spread, holds(r) ? 'ok' : 'MISSED']
      : [r.what, '', '', `not measured: ${r.absent}`, '', ''],
  )
  const all = [['case', 'Sluice', 'peer', 'ratio or difference', 'spread', ''], ...cells]
  const widths = all[0]?.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))) ?? []
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
