import { type Code, SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'

/** What a server answers when it will not write, or not now. The rest is a connection that is gone. */
const ANSWERS: readonly (readonly [RegExp, Code])[] = [
  [/^OOM |OOM command not allowed/, 'STORE-FULL'],
  [/^MISCONF |MISCONF Errors writing|MISCONF Redis is configured/, 'STORE-FULL'],
  [/^READONLY |can't write against a read only replica|WAIT cannot be used with replica/, 'STORE-READONLY'],
  [/^NOREPLICAS |NOREPLICAS Not enough good replicas/, 'STORE-NOT-REPLICATED'],
  [
    /^(LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|BUSY) |Too many Cluster redirections|Failed to refresh slots cache|Cluster isn't ready|Cluster is ended|None of startup nodes is available|No subscriber for the cluster/,
    'STORE-UNREACHABLE',
  ],
  [
    /Connection is closed|Stream isn't writeable|aborted due to connection close|ECONNREFUSED|ENOENT.*sock|MaxRetriesPerRequest|Command timed out|sentinels are unreachable/,
    'STORE-UNREACHABLE',
  ],
]

/** What is stored is not what this Sluice can read: the same, however often it is asked. */
const LASTING: ReadonlySet<Code> = new Set<Code>(['STORE-NEWER', 'STORE-BAD'])

/** The store does not take what has to be stored, now: to be tried again, and no fault of what was being done. undefined: it is something else. */
export function storeTrouble(error: unknown, doing: string): SluiceError | undefined {
  if (error instanceof SluiceError)
    return error.code.startsWith('STORE-') && !LASTING.has(error.code) ? error : undefined
  if (!(error instanceof Error)) return undefined
  const text = error.message
  // ioredis has no classes for these: it hands out the server's words, or its own
  const known = ANSWERS.find(([words]) => words.test(text) || words.test(`${error.name} ${text}`))
  return known === undefined ? undefined : new SluiceError(known[1], doing, { text, cause: error })
}

/** Handed to `error` events. Errors of a lost or refusing connection come up to thousands of times a second: one line per `everyMs` is enough, with how many there were. */
export function seldom(tell: (error: Error, more: number) => void, everyMs = 5_000): (error: Error) => void {
  let lastMs = Number.NEGATIVE_INFINITY
  let untold = 0
  return (error) => {
    if (performance.now() - lastMs < everyMs) {
      untold++
      return
    }
    lastMs = performance.now()
    tell(error, untold)
    untold = 0
  }
}

/** The same as lines of the log. */
export const warnSeldom = (
  log: Log,
  fields: Readonly<Record<string, unknown>>,
  what: string,
): ((error: Error) => void) =>
  seldom((error, more) => log.warn({ ...fields, err: error.message, ...(more === 0 ? {} : { sinceLast: more }) }, what))
