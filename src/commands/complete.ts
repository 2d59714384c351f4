import type { Command, Inventory } from './command.ts'
import { grammarOf, type Known } from './parse.ts'
import type { Program } from './grammar/phrases.ts'
import { namesOf } from './grammar/names.ts'
import { completion } from './suggest.ts'

export type CompleteContext = {
  readonly commands: readonly Command[]
  readonly known: readonly Known[]
  readonly inventory: Inventory
}
/** Everything behind `from` (UTF-16 units) may be replaced by one of the words, in the order of the alphabet. */
export type Completed = { readonly from: number; readonly words: readonly string[] }

const MOST = 60
const CLUSTER_LEADS = new Set(['on', 'of', 'in', 'cluster', 'auf'])

/** What may come next in a sentence that is being typed: names of commands, words of their phrases, nodes, clusters, people. Pure; the same names as did-you-mean. */
export function complete(typed: string, context: CompleteContext): Completed {
  const people = context.inventory.people.map(({ name }) => name)
  const speaker = /^(\s*as\s+)([\w-]*)$/.exec(typed)
  if (speaker !== null)
    return chosen(
      typed,
      speaker[2] ?? '',
      people.map((name) => `${name}:`),
    )
  const lead = /^\s*(?:as\s+[\w-]+\s*:\s*)?(?:(?:plan|help)\s+)?/.exec(typed)?.[0] ?? ''
  const body = typed.slice(lead.length)
  const before = /^(.*[\s,])?/s.exec(body)?.[0] ?? ''
  const begun = body.slice(before.length)
  if (before.trim() === '') return chosen(typed, begun, firstWords(lead, begun, context))
  const names = completion(context.commands, body).filter((s) => context.commands.some((c) => c.name === s))
  const whole = names.map((name) => name.slice(before.length).split(' ')[0] ?? '')
  return chosen(typed, begun, [
    ...whole,
    ...nextWords(words(before), before.endsWith(','), context),
    ...people.map((p) => `@${p}`),
  ])
}

const words = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '')

/** Those that go on from what is begun. Nothing begun: people are not offered, they are too many for too few sentences. */
function chosen(typed: string, begun: string, candidates: readonly string[]): Completed {
  const lower = begun.toLowerCase()
  const fit = candidates.filter((word) => word.toLowerCase().startsWith(lower) && word !== '' && word !== begun)
  const shown = begun === '' ? fit.filter((word) => !word.startsWith('@')) : fit
  return { from: typed.length - begun.length, words: [...new Set(shown)].toSorted().slice(0, MOST) }
}

/** Names of commands; only where none fits, any word a phrase begins with. */
function firstWords(lead: string, begun: string, { commands, known }: CompleteContext): readonly string[] {
  const planned = /plan\s+$/.test(lead)
  const asked = commands.filter((c) => (planned ? c.kind === 'change' : !c.name.startsWith('plan ')))
  const names = [...asked.map((c) => c.name), ...(lead.trim() === '' || lead.includes(':') ? ['plan'] : [])]
  if (names.some((name) => name.startsWith(begun.toLowerCase()))) return names
  return grammarOf(commands, known).rules.flatMap((rule) => rule.programs.flatMap((p) => [...(p.firsts ?? [])]))
}

function nextWords(said: readonly string[], listing: boolean, context: CompleteContext): readonly string[] {
  const { nodes, clusters } = namesOf(context.inventory)
  const shortNodes = [...nodes.keys()].filter((name) => !name.includes('.'))
  if (listing) return shortNodes
  const shortClusters = [...new Set([...clusters.values()].map(({ name }) => name))]
  if (CLUSTER_LEADS.has(said.at(-1) ?? '')) return shortClusters
  const slots: Readonly<Record<string, readonly string[]>> = {
    nodes: shortNodes,
    node: shortNodes,
    cluster: shortClusters,
    topic: context.commands.map((c) => c.name),
    person: context.inventory.people.map(({ name }) => name),
  }
  const rules = grammarOf(context.commands, context.known).rules.filter((rule) => rule.command !== undefined)
  const reached = rules.flatMap((rule) => {
    const ends = rule.programs.map((program) => after(program, said, context)).filter((end) => end !== undefined)
    if (ends.length === 0) return []
    const options = rule.floats.options.flatMap((option) => [...(option.firsts ?? [])])
    return [
      ...ends.flatMap(({ words: next, slot }) => [...next, ...slot.flatMap((s) => slots[s] ?? [])]),
      ...(rule.floats.cluster ? ['on'] : []),
      ...(rule.floats.cluster && ends.some((end) => end.whole) ? shortClusters : []),
      ...(ends.some((end) => end.whole) ? options : []),
    ]
  })
  return reached
}

type End = { readonly words: readonly string[]; readonly slot: readonly string[]; readonly whole: boolean }

/** What a phrase wants behind the words, or undefined when they do not lead into it. A slot takes any one word, or several when it lists nodes. */
function after(program: Program, said: readonly string[], context: CompleteContext): End | undefined {
  let open = closure(program, [program.start])
  for (let i = 0; i < said.length; i++) {
    const word = said[i] ?? ''
    if (i > 0 && floats(said, i, context)) continue
    const next = open.flatMap((at) => {
      const state = program.states[at]
      if (state?.kind === 'word') return state.words.has(word) ? [state.next] : []
      if (state?.kind !== 'slot') return []
      if (!takes(state.slot, word, context)) return []
      return state.slot === 'nodes' ? [at, state.next] : [state.next]
    })
    open = closure(program, next)
    if (open.length === 0) return undefined
  }
  const states = open.map((at) => program.states[at])
  return {
    words: states.flatMap((s) => (s?.kind === 'word' ? [...s.words] : [])),
    slot: states.flatMap((s) => (s?.kind === 'slot' ? [s.slot] : [])),
    whole: states.some((s) => s?.kind === 'accept'),
  }
}

/** `on p10` stands anywhere. */
function floats(said: readonly string[], i: number, { inventory }: CompleteContext): boolean {
  const { clusters } = namesOf(inventory)
  const here = said[i] ?? ''
  if (CLUSTER_LEADS.has(here)) return clusters.has(said[i + 1] ?? '')
  return CLUSTER_LEADS.has(said[i - 1] ?? '') && clusters.has(here)
}

function takes(slot: string, word: string, { inventory }: CompleteContext): boolean {
  const { nodes, clusters } = namesOf(inventory)
  if (slot === 'cluster') return clusters.has(word)
  if (slot === 'nodes' || slot === 'node') return nodes.has(word) || /^[a-z-]*\d[\d,.-]*$/.test(word)
  return slot !== 'text' && slot !== 'reason' && slot !== 'selector'
}

function closure(program: Program, from: readonly number[]): readonly number[] {
  const seen = new Set<number>()
  const open = [...from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const state = program.states[at]
    if (state?.kind === 'split') open.push(...state.nexts)
  }
  return [...seen]
}
