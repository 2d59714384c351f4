import type { ZodError } from 'zod'
import type { ChangeCommand, Command, Fill, InventoryCluster, Understood } from '../command.ts'
import type { Grammar, RuleMatch } from '../grammar.ts'
import type { ParseContext } from '../parse.ts'
import { askFor, atEnd, behindVerb } from './asking.ts'
import { knownNo } from './known.ts'
import { bodyOf, type Lead } from './lead.ts'
import { looseText, negatedText, scheduled } from './loose-text.ts'
import type { Capture } from './match.ts'
import { askCluster, isNo, type No, noAt, plainNo } from './no.ts'
import { namedCluster, personOf } from './resolve.ts'
import type { Sentence } from './slots.ts'
import { type Args, type Case, targetsOf } from './targets-of.ts'
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
  if (plan && command.acts !== undefined) return askWhether(given)
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

/** The room's own cluster; never for what is risky in a room of several clusters. */
function roomDefault(context: ParseContext, risk: string): InventoryCluster | undefined {
  if (isRisky(risk) && context.room.clusters.length > 1) return undefined
  return context.inventory.clusters.find((c) => c.name === context.room.cluster)
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

/** Whatever is said next is the reason. */
function asReason({ sentence, body }: Case): Pick<Fill, 'before' | 'after'> {
  const { before, after } = atEnd(sentence, body)
  return { before: `${before}reason `, after }
}

const clusterOfArgs = (args: Args, { context }: Case): InventoryCluster | undefined =>
  context.inventory.clusters.find((c) => c.name === args['cluster'])

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
    return askFor(
      {
        command: command.name,
        arg: name,
        example: command.examples[0] ?? command.name,
        cluster: clusterOfArgs(args, given),
      },
      name === 'reason' ? asReason(given) : behindVerb(given.sentence, given.body),
      given.context,
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
