/** How many pods the drained node has. */
export const PODS = 20

/** What a bot prints in front of everything else before it stops itself. */
export const STOPPED = 'stopped\n'

/** What one journal write holds, one word per line of it: `intent cordon`, `evidence pod` ... */
export const linesOf = (what: string): readonly string[] =>
  what.split(', ').map((line) => {
    const [kind = '', step = ''] = line.split(' ')
    return line.includes(' / pod:') ? `${kind} pod` : `${kind} ${step}`
  })

const numbered = (line: string): readonly string[] => Array.from({ length: PODS }, (_, i) => `${line} ${i + 1}`)
const LINES = [
  'intent cordon 1',
  'evidence cordon 1',
  'intent drain 1',
  ...numbered('intent pod'),
  ...numbered('evidence pod'),
  'evidence drain 1',
  'intent verify 1',
  'evidence verify 1',
]

/**
 * Every line the journal of such a drain gets, each with the moment before and the one after the write that carries it. Writes
 * carry several lines when they come together, and how many is not the same in each run: so a moment is named by the line.
 */
export const POINTS: readonly string[] = LINES.flatMap((line) => [`before ${line}`, `after ${line}`])

/** Tells each moment of each write as it passes, by the names above. */
export function pointsOf(tell: (point: string) => void): (when: 'before' | 'after', what: string) => void {
  const counts = new Map<string, number>()
  return (when, what) => {
    for (const line of linesOf(what)) {
      const name = `${when} ${line}`
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      tell(`${name} ${count}`)
    }
  }
}

/** So many of a list, evenly spread; the first and the last are among them. */
export const spread = <T>(list: readonly T[], count: number): readonly T[] =>
  list.filter(
    (_, i) =>
      i === 0 ||
      Math.floor((i * (count - 1)) / (list.length - 1)) !== Math.floor(((i - 1) * (count - 1)) / (list.length - 1)),
  )
