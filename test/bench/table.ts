/** One measured comparison: medians of interleaved runs, and the bound the issue sets. */
export type Row = {
  readonly what: string
  readonly ours: number
  readonly peer: number
  readonly unit: string
  readonly bound: { readonly kind: 'ratio' | 'above'; readonly limit: number } | undefined
  readonly spread: string
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
export const spread = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)}`

export const holds = ({ ours, peer, bound }: Row): boolean =>
  bound === undefined || (bound.kind === 'ratio' ? ours / peer <= bound.limit : ours - peer <= bound.limit)

const bounds = ({ ours, peer, bound }: Row): string => {
  if (bound === undefined) return '-'
  return bound.kind === 'ratio'
    ? `${(ours / peer).toFixed(2)}x (<= ${bound.limit}x)`
    : `+${(ours - peer).toFixed(1)} (<= +${bound.limit})`
}

/** The table people read; a row that does not hold says so. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((r) => [
    r.what,
    `${r.ours.toFixed(1)} ${r.unit}`,
    `${r.peer.toFixed(1)} ${r.unit}`,
    bounds(r),
    r.spread,
    holds(r) ? 'ok' : 'MISSED',
  ])
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
