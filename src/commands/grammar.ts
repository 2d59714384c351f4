import type { ChangeCommand, Command, Phrase } from './command.ts'
import { type Floats, floatsOf, type Found, match, type Stuck, wordSet } from './grammar/match.ts'
import { compilePhrase, type Program } from './grammar/phrases.ts'
import { RECOGNISERS, type Sentence } from './grammar/slots.ts'

/** Something people say that is no command today: what it is answered with. */
export type Known = {
  readonly name: string
  readonly phrases: readonly Phrase[]
  readonly options?: readonly Phrase[]
  readonly code: 'NOT-YET' | 'NOT-OFFERED' | 'PARSE-AMBIGUOUS' | 'PARSE-ALL' | 'PARSE-MISSING'
  readonly sentence: string
  /** Words of an existing change to choose from: understood as that command, then offered with each ending. */
  readonly instead?: {
    readonly command: string
    readonly endings: readonly { readonly label: string; readonly words: string }[]
  }
}

export type Rule = {
  readonly name: string
  readonly command?: Command
  readonly known?: Known
  readonly programs: readonly Program[]
  readonly floats: Floats
  /** Arguments the command has: what is not among them is not handed over. */
  readonly args: ReadonlySet<string>
}

export type Grammar = {
  readonly rules: readonly Rule[]
  /** Every word of every phrase, for did-you-mean. */
  readonly vocabulary: ReadonlySet<string>
  readonly changes: ReadonlyMap<string, ChangeCommand>
}

/** Names of the arguments of a command's zod object; empty when it is no object. */
function argNames(command: Command): ReadonlySet<string> {
  const shape: unknown = 'shape' in command.args ? command.args.shape : undefined
  return new Set(typeof shape === 'object' && shape !== null ? Object.keys(shape) : [])
}

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'
const DRY_RUN: readonly Phrase[] = [
  { say: '--dry-run', set: { dryRun: true } },
  { say: '--dry-run client|server|none', set: { dryRun: true } },
]

function commandRule(command: Command): Rule {
  const args = argNames(command)
  const change = isChange(command)
  return {
    name: command.name,
    command,
    args,
    programs: command.phrases.map(compilePhrase),
    floats: {
      options: [...(command.options ?? []), ...(change ? DRY_RUN : [])].map(compilePhrase),
      cluster: args.has('cluster'),
      clause: args.has('selector'),
      ticket: args.has('ticket'),
      time: change,
    },
  }
}

const knownRule = (known: Known): Rule => ({
  name: known.name,
  known,
  args: new Set(['cluster', 'nodes', 'selector']),
  programs: known.phrases.map(compilePhrase),
  floats: {
    options: (known.options ?? []).map(compilePhrase),
    cluster: true,
    clause: known.code !== 'PARSE-ALL',
    ticket: true,
    time: true,
  },
})

const wordsOf = (program: Program): readonly string[] =>
  program.states.flatMap((s) => (s.kind === 'word' ? [...s.words] : []))

/** Throws a plain Error when a phrase is malformed or names a slot type that does not exist. */
export function compileGrammar(commands: readonly Command[], known: readonly Known[]): Grammar {
  const changes = new Map(commands.filter(isChange).map((c) => [c.name, c]))
  const written = commands.filter((c) => !(c.name.startsWith('plan ') && changes.has(c.name.slice('plan '.length))))
  const rules = [...written.map(commandRule), ...known.map(knownRule)]
  for (const rule of rules)
    for (const program of [...rule.programs, ...rule.floats.options])
      for (const { slot } of program.slots)
        if (RECOGNISERS[slot] === undefined) throw new Error(`${rule.name}: "${program.say}": no slot type ${slot}`)
  return {
    rules,
    changes,
    vocabulary: new Set(rules.flatMap((r) => [...r.programs, ...r.floats.options].flatMap(wordsOf))),
  }
}

export type RuleMatch = { readonly rule: Rule; readonly program: Program; readonly found: Found }
export type NearMiss = { readonly rule: Rule; readonly program: Program; readonly stuck: Stuck }

/** A slot that swallows anything counts against a phrase; words of its own count for it. */
const score = ({ rule, found }: RuleMatch): number =>
  found.words * 4 -
  found.captures.filter((c) => c.slot === 'text' || c.slot === 'word').length * 3 +
  (rule.command === undefined ? 0 : 1)

/** The best whole match from a word on; without one, how far the best phrase came. */
export function findRule(
  grammar: Grammar,
  sentence: Sentence,
  from: number,
): { readonly hit?: RuleMatch; readonly miss?: NearMiss } {
  const words = wordSet(sentence)
  let hit: RuleMatch | undefined
  let miss: NearMiss | undefined
  for (const rule of grammar.rules) {
    const float = floatsOf(sentence, rule.floats)
    for (const program of rule.programs) {
      if (!program.needs.every((choices) => anyIn(choices, words))) continue
      const { found, stuck } = match(program, sentence, from, float)
      if (found !== undefined) {
        const candidate = { rule, program, found }
        if (hit === undefined || score(candidate) > score(hit)) hit = candidate
      } else if (miss === undefined || stuck.at > miss.stuck.at) miss = { rule, program, stuck }
    }
  }
  return { ...(hit === undefined ? {} : { hit }), ...(miss === undefined ? {} : { miss }) }
}

function anyIn(choices: ReadonlySet<string>, words: ReadonlySet<string>): boolean {
  for (const choice of choices) if (words.has(choice)) return true
  return false
}
