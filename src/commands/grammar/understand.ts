import type { ZodError } from 'zod'
import type { ChangeCommand, Command, InventoryCluster, Understood } from '../command.ts'
import type { Grammar, Known, RuleMatch } from '../grammar.ts'
import type { ParseContext } from '../parse.ts'
import { isUnfiltered, type Selector } from '../selector.ts'
import { bodyOf, type Lead } from './lead.ts'
import type { Capture } from './match.ts'
import {
  askCluster,
  type Body,
  type Choice,
  isNo,
  namedCluster,
  personOf,
  type No,
  noAt,
  placeNodes,
  plainNo,
  selectorOf,
} from './resolve.ts'
import type { Sentence } from './slots.ts'
import { timeEnd } from './times.ts'
import { FILLERS, isNegation, QUESTIONS, skipWords } from './words.ts'

type Args = Record<string, unknown>
type Case = {
  readonly sentence: Sentence
  readonly captures: readonly Capture[]
  readonly context: ParseContext
  readonly body: Body
  readonly plan: boolean
}

const asCommand = (
  command: string,
  risk: ChangeCommand['risk'] extends (args: never) => infer R ? R : never,
  args: Args,
): Understood => ({ result: 'command', commands: [{ command, risk, args }] })

/** A matched phrase as a command, a question back, or a refusal. */
export function understand(
  sentence: Sentence,
  hit: RuleMatch,
  opening: Lead,
  context: ParseContext,
  grammar: Grammar,
): Understood {
  const { captures } = hit.found
  const body = bodyOf(sentence, opening)
  if (hit.rule.known !== undefined)
    return knownNo(hit.rule.known, { sentence, captures, context, body, plan: opening.plan }, grammar)
  const { command } = hit.rule
  if (command === undefined) return plainNo('INTERNAL')
  const doubtful = command.kind === 'change' ? looseText(sentence, captures) : 'fine'
  if (doubtful === 'negated') return negatedText(sentence, captures)
  if (doubtful === 'timed' || (command.kind === 'change' && captures.some((c) => c.slot === 'time')))
    return scheduled(sentence, captures)
  const dryRun = captures.some((c) => c.arg === 'dryRun')
  const plan = opening.plan || dryRun || doubtful === 'question'
  const given = {
    sentence,
    captures: captures.filter((c) => c.arg !== 'dryRun'),
    context,
    body: plan && !opening.plan ? { ...body, prefix: 'plan ' } : body,
    plan,
  }
  if (plan && command.acts === true) return askWhether(given)
  return commandOf(command, hit, given)
}

/** `can I approve 17?`: said back, to be sent as it is meant. */
function askWhether({ sentence, body }: Case): No {
  const text = sentence.text.slice(body.start, body.end)
  return plainNo(
    'PARSE-AMBIGUOUS',
    `Is that a question, or shall I? Say \`${text}\` if I shall.`,
    [{ label: text, text }],
    'ask',
  )
}

const INTRODUCTIONS = new Set([
  'because',
  'reason',
  'weil',
  'grund',
  'since',
  'as',
  ':',
  '-',
  '--reason',
  'because:',
  'reason:',
])

/** `because the disk ...`: what stands before the text, fillers left out, introduces it. */
function isIntroduced(sentence: Sentence, from: number): boolean {
  let at = from - 1
  while (at > 0 && !INTRODUCTIONS.has(sentence.tokens[at]?.lower ?? '') && skipWords(FILLERS, sentence.tokens, at) > at)
    at -= 1
  return INTRODUCTIONS.has(sentence.tokens[at]?.lower ?? '')
}

/** Text nobody introduced (`cordon server23 no wait`): a negation, a question or a time in it may be meant for us. */
function looseText(sentence: Sentence, captures: readonly Capture[]): 'fine' | 'negated' | 'timed' | 'question' {
  for (const capture of captures) {
    if (capture.slot !== 'text' || sentence.tokens[capture.from]?.quoted === true) continue
    if (isIntroduced(sentence, capture.from)) continue
    const inside = sentence.tokens.slice(capture.from, capture.to)
    if (inside.some((t) => isNegation(t.lower))) return 'negated'
    if (inside.some((_, i) => timeEnd(inside, i) > i)) return 'timed'
    if (inside.some((_, i) => skipWords(QUESTIONS, inside, i) > i)) return 'question'
  }
  return 'fine'
}

function negatedText(sentence: Sentence, captures: readonly Capture[]): No {
  const text = captures.find((c) => c.slot === 'text')
  return noAt(
    sentence,
    text?.from ?? 0,
    text?.to ?? 1,
    'PARSE-NEGATED',
    'Is that "not" the reason, or for me? Nothing was done. Say `because ...` in front of a reason.',
  )
}

function scheduled(sentence: Sentence, captures: readonly Capture[]): No {
  const time = captures.find((c) => c.slot === 'time') ?? captures.find((c) => c.slot === 'text')
  return noAt(
    sentence,
    time?.from ?? 0,
    time?.to ?? 1,
    'PARSE-SCHEDULED',
    'Sluice cannot do a change later yet, and does not do it now instead. Ask again when it shall happen.',
  )
}

/** Slots whose words are a value by themselves. */
function plainArgs(captures: readonly Capture[]): Args | Capture {
  const args: Args = {}
  const said = new Map<string, Capture>()
  for (const capture of captures) {
    if (['cluster', 'nodes', 'node', 'selector', 'clause', 'time', 'support'].includes(capture.slot)) continue
    const before = said.get(capture.arg)
    if (before !== undefined && JSON.stringify(before.value) !== JSON.stringify(capture.value)) return capture
    said.set(capture.arg, capture)
    args[capture.arg] = capture.value
  }
  return args
}

const isCapture = (value: Args | Capture): value is Capture => 'slot' in value && 'before' in value

function commandOf(command: Command, hit: RuleMatch, given: Case): Understood {
  const { sentence, captures, body } = given
  const plain = plainArgs(captures)
  if (isCapture(plain))
    return noAt(sentence, plain.from, plain.to, 'PARSE-AMBIGUOUS', `${plain.arg} is said twice, with different values.`)
  const set = { ...hit.program.set, ...plain }
  const named = namedCluster(sentence, captures, body)
  if (isNo(named)) return named
  const targets = targetsOf(command, given, named.cluster)
  if (isNo(targets)) return targets
  const args: Args = { ...set, ...targets.args }
  const person = captures.find((c) => c.slot === 'person')
  if (person !== undefined) {
    const someone = personOf(sentence, person, body)
    if (isNo(someone)) return someone
    args[person.arg] = someone.name
  }
  if (hit.rule.args.has('job') && args['job'] === undefined && given.context.thread !== undefined)
    args['job'] = given.context.thread.job
  return checked(command, args, given)
}

const riskOf = (command: Command, args: Args): ReturnType<ChangeCommand['risk']> =>
  command.kind === 'change' ? command.risk(args) : 'read'
const isRisky = (risk: string): boolean => risk !== 'read' && risk !== 'change'

/** Cluster, nodes and selector of the sentence. */
function targetsOf(command: Command, given: Case, named: InventoryCluster | undefined): { readonly args: Args } | No {
  const { sentence, captures, context, body } = given
  const nodes = captures.filter((c) => c.slot === 'nodes' || c.slot === 'node')
  let cluster = named
  const names: string[] = []
  for (const capture of nodes) {
    const placed = placeNodes(sentence, capture, cluster, context.room, command.kind === 'change' && !given.plan, body)
    if (isNo(placed)) return placed
    cluster = placed.cluster
    names.push(...placed.names)
  }
  const selector = selectorOf(sentence, captures, cluster, body)
  if (selector !== undefined && isNo(selector)) return selector
  if (selector !== undefined && names.length === 0 && command.kind === 'change' && isUnfiltered(selector))
    return everything(given)
  return { args: targetArgs(nodes, names, selector, cluster) }
}

function targetArgs(
  nodes: readonly Capture[],
  names: readonly string[],
  selector: Selector | undefined,
  cluster: InventoryCluster | undefined,
): Args {
  const { all: _all, ...filters } = selector ?? {}
  return {
    ...(nodes.length === 0
      ? {}
      : nodes[0]?.slot === 'node'
        ? { [nodes[0].arg]: names[0] }
        : { [nodes[0]?.arg ?? 'nodes']: [...new Set(names)] }),
    ...(cluster === undefined ? {} : { cluster: cluster.name }),
    ...(Object.keys(filters).length === 0 ? {} : { selector: filters }),
  }
}

/** The room's own cluster; never for what is risky in a room of several clusters. */
function roomDefault(context: ParseContext, risk: string): InventoryCluster | undefined {
  if (isRisky(risk) && context.room.clusters.length > 1) return undefined
  return context.inventory.clusters.find((c) => c.name === context.room.cluster)
}

function everything(given: Case): No {
  const capture = given.captures.find((c) => c.slot === 'selector')
  return noAt(
    given.sentence,
    capture?.from ?? 0,
    capture?.to ?? 1,
    'PARSE-ALL',
    'A change on everything needs a filter: name the nodes, or say which ones (`that are cordoned`, `older than v1.36`).',
  )
}

/** The command's own schema has the last word. */
function checked(command: Command, args: Args, given: Case): Understood {
  const fitting = dropUnwanted(command, args)
  const result = command.args.safeParse(fitting)
  if (!result.success) return explain(command, result.error, fitting, given)
  // what a zod object gives back
  const parsed = result.data as Args
  const name = command.kind === 'change' && given.plan ? `plan ${command.name}` : command.name
  return asCommand(name, given.plan ? 'read' : riskOf(command, parsed), parsed)
}

/** A room's cluster or a thread's job goes only to commands that have such an argument. */
function dropUnwanted(command: Command, args: Args): Args {
  const shape: unknown = 'shape' in command.args ? command.args.shape : undefined
  const wanted = typeof shape === 'object' && shape !== null ? new Set(Object.keys(shape)) : undefined
  return wanted === undefined ? args : Object.fromEntries(Object.entries(args).filter(([k]) => wanted.has(k)))
}

const QUESTIONS_BACK: Readonly<Record<string, string>> = {
  nodes: 'Which nodes?',
  node: 'Which node?',
  job: 'Which job? Say its number.',
  reason: 'Why? Say the reason.',
  person: 'Who?',
}

function explain(command: Command, error: ZodError, args: Args, given: Case): Understood {
  const issue = error.issues[0]
  const name = String(issue?.path[0] ?? '')
  if (name === 'cluster' && args['cluster'] === undefined) {
    const home = roomDefault(given.context, given.plan ? 'read' : riskOf(command, args))
    return home === undefined
      ? askCluster(given.sentence, given.body)
      : checked(command, { ...args, cluster: home.name }, given)
  }
  if (name !== '' && args[name] === undefined)
    return plainNo(
      'PARSE-MISSING',
      `${command.name}: ${QUESTIONS_BACK[name] ?? `${name} is missing.`} For example: \`${command.examples[0] ?? command.name}\`.`,
      [],
      'ask',
    )
  const capture = given.captures.find((c) => c.arg === name)
  return noAt(
    given.sentence,
    capture?.from ?? 0,
    capture?.to ?? given.sentence.tokens.length,
    'PARSE-ARGUMENT',
    `${name}: ${issue?.message ?? 'not accepted'}`,
  )
}

/** What the catalogue says about words that are no command today. */
function knownNo(known: Known, given: Case, grammar: Grammar): Understood {
  const result = known.code === 'PARSE-MISSING' || known.code === 'PARSE-AMBIGUOUS' ? 'ask' : 'refuse'
  const choices = known.instead === undefined ? [] : insteadOf(known.instead, given, grammar)
  if (isNo(choices)) return result === 'ask' ? choices : plainNo(known.code, known.sentence)
  return plainNo(known.code, known.sentence, choices, result)
}

/** The same nodes with the words of a command that exists, once for each ending. */
function insteadOf(instead: NonNullable<Known['instead']>, given: Case, grammar: Grammar): readonly Choice[] | No {
  const command = grammar.changes.get(instead.command)
  const named = namedCluster(given.sentence, given.captures, given.body)
  if (command === undefined || isNo(named)) return isNo(named) ? named : []
  const targets = targetsOf(command, given, named.cluster)
  if (isNo(targets)) return targets
  const { nodes, cluster } = targets.args
  if (!Array.isArray(nodes)) return []
  const sentence = `${given.body.prefix}${instead.command} ${nodes.join(', ')}${typeof cluster === 'string' ? ` on ${cluster}` : ''}`
  return instead.endings.map((e) => ({ label: e.label, text: `${sentence} ${e.words}`.trim() }))
}
