import type { ChangeCommand } from '../../src/commands/command.ts'
import { isRefusal, type Refusal, SluiceError } from '../../src/errors.ts'
import type { Args, Change, Target } from '../../src/jobs/job.ts'
import type {
  Evidence,
  Finding,
  Gate,
  ItselfToChange,
  Progress,
  Step,
  StepContext,
  StepJournal,
} from '../../src/steps/step.ts'
import type { Cluster } from '../../src/systems/kubernetes/port.ts'

type Data = Readonly<Record<string, unknown>>
type Entry = { intent?: Data; evidence?: Data }
export type Journals = Map<string, Map<string, Entry>>

const noHost = (name: string): never => {
  throw new Error(`no host ${name} in this test`)
}

function journalOf(entries: Map<string, Entry>, onWrite: (what: string) => void): StepJournal {
  const write =
    (kind: 'intent' | 'evidence') => async (list: readonly { readonly key: string; readonly data?: Data }[]) => {
      for (const { key, data } of list) entries.set(key, { ...entries.get(key), [kind]: data ?? {} })
      onWrite(`${kind} ${list.map(({ key }) => key).join(' ')}`)
    }
  return { intent: write('intent'), evidence: write('evidence'), read: async () => entries }
}

export type RunOptions = {
  readonly person?: string
  readonly job?: string
  readonly ticket?: string
  /** Answers a gate with one of its words; without it a gate ends the run. */
  readonly choose?: (gate: Gate) => string | undefined
  /** What an earlier run wrote. */
  readonly journals?: Journals
  readonly signal?: AbortSignal
  readonly safePoint?: () => Promise<void>
  readonly onWrite?: (what: string) => void
  readonly onProgress?: (progress: Progress) => void
  /** After planning, before the first step: what changes in between. */
  readonly between?: () => Promise<void>
  readonly only?: (step: Step) => boolean
}

export type Ran = {
  readonly refusal?: Refusal
  readonly target?: Target
  readonly findings: readonly Finding[]
  readonly blocked: readonly Finding[]
  readonly done: readonly { readonly id: string; readonly evidence: Evidence }[]
  readonly gates: readonly Gate[]
  /** The gate nobody answered. */
  readonly gate?: Gate
  readonly error?: SluiceError
  readonly pending: readonly string[]
  readonly progress: readonly Progress[]
  readonly journals: Journals
}

const never = new AbortController().signal

const notHere = (): never => {
  throw new Error('not part of this test')
}
/** Nothing is stopped and nothing is locked. */
const itself: ItselfToChange = {
  stopped: () => Promise.resolve(undefined),
  heldBack: () => Promise.resolve([]),
  held: () => Promise.resolve([]),
  startAgain: notHere,
  unlock: notHere,
}

function contextOf(
  cluster: Cluster,
  step: Step,
  options: RunOptions,
  journals: Journals,
  chosen: Data,
  progress: Progress[],
): StepContext {
  const entries = journals.get(step.id) ?? new Map<string, Entry>()
  journals.set(step.id, entries)
  return {
    itself,
    cluster,
    host: noHost,
    nowMs: Date.now,
    job: {
      id: options.job ?? '1',
      person: options.person ?? 'nico',
      attempt: 1,
      fence: '1',
      ...(options.ticket === undefined ? {} : { ticket: options.ticket }),
    },
    chosen,
    journal: journalOf(entries, options.onWrite ?? (() => {})),
    report: (one) => {
      progress.push(one)
      options.onProgress?.(one)
    },
    trouble: () => {},
    safePoint: options.safePoint ?? (async () => options.signal?.throwIfAborted()),
    signal: options.signal ?? never,
  }
}

async function runOne(
  step: Step,
  replan: () => Promise<unknown>,
  context: (chosen: Data) => StepContext,
  options: RunOptions,
  gates: Gate[],
): Promise<Evidence | Gate> {
  let chosen: Data = {}
  for (;;) {
    const ctx = context(chosen)
    const answer = (await step.done(ctx)) ?? (await step.run(ctx))
    if (answer.kind === 'evidence') return answer
    gates.push(answer)
    const word = options.choose?.(answer)
    const choice = answer.choices.find((one) => one.word === word)
    if (choice?.effect !== 'again') return answer
    chosen = { ...chosen, ...choice.args }
    await replan()
  }
}

export const targetOf = async (
  change: Change,
  args: Args,
  cluster: Cluster,
  person = 'nico',
): Promise<Target | Refusal> =>
  change.resolve(args, { cluster, nodes: () => cluster.nodes(), nowMs: Date.now, signal: never, person, itself })

export async function previewOf(steps: readonly Step[], cluster: Cluster): Promise<readonly Finding[]> {
  const ctx = {
    itself,
    cluster,
    host: noHost,
    nowMs: Date.now,
    signal: never,
    assume: new Set<string>(),
    cache: new Map<string, Promise<unknown>>(),
  }
  const findings: Finding[] = []
  for (const step of steps) findings.push(...(await step.preview(ctx)))
  return findings
}

/** A change without the engine: resolve, preview, then its steps with a journal in memory; stops at a block, a gate or a failure. */
export async function runChange(
  command: ChangeCommand,
  args: Args,
  cluster: Cluster,
  options: RunOptions = {},
): Promise<Ran> {
  const journals: Journals = options.journals ?? new Map()
  const nothing = { findings: [], blocked: [], done: [], gates: [], pending: [], progress: [], journals }
  const parsed = command.args.parse(args) as Args // erased in ChangeCommand
  const target = await targetOf(command, parsed, cluster, options.person)
  if (isRefusal(target)) return { ...nothing, refusal: target }
  const steps = command.steps(target)
  const findings = await previewOf(steps, cluster)
  const blocked = findings.filter(({ verdict }) => verdict === 'block')
  if (blocked.length > 0) return { ...nothing, target, findings, blocked }
  await options.between?.()
  return { target, findings, blocked, ...(await runAll(steps, cluster, options, journals)) }
}

async function runAll(
  steps: readonly Step[],
  cluster: Cluster,
  options: RunOptions,
  journals: Journals,
): Promise<Omit<Ran, 'target' | 'findings' | 'blocked'>> {
  const done: { id: string; evidence: Evidence }[] = []
  const gates: Gate[] = []
  const progress: Progress[] = []
  for (const [i, step] of steps.entries()) {
    if (options.only?.(step) === false) continue
    const rest = { done, gates, progress, journals, pending: steps.slice(i).map(({ id }) => id) }
    try {
      const answer = await runOne(
        step,
        () => previewOf(steps, cluster),
        (chosen) => contextOf(cluster, step, options, journals, chosen, progress),
        options,
        gates,
      )
      if (answer.kind === 'gate') return { ...rest, gate: answer }
      done.push({ id: step.id, evidence: answer })
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      return { ...rest, error }
    }
  }
  return { done, gates, progress, journals, pending: [] }
}
