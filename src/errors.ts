import { CHAT_ERRORS } from './errors-chat.ts'
import { STORE_ERRORS } from './errors-store.ts'
import { SYSTEM_ERRORS } from './errors-systems.ts'

/** Every code Sluice may show: what it means, and what to do next. docs/errors.md is generated from this table. */
export const ERRORS = {
  'PARSE-UNKNOWN': {
    sentence: 'The words are not a command Sluice knows.',
    advice: 'Say `help` for the list of commands.',
  },
  'PARSE-NEGATED': {
    sentence: 'The sentence says not to do it.',
    advice: 'Nothing was done. Say it without the negation if you want it.',
  },
  'PARSE-MISSING': { sentence: 'A part of the command is missing.', advice: 'Answer with the missing part.' },
  'PARSE-AMBIGUOUS': {
    sentence: 'The words can mean more than one thing.',
    advice: 'Choose one of the offered sentences.',
  },
  'PARSE-NODE': { sentence: 'A named node does not exist.', advice: 'Look at `list nodes` and name nodes that exist.' },
  'PARSE-CLUSTER': { sentence: 'The named cluster does not exist.', advice: 'Look at `list clusters`.' },
  'PARSE-RANGE': {
    sentence: 'A node range cannot be expanded completely.',
    advice: 'Name nodes that all exist; nothing was done.',
  },
  'PARSE-SEVERAL': {
    sentence: 'One message may hold one change.',
    advice: 'Send each change as a message of its own.',
  },
  'PARSE-TOO-LONG': { sentence: 'The text is too long for a command.', advice: 'Send a shorter sentence.' },
  'PARSE-CONTROL': { sentence: 'The text holds control characters.', advice: 'Type the command as plain text.' },
  'PARSE-ARGUMENT': {
    sentence: 'An argument has a form Sluice does not accept.',
    advice: 'See `help` of the command for its arguments.',
  },
  'PARSE-ALL': {
    sentence: 'A change on everything needs a filter.',
    advice: 'Name the nodes, or say which ones (`that are cordoned`).',
  },
  'PARSE-SCHEDULED': {
    sentence: 'Changes at a later time are not possible yet.',
    advice: 'Ask again when it shall happen.',
  },
  'NOT-YET': {
    sentence: 'Sluice knows this operation but cannot do it yet.',
    advice: 'Follow the manual for it; `help` lists what works today.',
  },
  'NOT-OFFERED': { sentence: 'Sluice does not offer this.', advice: 'Say `help` for what it does.' },
  'PERSON-UNKNOWN': {
    sentence: 'Nobody configured has this chat identity.',
    advice: 'Ask an operator to add you to config/people.yaml.',
  },
  'PERSON-AMBIGUOUS': {
    sentence: 'Two people have the same chat identity.',
    advice: 'An operator must mend config/people.yaml.',
  },
  'PERSON-OUTSIDER': {
    sentence:
      'This account is a guest, deactivated, or of another workspace: Sluice does not listen to it, whoever it belongs to.',
    advice: 'Use an account that is a full member here; an operator can change yours.',
  },
  'ROOM-UNKNOWN': { sentence: 'The room is not configured.', advice: 'Use a room of config/sluice.yaml.' },
  'EVENT-BAD': { sentence: 'The line is not an event Sluice can take.', advice: 'See docs/console.md for the forms.' },
  'JOB-UNKNOWN': { sentence: 'There is no job with this number.', advice: 'Say `jobs` for the list.' },
  'JOB-STATE': {
    sentence: 'The job is not in a state where this is possible.',
    advice: 'Say `job N` to see where it stands.',
  },
  'BUTTON-UNKNOWN': {
    sentence: 'The message has no such button, or it is no longer valid.',
    advice: 'Use the newest message of the job.',
  },
  'OFFER-OLD': { sentence: 'It came while Sluice was away.', advice: 'Say yes, or send it again, if you want it.' },
  'QUESTION-OTHERS': { sentence: 'This was asked of somebody else.', advice: 'Say the sentence if you want it too.' },
  'QUESTION-LATE': { sentence: 'It was open for ten minutes.', advice: 'Say the sentence if you want it.' },
  'QUESTION-CLOSED': { sentence: 'It is answered already, or replaced.', advice: 'Say the sentence if you want it.' },
  'RATE-PERSON': { sentence: 'Too many requests in one minute.', advice: 'Try again in a minute. Votes always count.' },
  'POLICY-NONE': { sentence: 'No policy allows this.', advice: 'Say `why` to see the rules, or ask an operator.' },
  'POLICY-DENIED': { sentence: 'A policy forbids this.', advice: 'Say `why` to see the rule.' },
  'POLICY-UNMET': {
    sentence: 'The policy needs approvals that no configured people can give.',
    advice: 'An operator must mend the policy or the groups.',
  },
  'POLICY-FACT': {
    sentence: 'A fact that a rule needs cannot be read.',
    advice: 'Mend what cannot be read, then ask again.',
  },
  'POLICY-ERROR': {
    sentence: 'A policy failed while it was evaluated.',
    advice: 'An operator must look at the log; until then it is a no.',
  },
  'POLICY-TICKET': { sentence: 'The policy requires an open ticket.', advice: 'Add the ticket: `... #1234`.' },
  'TICKET-UNKNOWN': { sentence: 'The ticket does not exist.', advice: 'Check the number.' },
  'TICKET-CLOSED': { sentence: 'The ticket is closed.', advice: 'Open it again, or name another.' },
  'TICKET-UNREADABLE': { sentence: 'The ticket cannot be read.', advice: 'Check Redmine and its API key.' },
  'VOTE-OWN': { sentence: 'It needs someone else: the asker never counts.', advice: 'Ask one of the named people.' },
  'VOTE-NOT-ELIGIBLE': {
    sentence: 'This vote does not count: the policy does not name you.',
    advice: 'Say `why N` to see who may approve.',
  },
  'VOTE-OLD': { sentence: 'This vote is for an older question.', advice: 'Vote on the newest message of the job.' },
  'VOTE-CLOSED': { sentence: 'The question is closed.', advice: 'Say `job N` to see where it stands.' },
  'APPROVAL-DENIED': { sentence: 'Somebody said no.', advice: 'Talk to them; ask again when it is settled.' },
  'APPROVAL-EXPIRED': { sentence: 'Nobody answered in time.', advice: 'Ask again when the people are there.' },
  'PLAN-GREW': {
    sentence: 'The plan has grown since it was approved.',
    advice: 'Read the difference and approve again.',
  },
  'PLAN-BLOCKED': { sentence: 'The plan holds something that blocks it.', advice: 'Mend what blocks, then ask again.' },
  'PLAN-TIMEOUT': {
    sentence: 'The plan could not be made in time; nothing was done.',
    advice: 'Look at what answers so slowly, then ask again.',
  },
  'PLAN-EMPTY': { sentence: 'There is nothing to act on.', advice: 'Name what it shall act on.' },
  'IDENTITY-CHANGED': {
    sentence: 'The cluster behind this name is not the one that was pinned.',
    advice: 'Check the kubeconfig; `sluice doctor --pin` pins a new identity.',
  },
  QUORUM: { sentence: 'The etcd cluster would lose its quorum.', advice: 'Bring the unhealthy members back first.' },
  STORAGE: {
    sentence: 'The storage cluster is not in a state to lose a node.',
    advice: 'Wait for HEALTH_OK and for the other failure domain.',
  },
  'STORAGE-DOMAINS': {
    sentence: 'The nodes are in more than one storage failure domain.',
    advice: 'Drain one failure domain at a time.',
  },
  CAPACITY: { sentence: 'The other nodes have too little room.', advice: 'Make room, or drain fewer nodes.' },
  'DRAIN-DAEMONSET': {
    sentence: 'cannot delete DaemonSet-managed Pods',
    advice: 'Let the drain ignore DaemonSets (the default).',
  },
  'DRAIN-LOCAL': {
    sentence: 'cannot delete Pods with local storage',
    advice: 'Say `aggressively` to delete their emptyDir data.',
  },
  'DRAIN-UNMANAGED': {
    sentence: 'cannot delete Pods that declare no controller',
    advice: 'Say `including unmanaged pods`; they will not come back.',
  },
  'DRAIN-PDB': {
    sentence: 'A PodDisruptionBudget blocks the eviction.',
    advice: 'Wait, or heal the workload behind the budget.',
  },
  'DRAIN-MULTIPDB': {
    sentence: 'A pod is under more than one PodDisruptionBudget; the API cannot evict it.',
    advice: 'Remove one of the budgets.',
  },
  'DRAIN-TIMEOUT': {
    sentence: 'The drain did not end in time.',
    advice: 'Choose: wait longer, show the PDB, force, or abort and uncordon.',
  },
  'DRAIN-CORDON-FAILED': {
    sentence: 'The node could not be cordoned; nothing was evicted.',
    advice: 'Check the permissions of the credentials.',
  },
  'DRAIN-EVICT': {
    sentence: 'A pod could not be evicted.',
    advice: 'See the error of the pod; the node stays cordoned.',
  },
  'CORDON-FOREIGN': { sentence: 'The node was cordoned by somebody else.', advice: 'Ask them, or confirm.' },
  'NODE-NOT-READY': { sentence: 'The node is not Ready.', advice: 'Bring the node back first.' },
  LOCKED: { sentence: 'Another job holds what this one needs.', advice: 'Say `who holds X`.' },
  STOPPED: {
    sentence: 'Everything is stopped.',
    advice: 'Say `start again` when it may go on. Reads, votes and `cancel` work meanwhile.',
  },
  'STOPPED-NOT': {
    sentence: 'Nothing is stopped.',
    advice: '`resume N` goes on with one job, `retry N` asks for a finished one again.',
  },
  'LOCK-FREE': { sentence: 'Nobody holds this lock.', advice: 'Say `who holds X` for what is held.' },
  'LOCK-BUSY': {
    sentence: 'The job that holds the lock still works, or goes on by itself.',
    advice: 'Say `cancel N`, and wait until it has stopped.',
  },
  CANCELLED: { sentence: 'The job was cancelled.', advice: 'Ask again when wanted.' },
  'STEP-UNCLEAR': {
    sentence: 'It is unclear whether a step took place.',
    advice: 'Look at the system, then `resume N` or `cancel N`.',
  },
  'STEP-FAILED': { sentence: 'A step failed.', advice: 'Mend the cause, then `resume N`.' },
  'STEP-TIMEOUT': { sentence: 'A step did not end within its limit.', advice: 'Look at the system, then `resume N`.' },
  'JOB-LOST': { sentence: 'This worker no longer holds the job.', advice: 'Another worker goes on with it.' },
  'OBSERVE-ONLY': {
    sentence: 'Sluice runs in observe mode and changes nothing.',
    advice: 'Set `mode: act` in config/sluice.yaml.',
  },
  'CLUSTER-UNUSED': { sentence: 'The cluster is marked unused.', advice: 'Name another cluster.' },
  'CLUSTER-NO-CREDENTIALS': {
    sentence: 'No credentials are configured for the cluster.',
    advice: 'Add `credentials` to config/clusters.yaml.',
  },
  ...SYSTEM_ERRORS,
  ...STORE_ERRORS,
  ...CHAT_ERRORS,
  'CONFIG-BAD': {
    sentence: 'The configuration is not valid.',
    advice: 'Mend the named lines; `sluice check` repeats the list.',
  },
  'SECRET-MISSING': {
    sentence: 'A referenced secret does not exist.',
    advice: 'Set the variable or the file the reference names.',
  },
  'PRACTICE-GONE': {
    sentence: 'The practice world does not answer.',
    advice: 'Start it again with `sluice practice`.',
  },
  INTERNAL: {
    sentence: 'Sluice has a fault.',
    advice: 'Report it with the log; nothing further is done for this request.',
  },
} as const satisfies Record<string, { readonly sentence: string; readonly advice: string; readonly transient?: true }>

export type Code = keyof typeof ERRORS

type About = {
  readonly text?: string
  readonly next?: string
  readonly cause?: unknown
  /** How long the other side asked to be left alone. */
  readonly pauseMs?: number | undefined
}

/** A bug or a broken world. `doing` says what was being done, `text` the cause. */
export class SluiceError extends Error {
  readonly code: Code
  readonly doing: string
  readonly text: string
  readonly next: string
  readonly pauseMs: number | undefined
  constructor(code: Code, doing: string, options: About = {}) {
    const text = options.text ?? ERRORS[code].sentence
    super(`${code} while ${doing}: ${text}`, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'SluiceError'
    this.code = code
    this.doing = doing
    this.text = text
    this.next = options.next ?? ERRORS[code].advice
    this.pauseMs = options.pauseMs
  }
}

/** Passes by itself, perhaps: worth trying again. docs/errors.md marks these codes. */
export const isTransient = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && 'transient' in ERRORS[error.code]

/** An expected "no", as a value. `choices` are sentences the person may send instead. */
export type Refusal = {
  readonly refused: true
  readonly code: Code
  readonly text: string
  readonly next: string
  readonly details?: readonly string[]
  readonly choices?: readonly { readonly label: string; readonly text: string }[]
}

/** Makes a Refusal; text and next default to the table's. */
export function refuse(
  code: Code,
  text?: string,
  more: { next?: string; details?: readonly string[]; choices?: Refusal['choices'] } = {},
): Refusal {
  return {
    refused: true,
    code,
    text: text ?? ERRORS[code].sentence,
    next: more.next ?? ERRORS[code].advice,
    ...(more.details === undefined ? {} : { details: more.details }),
    ...(more.choices === undefined ? {} : { choices: more.choices }),
  }
}

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'refused' in value && value.refused === true

/** Anything thrown, as a SluiceError. */
export const asSluiceError = (error: unknown, doing: string): SluiceError =>
  error instanceof SluiceError
    ? error
    : new SluiceError('INTERNAL', doing, { text: error instanceof Error ? error.message : String(error), cause: error })
