import type { z } from 'zod'
import type { Code, Refusal } from '../errors.ts'
import type { Change, Jobs } from '../jobs/job.ts'
import type { Message } from '../message.ts'
import type { Person } from '../person.ts'
import type { Room } from '../config.ts'
import type { ClusterType, Decide, Risk } from '../policies/policy.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import type { Facts, FactName, Subject } from '../systems/facts/port.ts'

/**
 * PORT: a word people type. A phrase is a pattern: literal words, `a|b` choices, `[optional]` parts and `{slots}`.
 * `{nodes}` is the argument `nodes` of slot type `nodes`; `{timeoutMs:duration}` names argument and slot apart.
 * `set` gives arguments that the words themselves mean.
 */
export type Phrase = string | { readonly say: string; readonly set: Readonly<Record<string, unknown>> }

export type Acts = 'vote' | 'unvote' | 'stop' | 'start'

type Described<A> = {
  /** Canonical name: `list nodes`. */
  readonly name: string
  readonly summary: string
  readonly phrases: readonly Phrase[]
  /** Parts that may stand anywhere, in any order: `aggressively`, `timeout {timeoutMs:duration}`, `--force`. */
  readonly options?: readonly Phrase[]
  readonly args: z.ZodType<A>
  readonly examples: readonly string[]
  /** More for `help <name>`: the manual's own commands it stands for, and what it will not do. */
  readonly manual?: readonly string[]
  /** It asks a cluster by way of jobs (a plan), or reads for long: answered beside the room. What takes `cluster` is so anyway. */
  readonly asksCluster?: true
  /** An answer that acts on a job: a question or a doubt about it never does it. What starts work is taken like a change. */
  readonly acts?: Acts
}

/** How far a platform shows a job: revision `shows` (0 = nothing yet) of `of`, `behindMs` after it was so. */
export type Lag = {
  readonly platform: string
  readonly shows: number
  readonly of: number
  readonly behindMs: number
}

/** Everything an answer may be given; each command names what it takes. */
export type Capabilities = {
  readonly inventory: Inventory
  readonly cluster: (name: string) => Promise<Cluster | Refusal>
  readonly jobs: Jobs
  /** Every change by name, for `plan X` and `why`. */
  readonly changes: ReadonlyMap<string, Change>
  readonly decide: Decide
  readonly readFacts: (names: readonly FactName[], subject: Subject, signal: AbortSignal) => Promise<Facts>
  readonly commands: () => readonly Command[]
  readonly people: readonly Person[]
  readonly rooms: readonly Room[]
  readonly nowMs: () => number
  /** Measured, for each platform the job is shown on. */
  readonly lag: (job: string) => Promise<readonly Lag[]>
}
export type CapabilityName = keyof Capabilities

export type Situation = {
  readonly person: Person
  readonly room: string
  readonly event: string
  readonly text: string
  readonly atMs: number
  readonly thread?: { readonly job: string }
  readonly signal: AbortSignal
}

export type AnswerCommand = Described<never> & {
  readonly kind: 'answer'
  readonly risk: 'read'
  readonly takes: readonly CapabilityName[]
  readonly answer: (args: never, ctx: Capabilities & Situation) => Promise<Message | Refusal>
}
export type ChangeCommand = Described<never> & Change & { readonly kind: 'change' }
export type Command = AnswerCommand | ChangeCommand

/** A read, or a word about jobs. `takes` is all it gets. */
export function answer<A, const N extends readonly CapabilityName[]>(
  command: Described<A> & {
    readonly takes: N
    readonly answer: (args: A, ctx: Pick<Capabilities, N[number]> & Situation) => Promise<Message | Refusal>
  },
): AnswerCommand {
  // args were parsed by command.args before they come here: A is erased only in the list of all commands
  return { ...command, kind: 'answer', risk: 'read' } as unknown as AnswerCommand
}

/** A change of a cluster: planned, decided, approved, queued, done once. */
export function change<A>(
  command: Described<A> &
    Omit<Change, 'risk' | 'resolve'> & {
      readonly risk: (args: A) => Exclude<Risk, 'read' | 'stop'>
      readonly resolve: (args: A, read: Parameters<Change['resolve']>[1]) => ReturnType<Change['resolve']>
    },
): ChangeCommand {
  // see answer(): the stored arguments went through command.args
  return { ...command, kind: 'change' } as unknown as ChangeCommand
}

/** The names the grammar knows. A running bot uses live nodes, `sluice parse` the registry alone. */
export type InventoryNode = { readonly name: string; readonly fqdn?: string; readonly controlPlane: boolean }
export type InventoryCluster = {
  readonly name: string
  readonly fqdn: string
  readonly aliases: readonly string[]
  readonly type: ClusterType
  readonly place: string
  readonly purpose: string
  readonly state: 'active' | 'unused'
  readonly maintainers: readonly string[]
  readonly masters: readonly string[]
  readonly argoUrl?: string
  readonly rook: boolean
  readonly v4Proxy?: string
  readonly lastVerified?: string
  readonly ipFamily: 'ipv6' | 'dual'
  readonly nodes: readonly InventoryNode[]
  readonly live: boolean
}
export type Inventory = {
  readonly clusters: readonly InventoryCluster[]
  readonly people: readonly { readonly name: string; readonly title: string }[]
}

/** A part is missing: the sentence around it. */
export type Fill = { readonly command: string; readonly arg: string; readonly before: string; readonly after: string }

/** What a sentence was understood as. */
export type Understood =
  | {
      readonly result: 'command'
      readonly commands: readonly {
        readonly command: string
        readonly risk: Risk
        readonly args: Readonly<Record<string, unknown>>
      }[]
      /** What a reply stood for: `drain server53 on c4` for `2`. */
      readonly meant?: string
    }
  | {
      readonly result: 'ask'
      readonly code: Code
      readonly message: string
      readonly choices: readonly { readonly label: string; readonly text: string }[]
      readonly fill?: Fill
    }
  | {
      readonly result: 'refuse'
      readonly code: Code
      readonly message: string
      readonly choices: readonly { readonly label: string; readonly text: string }[]
    }
  | { readonly result: 'ignore' }

/** What a person may fill in instead of typing: derived from a change's arguments and phrases. `name` is the command's. */
export type Form = {
  readonly name: string
  readonly summary: string
  readonly example: string
  readonly fields: readonly FormField[]
}
/** `id` is the argument. A flag is words that are said or not; a choice is one of the given words. */
export type FormField = {
  readonly id: string
  readonly label: string
  readonly optional: boolean
  readonly hint?: string
} & ({ readonly kind: 'text' | 'flag' } | { readonly kind: 'choice'; readonly choices: readonly string[] })
/** By field: what was written or chosen; a flag is true or not there. */
export type FormValues = Readonly<Record<string, string | true>>
/** The sentence a person would have typed, or by field why there is none. */
export type Filled = { readonly sentence: string } | { readonly errors: Readonly<Record<string, string>> }
