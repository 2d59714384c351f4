import { createInterface, type Interface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { redact } from '../redact.ts'

/** What a person at a terminal has beside the lines themselves. */
export type Comforts = {
  /** Lines of earlier starts, the newest first. */
  readonly history: readonly string[]
  /** Keeps a line for the next start. It never gets one that holds a secret. */
  readonly keep: (line: string) => void
  /** What may stand in place of the end of the line: everything behind `from` (UTF-16 units) is replaced by one of them. */
  readonly complete: (typed: string) => { readonly from: number; readonly words: readonly string[] }
  /** What becomes of jobs that are not over when the console ends: one sentence. */
  readonly afterwards: string
}

export type KeysDeps = Pick<Comforts, 'history' | 'keep' | 'complete'> & {
  readonly input: Readable
  /** The line, or the place in it, changed. */
  readonly changed: () => void
  /** A whole line, at once; `lines` gives it too, when it is its turn. */
  readonly entered: (line: string) => void
  /** What Tab could mean, when it could mean several things. */
  readonly offered: (words: readonly string[]) => void
  /** Ctrl-C; `line` was there and is not any more. */
  readonly interrupted: (line: string) => void
}
export type Keys = {
  readonly lines: AsyncIterable<string>
  readonly typed: () => { readonly typed: string; readonly cursor: number }
  readonly close: () => void
}

const HISTORY = 500

/** Reads keys with readline's line editor. Its own drawing goes nowhere: console-screen.ts draws the line together with what stands above it. */
export function openKeys(deps: KeysDeps): Keys {
  const { input, changed, entered, interrupted } = deps
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({
    input,
    output: nowhere,
    terminal: true,
    crlfDelay: Number.POSITIVE_INFINITY,
    history: [...deps.history],
    historySize: HISTORY,
    removeHistoryDuplicates: true,
    completer: (typed: string) => completed(deps, typed),
  })
  lines.on('line', (line) => entered(line))
  lines.on('history', (history) => {
    const [newest = ''] = history
    // a secret is kept neither for the next start nor for the key that goes back
    if (newest !== redact(newest)) history.shift()
    else if (newest !== '') deps.keep(newest)
  })
  lines.on('SIGINT', () => {
    const { line } = lines
    clearLine(lines)
    interrupted(line)
    changed()
  })
  lines.on('SIGCONT', changed)
  const pressed = (): void => changed()
  input.on('keypress', pressed)
  return {
    lines,
    typed: () => ({ typed: lines.line, cursor: lines.cursor }),
    close: () => {
      input.off('keypress', pressed)
      lines.close()
    },
  }
}

/** As the keys Ctrl-E and Ctrl-U would do it. */
function clearLine(lines: Interface): void {
  lines.write(null, { ctrl: true, name: 'e' })
  lines.write(null, { ctrl: true, name: 'u' })
}

/** What readline puts in: the only word with a blank behind it, what all words begin with, or nothing and the words are shown. */
function completed({ complete, offered }: KeysDeps, typed: string): [string[], string] {
  const { from, words } = complete(typed)
  const begun = typed.slice(from)
  const [first = '', ...others] = words
  if (first === '') return [[], begun]
  if (others.length === 0) return [[`${first} `], begun]
  let common = first
  for (const word of others) while (!word.startsWith(common)) common = common.slice(0, -1)
  if (common.length > begun.length) return [[common], begun]
  offered(words)
  return [[], begun]
}
