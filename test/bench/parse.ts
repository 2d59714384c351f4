import { performance } from 'node:perf_hooks'
import { understand } from '../commands/understood.ts'

const LENGTHS = [10, 100, 1_000, 10_000] as const
/** A word cut in two would be a misspelt one, which is looked up in the vocabulary: another thing to measure. */
const whole = (text: string): string => text.replace(/[^ ]*$/, '').padEnd(text.length)

/** Sentences of a given length in characters, of kinds that could each be slow in their own way. */
const KINDS: Readonly<Record<string, (characters: number) => string>> = {
  manners: (n) => `${'please '.repeat(Math.ceil(n / 7))}drain server23 on p10`.slice(-n),
  reason: (n) => `cordon server23 because ${'disk fails '.repeat(Math.ceil(n / 11))}`.slice(0, n),
  nodes: (n) => whole(`drain ${'server22, server23, '.repeat(Math.ceil(n / 20))}`.slice(0, n)),
  nonsense: (n) => 'on the 1 that is drain, '.repeat(Math.ceil(n / 24)).slice(0, n),
  quotes: (n) => '" ( [ '.repeat(Math.ceil(n / 6)).slice(0, n),
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** Microseconds for one text, the median of several runs. */
function timeUs(text: string, runs: number): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now()
    understand(text, { maxCharacters: 1_000_000 })
    return (performance.now() - start) * 1000
  })
  return median(times)
}

export type ParseRow = {
  readonly kind: string
  readonly characters: number
  readonly us: number
  readonly usPerCharacter: number
}

/** Parsing time per character for each kind and length: flat means linear. `runs` of each, interleaved by length. */
export function measureParse(runs = 15): readonly ParseRow[] {
  for (const make of Object.values(KINDS)) for (const n of LENGTHS) timeUs(make(n), 20)
  return Object.entries(KINDS).flatMap(([kind, make]) =>
    LENGTHS.map((characters) => {
      const us = timeUs(make(characters), runs)
      return { kind, characters, us, usPerCharacter: us / characters }
    }),
  )
}

/** One line per kind: microseconds per character at each length, and the ratio of 10,000 characters to 100. */
export function parseTable(rows: readonly ParseRow[]): string {
  const line = (kind: string): string => {
    const of = rows.filter((r) => r.kind === kind)
    const per = (characters: number): number => of.find((r) => r.characters === characters)?.usPerCharacter ?? 0
    const cells = LENGTHS.map((n) => per(n).toFixed(3).padStart(9)).join('')
    return `parse ${kind.padEnd(10)}${cells}   x${(per(10_000) / per(100)).toFixed(2)}`
  }
  const head = `us per character${LENGTHS.map((n) => String(n).padStart(9)).join('')}   10,000 to 100`
  return [head, ...Object.keys(KINDS).map(line)].join('\n')
}
