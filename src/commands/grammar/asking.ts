import type { Fill, InventoryCluster } from '../command.ts'
import type { ParseContext } from '../parse.ts'
import { type Body, type Choice, type No, plainNo } from './no.ts'
import type { Sentence } from './slots.ts'

const QUESTIONS: Readonly<Record<string, string>> = {
  nodes: 'Which nodes?',
  node: 'Which node?',
  cluster: 'Which cluster?',
  job: 'Which job? Say its number.',
  reason: 'Why? Say the reason.',
  person: 'Who?',
  duration: 'How long? For example `30m`.',
}
/** More would be a list to read, not a choice. */
const MOST = 9

export type Lacking = {
  readonly command: string
  readonly arg: string
  /** The kind of the missing part, when that is not the argument's name. */
  readonly slot?: string
  readonly example?: string
  readonly cluster?: InventoryCluster | undefined
}

/** Behind the first word: `approve` 17, `deny` 17 `because ...`, `drain` server23 `on p10`. */
export function behindVerb(sentence: Sentence, body: Body): Pick<Fill, 'before' | 'after'> {
  const text = sentence.text.slice(body.start, body.end).trimEnd()
  const [verb = text] = text.split(/\s/, 1)
  return { before: `${body.prefix}${verb} `, after: text.slice(verb.length) }
}

/** At the end: where the words stopped. */
export const atEnd = (sentence: Sentence, body: Body): Pick<Fill, 'before' | 'after'> => ({
  before: `${body.prefix}${sentence.text.slice(body.start, body.end).trimEnd()} `,
  after: '',
})

/** Asks for the one part that is missing, with what it could be where that is a handful. */
export function askFor(
  lacking: Lacking,
  around: Pick<Fill, 'before' | 'after'>,
  context: ParseContext,
  question = QUESTIONS[lacking.slot ?? lacking.arg] ?? QUESTIONS[lacking.arg] ?? `${lacking.arg} is missing.`,
): No {
  const { command, arg, slot = arg, example } = lacking
  const home = lacking.cluster ?? context.inventory.clusters.find((c) => c.name === context.room.cluster)
  const names = namesFor(slot, home, context)
  const choices: readonly Choice[] = names.map((name) => ({
    label: name,
    text: `${around.before}${name}${around.after}`,
  }))
  const hint = example === undefined || choices.length > 0 ? '' : ` For example: \`${example}\`.`
  return {
    ...plainNo('PARSE-MISSING', `${command}: ${question}${hint}`, choices, 'ask'),
    result: 'ask',
    fill: { command, arg, ...around },
  }
}

function namesFor(slot: string, home: InventoryCluster | undefined, { inventory }: ParseContext): readonly string[] {
  if (slot === 'cluster') return inventory.clusters.filter((c) => c.state === 'active').map((c) => c.name)
  if ((slot !== 'nodes' && slot !== 'node') || home === undefined || home.nodes.length > MOST) return []
  return home.nodes.toSorted((a, b) => Number(a.controlPlane) - Number(b.controlPlane)).map((n) => n.name)
}
