import type { Code, Refusal } from '../errors.ts'
import type { Decision, Needs, Risk } from '../policies/policy.ts'
import type { Finding, Itself, Progress, Step, Stop } from '../steps/step.ts'
import type { FactName, Facts } from '../systems/facts/port.ts'
import type { Cluster, Node } from '../systems/kubernetes/port.ts'

/** PORT: jobs, and what a job must know of a command. */
export const STATES = [
  'received',
  'planned',
  'waiting',
  'queued',
  'running',
  'done',
  'failed',
  'cancelled',
  'refused',
  'expired',
  'needs-human',
] as const
export type JobState = (typeof STATES)[number]
export const FINAL: ReadonlySet<JobState> = new Set<JobState>(['done', 'failed', 'cancelled', 'refused', 'expired'])

/** A state for people: its words, and the one reaction under the message that asked. Never ✅ or ❌: these are votes. */
export const SIGNS: Readonly<Record<JobState, { readonly mark: string; readonly words: string }>> = {
  received: { mark: '👀', words: 'planning' },
  planned: { mark: '👀', words: 'planning' },
  waiting: { mark: '🙋', words: 'waiting for people' },
  queued: { mark: '⏳', words: 'queued' },
  running: { mark: '🔧', words: 'running' },
  done: { mark: '🏁', words: 'done' },
  failed: { mark: '💥', words: 'failed' },
  cancelled: { mark: '🚫', words: 'cancelled' },
  refused: { mark: '🚫', words: 'refused' },
  expired: { mark: '🚫', words: 'expired' },
  'needs-human': { mark: '🆘', words: 'needs a human' },
}

export type Args = Readonly<Record<string, unknown>>

/** Names resolved to uids, selectors to nodes, in the order of work. Stored with the job: plain JSON. */
export type Target = {
  /** It changes Sluice itself: `cluster` is only what it is about. */
  readonly scope?: 'sluice'
  readonly cluster: string
  readonly clusterUid: string
  readonly nodes: readonly {
    readonly name: string
    readonly uid: string
    readonly controlPlane: boolean
    /** Carries OSDs: the job then holds `storage/p10` too. */
    readonly storage?: boolean
  }[]
  readonly args: Args
  /** The sentence in its canonical form: `drain server23 on p10`. */
  readonly sentence: string
}

export type LockKey = string
export type Read = {
  readonly cluster: Cluster
  readonly nodes: () => Promise<readonly Node[]>
  readonly nowMs: () => number
  readonly signal: AbortSignal
  readonly person: string
  readonly itself: Itself
}

/** What a job must know of a command: commands of kind `change` are such. */
export type Change = {
  readonly name: string
  readonly summary: string
  /** It changes Sluice itself: no cluster is asked, and it goes on while everything is stopped. */
  readonly scope?: 'sluice'
  readonly risk: (args: Args) => Risk
  readonly resolve: (args: Args, read: Read) => Promise<Target | Refusal>
  readonly facts: (target: Target) => readonly FactName[]
  /** `cluster/p10`, `control-plane/p10`, `storage/p10`. Held as a whole set. */
  readonly locks: (target: Target) => readonly LockKey[]
  readonly steps: (target: Target) => readonly Step[]
  readonly onCancel: 'keep' | 'undo' | 'ask'
  /** A sentence offered after a failure or a cancel, e.g. `uncordon server23 on p10`; undefined when there is nothing to offer. */
  readonly offer?: (target: Target) => string | undefined
}

export type Plan = {
  readonly target: Target
  readonly risk: Risk
  readonly findings: readonly Finding[]
  readonly facts: Facts
  readonly hash: string
  readonly steps: readonly { readonly id: string; readonly title: string }[]
  readonly plannedAtMs: number
}

/** key -> what grew, for people. */
export type Growth = readonly { readonly key: string; readonly was?: Finding; readonly now: Finding }[]

export type Vote = {
  readonly person: string
  readonly choice: 'approve' | 'deny'
  readonly atMs: number
  readonly event: string
  readonly reason?: string
}

/** What the job waits for people with. A vote on an old question never counts for a new one. */
export type Question = {
  /** `17.1`, `17.2` ... */
  readonly id: string
  readonly kind: 'approval' | 'confirm' | 'gate'
  readonly code: Code | null
  readonly text: string
  readonly details: readonly string[]
  readonly planHash: string
  readonly needs: Needs
  readonly choices: readonly { readonly word: string; readonly label: string; readonly risk: Risk }[]
  readonly growth: Growth
  /** What the asker has to type beside the approvals (`job 17 server23`), and who did. */
  readonly typed?: { readonly word: string; readonly by?: string }
  readonly votes: readonly Vote[]
  /** When each person last took a vote back: what they did before it does not count when it is told later. */
  readonly taken?: readonly { readonly person: string; readonly atMs: number }[]
  readonly askedAtMs: number
  readonly expiresAtMs: number
  /** Set half-way, once: the people it waits for are mentioned again. */
  readonly remindedAtMs?: number
}

export type Asked = {
  readonly command: string
  readonly args: Args
  readonly by: string
  readonly room: string
  readonly text: string
  /** Whose words `text` are, when somebody asks for the same again. */
  readonly saidBy?: string
  readonly atMs: number
  /** The chat event: submitting the same one twice is one job. */
  readonly event: string
  /** The message that asked, to react on and to watch for its deletion: `slack:C1:171.2`. */
  readonly message?: string
  readonly ticket?: string
}

export type StepView = {
  readonly id: string
  readonly title: string
  readonly mark: 'pending' | 'running' | 'done' | 'failed' | 'skipped'
  readonly note?: string
}

export type Trouble = { readonly code: Code; readonly text: string; readonly sinceMs: number }

/** Everything was stopped while this job was open: it waits for `start again`. */
export type Stopped = Pick<Stop, 'id' | 'by' | 'atMs' | 'reason'>
/** Its locks were taken away; taken up again, it stands in line for them. */
export type Unlocked = { readonly by: string; readonly job: string; readonly atMs: number; readonly reason?: string }

/** One committed state of a job; everything that is shown is drawn from it. */
export type Revision = {
  readonly job: string
  readonly revision: number
  readonly state: JobState
  readonly code: Code | null
  readonly atMs: number
  readonly asked: Asked
  readonly plan?: Plan
  readonly decision?: Decision
  readonly question?: Question
  /** Votes of the approval that let it start. */
  readonly approvedBy: readonly string[]
  readonly steps: readonly StepView[]
  readonly progress?: Progress
  /** What it waits for that is nobody's doing: a system that does not answer. */
  readonly trouble?: Trouble
  readonly stopped?: Stopped
  readonly unlocked?: Unlocked
  readonly locks: readonly LockKey[]
  /** The job that holds what this one waits for. */
  readonly behind?: string
  readonly startedAtMs?: number
  /** Another worker took it up in the middle, when so many of its steps were done. */
  readonly restarted?: { readonly atMs: number; readonly done: number }
  readonly endedAtMs?: number
  /** Sentences: cause, what was changed, what is left. */
  readonly result?: { readonly text: string; readonly details: readonly string[]; readonly next?: string }
  /** A sentence to send, as a button: `uncordon server23 on p10`. */
  readonly offer?: string
  /** Set by the commands that follow up: the job this one retries. */
  readonly retryOf?: string
  readonly practice: boolean
}

export type Transition = {
  readonly id: string
  readonly job: string
  readonly state: JobState
  readonly code: Code | null
  readonly revision: number
}
/** A job that holds a lock, or stands in line for it, since when. */
export type Claim = {
  readonly job: string
  readonly person: string
  readonly sentence: string
  readonly ticket?: string
  readonly reason?: string
  readonly state: JobState
  readonly sinceMs: number
}
/** A lock that is held or waited for. Nobody holds what waits for a job in line that needs another lock too. */
export type Holding = { readonly lock: LockKey; readonly holder?: Claim; readonly queue: readonly Claim[] }
export type Answer = { readonly ok: true; readonly text: string } | Refusal
export type Filter = { readonly states?: readonly JobState[]; readonly cluster?: string; readonly limit?: number }

/** `fromMs` up to `toMs`, ms since 1970; newest first, 500 when no limit is given. */
export type HistoryFilter = {
  readonly fromMs: number
  readonly toMs?: number
  readonly cluster?: string
  /** Who asked, voted, chose, cancelled ... */
  readonly person?: string
  /** A node's short name. */
  readonly node?: string
  readonly job?: string
  readonly limit?: number
}
/** What was done about one job within the time that was asked for, as the audit log has it. */
export type Deed = {
  /** `-` for what is about all of them. */
  readonly job: string
  readonly atMs: number
  readonly asker: string
  /** In its canonical form, else as it was typed. */
  readonly sentence: string
  readonly state: JobState
  readonly code: Code | null
  readonly approvals: readonly string[]
  /** Who ended it, where a person did. */
  readonly endedBy?: string
  readonly ticket?: string
}
export type History = {
  readonly deeds: readonly Deed[]
  /** Since when there are entries; undefined where there is none. */
  readonly sinceMs?: number
  /** What was before is in exported files. */
  readonly trimmed: boolean
  /** There are more than the limit. */
  readonly more: boolean
}

/** What has to be known of the speaker of a word about a job. `event` makes it once, `atMs` orders it. */
export type Speaker = { readonly person: string; readonly event: string; readonly atMs: number }

export type Jobs = {
  /** Stores the request and answers with its number; the same event again answers with the same number. */
  readonly submit: (asked: Asked) => Promise<string>
  /** Resolve, read facts, preview, decide; changes nothing. */
  readonly plan: (
    asked: Asked,
    signal: AbortSignal,
  ) => Promise<{ readonly plan: Plan; readonly decision: Decision } | Refusal>
  /** approve, deny, or take back. Without `question` the newest one. Idempotent per event. */
  readonly vote: (
    vote: {
      readonly job: string
      readonly question?: string
      readonly choice: 'approve' | 'deny' | 'withdraw'
      readonly reason?: string
    } & Speaker,
  ) => Promise<Answer>
  /** A gate's word. Decided by policy for the speaker with the choice's risk. */
  readonly choose: (
    choice: { readonly job: string; readonly question?: string; readonly word: string } & Speaker,
  ) => Promise<Answer>
  /** Halts every job at its next safe point, and lets nothing disruptive begin until `start again`. Whether the speaker may is the caller's to ask. */
  readonly stopAll: (request: { readonly reason?: string } & Speaker) => Promise<Answer>
  readonly stopped: () => Promise<Stop | undefined>
  readonly cancel: (request: { readonly job: string; readonly reason?: string } & Speaker) => Promise<Answer>
  /** The asking message was deleted: cancels while it waits for people, and no later. */
  readonly withdrawRequest: (message: string) => Promise<void>
  readonly resume: (request: { readonly job: string } & Speaker) => Promise<Answer>
  readonly retry: (request: { readonly job: string; readonly room: string } & Speaker) => Promise<Answer>
  readonly get: (job: string) => Promise<Revision | undefined>
  readonly list: (filter: Filter) => Promise<readonly Revision[]>
  /** Who did what, from the audit log. */
  readonly history: (filter: HistoryFilter) => Promise<History>
  readonly holders: (filter?: { readonly lock?: string }) => Promise<readonly Holding[]>
  /** Committed transitions after the id (`0` = all), then live until the signal aborts. */
  readonly transitions: (after: string, signal: AbortSignal) => AsyncIterable<Transition>
}
