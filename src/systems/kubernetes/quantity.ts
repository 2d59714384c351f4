const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A resource.Quantity (`100m`, `1.5Gi`, `2e3`) as a number of its unit; 0 for what is none. */
export function quantity(value: unknown): number {
  const match = /^([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?|[+-]?\d+\.)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.exec(
    (typeof value === 'string' || typeof value === 'number' ? String(value) : '').trim(),
  )
  return match === null ? 0 : Number(match[1]) * (FACTORS[match[2] ?? ''] ?? 1)
}

/** Rounded up, as the scheduler's MilliValue is. */
export const cpuMillis = (value: unknown): number => Math.ceil(Number((quantity(value) * 1000).toFixed(6)))
export const bytes = (value: unknown): number => Math.ceil(Number(quantity(value).toFixed(3)))
