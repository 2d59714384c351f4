import type { Code, SluiceError } from '../errors.ts'
import type { Risk } from '../policies/policy.ts'
import type { Cluster } from '../systems/kubernetes/port.ts'
import type { Host } from '../systems/ssh/port.ts'

/** PORT: one idempotent action. preview() reads, done() asks the world, run() changes it. */
export type Verdict = 'skip' | 'do' | 'warn' | 'block'

/** What would happen to one object, and why. `key` = step + object or owner workload + PDB: no volatile names or counts in it. */
export type Finding = {
  readonly key: string
  /** For people: `gitea-acme/gitea-0`, `server23`. */
  readonly object: string
  readonly uid?: string
  readonly verdict: Verdict
  readonly code?: Code
  readonly reason: string
  readonly fix?: string
  /** Of a `block`: a sentence to send instead, shown as a button: `drain server23 on p10 aggressively`. */
  readonly sentence?: string
  /** Volatile: counts, pod names, momentary numbers. Not hashed. */
  readonly detail?: string
  /** How many objects (pods) it stands for. Volatile, not hashed. */
  readonly count?: number
  /** Groups findings in a plan: `evict`, `stays`, `single-replica`, `pdb`, `emptydir`, `unmanaged`, `local-volume`, `capacity`, `cordon` ... */
  readonly topic: string
}

/** What was seen to be true after a step. `data` goes into the journal (no secrets, no objects larger than needed). */
export type Evidence = {
  readonly kind: 'evidence'
  readonly text: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** A question in the middle: the job parks without a worker. A choice is decided by policy for whoever makes it. */
export type Choice = {
  readonly word: string
  readonly label: string
  readonly risk: Risk
  readonly args?: Readonly<Record<string, unknown>>
  readonly effect: 'again' | 'abort' | 'abort-undo' | 'show'
}
export type Gate = {
  readonly kind: 'gate'
  readonly code: Code
  readonly text: string
  readonly details?: readonly string[]
  readonly choices: readonly Choice[]
  readonly withinMs: number
}

/** A step's journal: sub-entries, e.g. one per pod. Writes are lock-checked: a worker that lost its job gets JOB-LOST thrown. */
export type StepJournal = {
  /** Before an effect. Resolves only when it is stored. Several at once are one write. */
  readonly intent: (
    entries: readonly { readonly key: string; readonly data?: Readonly<Record<string, unknown>> }[],
  ) => Promise<void>
  /** After it. */
  readonly evidence: (
    entries: readonly { readonly key: string; readonly data?: Readonly<Record<string, unknown>> }[],
  ) => Promise<void>
  /** What earlier attempts wrote: key -> intent and evidence. */
  readonly read: () => Promise<
    ReadonlyMap<
      string,
      { readonly intent?: Readonly<Record<string, unknown>>; readonly evidence?: Readonly<Record<string, unknown>> }
    >
  >
}

/** Live, drawn on the card: at most what a person can read. */
export type Progress = {
  readonly done: number
  readonly of: number
  readonly waiting: readonly { readonly object: string; readonly why: string; readonly sinceMs: number }[]
  readonly text?: string
}

/** Who stopped everything: `id` is one `stop all`. */
export type Stop = {
  readonly id: string
  readonly by: string
  readonly atMs: number
  readonly reason?: string
  /** The newest job then: whatever was asked for until then halts. */
  readonly upTo: number
}
/** A job and the locks it holds; `busy` = why they cannot be taken away: it works, or goes on by itself. */
export type Held = {
  readonly job: string
  readonly locks: readonly string[]
  readonly by: string
  readonly sentence: string
  readonly state: string
  readonly busy?: string
  /** Jobs behind it in line, in order. */
  readonly next: readonly string[]
}

/** What is known of Sluice itself. */
export type Itself = {
  readonly stopped: () => Promise<Stop | undefined>
  /** Sentences: the jobs that a stop holds back. */
  readonly heldBack: () => Promise<readonly string[]>
  readonly held: () => Promise<readonly Held[]>
}
/** What a step of scope `sluice` changes of it. Each is audited, and a second time it finds nothing to do. */
export type ItselfToChange = Itself & {
  /** Lifts this stop; false when it was lifted before. */
  readonly startAgain: (stop: string) => Promise<boolean>
  /** Takes all locks of a job; answers with those there were. Throws LOCK-BUSY when it works again. */
  readonly unlock: (job: string, reason: string) => Promise<readonly string[]>
}

export type PreviewContext = {
  readonly itself: Itself
  readonly cluster: Cluster
  readonly host: (name: string) => Host
  readonly nowMs: () => number
  readonly signal: AbortSignal
  /** What earlier steps of the same plan promise: `cordoned:server23`, `drained:server23`. */
  readonly assume: Set<string>
  /** Reads shared by the steps of one plan (`pods of server23`), so that a list is fetched once. */
  readonly cache: Map<string, Promise<unknown>>
}

export type StepContext = {
  readonly itself: ItselfToChange
  readonly cluster: Cluster
  readonly host: (name: string) => Host
  readonly nowMs: () => number
  readonly job: {
    readonly id: string
    readonly person: string
    readonly ticket?: string
    readonly attempt: number
    readonly fence: string
    readonly url?: string
  }
  /** Arguments changed by the choice of a gate (`{timeoutMs}` after "wait more"). */
  readonly chosen: Readonly<Record<string, unknown>>
  readonly journal: StepJournal
  readonly report: (progress: Progress) => void
  /**
   * What it waits for that is nobody's doing, shown with its code until it is taken back with undefined. A step that is long takes back what was
   * in its way when it has got past it.
   */
  readonly trouble: (error: SluiceError | undefined) => void
  /** Throws CANCELLED when the job is cancelled; STOPPED when everything is; JOB-LOST when another worker has it. Call it before each effect. */
  readonly safePoint: () => Promise<void>
  /** Aborts at the time-out, at a cancel, at `stop all`, at shutdown and at the loss of the job. */
  readonly signal: AbortSignal
}

export type Step = {
  /** Stable within the job: `cordon server23`. */
  readonly id: string
  readonly title: string
  readonly preview: (ctx: PreviewContext) => Promise<readonly Finding[]>
  /** Asks the world, not the record: is it so already? */
  readonly done: (ctx: StepContext) => Promise<Evidence | undefined>
  /** A transient error is thrown as it is: the step is begun again with done() until the job's patience is over (not what is not `repeatable`). */
  readonly run: (ctx: StepContext) => Promise<Evidence | Gate>
  /** Begun and not finished: what is left of it, read from the world now. */
  readonly left?: (ctx: StepContext) => Promise<string>
  readonly undo?: (ctx: StepContext) => Promise<Evidence>
  /** May it run again when the journal has an intent without evidence? */
  readonly repeatable: boolean
  readonly timeoutMs: number
}
