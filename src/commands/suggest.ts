import { distance } from 'fastest-levenshtein'
import type { Command } from './command.ts'

const MAX_DISTANCE = 2

/** Known names at most two letters away from a word, nearest first. Short words allow one letter only. */
export function nearest(word: string, among: Iterable<string>, limit = 3): readonly string[] {
  const lower = word.toLowerCase()
  const most = lower.length < 4 ? 1 : MAX_DISTANCE
  const found: { readonly name: string; readonly far: number }[] = []
  for (const name of among) {
    if (Math.abs(name.length - lower.length) > most) continue
    const far = distance(lower, name.toLowerCase())
    if (far > 0 && far <= most) found.push({ name, far })
  }
  return found
    .toSorted((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map((f) => f.name)
}

/** Sentences that begin like what was typed: names and examples of the commands, in the order of the alphabet. */
export function completion(commands: readonly Command[], prefix: string, limit = 20): readonly string[] {
  const typed = prefix.toLowerCase().trimStart()
  const sentences = commands.flatMap((c) => [c.name, ...c.examples])
  return [...new Set(sentences.filter((s) => s.toLowerCase().startsWith(typed)))].toSorted().slice(0, limit)
}
