import type { Readable } from 'node:stream'
import pico from 'picocolors'
import { FINAL, type JobState, type Revision } from '../jobs/job.ts'
import type { Message } from '../message.ts'
import { sentenceOf } from './cards.ts'
import { type Comforts, type Keys, openKeys } from './console-keys.ts'
import { liveLines } from './console-live.ts'
import { paint } from './console-paint.ts'
import type { Stage } from './console-says.ts'
import { openScreen, type Tty } from './console-screen.ts'

export type TerminalDeps = {
  readonly input: Readable
  readonly output: Tty
  readonly colours: boolean
  readonly comforts: Comforts
  readonly unfinished: () => Promise<readonly Revision[]>
}

/** A person's terminal: what was said scrolls up, cards of jobs that are not over stay in sight, the prompt below them. */
export type Terminal = Stage &
  AsyncIterable<string> & {
    /** No more lines are read; cards still change. */
    readonly close: () => void
    /** True when Ctrl-C was pressed twice: nothing is waited for. */
    readonly left: () => boolean
    /** Says what is waited for, if anything. */
    readonly sayWaiting: () => Promise<void>
    /** Says what goes on without the console, and gives the terminal back. */
    readonly end: () => Promise<void>
  }

const PROMPT = 'sluice> '
const STANDS: readonly JobState[] = ['waiting', 'needs-human']

type State = {
  readonly deps: TerminalDeps
  /** In the order in which they changed. */
  readonly cards: Map<string, Message>
  keys?: Keys
  reading: boolean
  /** Ctrl-C was pressed once. */
  warned: boolean
  left: boolean
}

/** Opens the terminal; keys are read from the first iteration on. */
export function openTerminal(deps: TerminalDeps): Terminal {
  const { output, colours } = deps
  const state: State = { deps, cards: new Map(), reading: false, warned: false, left: false }
  const prompt = pico.createColors(colours).cyan(PROMPT)
  const screen = openScreen(output, (size) => ({
    lines: liveLines([...state.cards.values()], size, colours),
    ...(state.reading ? { prompt, ...(state.keys?.typed() ?? { typed: '', cursor: 0 }) } : QUIET),
  }))
  const say = (message: Message): void =>
    screen.print(paint(message, { columns: screen.size().columns, colours, fold: true }))
  const close = (): void => {
    if (!state.reading) return
    state.reading = false
    state.keys?.close()
    screen.refresh()
  }
  return {
    print: screen.print,
    size: screen.size,
    pin: (id, card) => {
      state.cards.delete(id)
      if (card !== undefined) state.cards.set(id, card)
      screen.refresh()
    },
    [Symbol.asyncIterator]: () => {
      state.keys = readKeys(state, prompt, screen.print, screen.refresh, say, close)
      state.reading = true
      screen.refresh()
      return state.keys.lines[Symbol.asyncIterator]()
    },
    close,
    left: () => state.left,
    sayWaiting: async () => {
      const busy = (await openJobs(deps)).filter((job) => !STANDS.includes(job.state))
      if (busy.length > 0) say(waitingFor(busy))
    },
    end: async () => {
      const open = await openJobs(deps)
      if (open.length > 0 && !state.left) say(goesOn(open, deps.comforts.afterwards))
      screen.close()
    },
  }
}

const QUIET = { prompt: '', typed: '', cursor: 0 }

function readKeys(
  state: State,
  prompt: string,
  print: (text: string) => void,
  changed: () => void,
  say: (message: Message) => void,
  close: () => void,
): Keys {
  const { comforts, input, colours } = state.deps
  const c = pico.createColors(colours)
  return openKeys({
    ...comforts,
    input,
    changed,
    entered: (line) => {
      state.warned = false
      if (line.trim() !== '') print(`${prompt}${c.bold(line)}`)
    },
    offered: (words) => say({ blocks: [{ kind: 'text', text: words.join('  ') }] }),
    interrupted: (line) => {
      if (line !== '') return
      if (state.warned) {
        state.left = true
        close()
      } else void warn(state, say)
    },
  })
}

async function warn(state: State, say: (message: Message) => void): Promise<void> {
  state.warned = true
  const open = await openJobs(state.deps)
  const how = open.some((job) => !STANDS.includes(job.state))
    ? 'Ctrl-C again leaves at once, Ctrl-D when what runs has ended.'
    : 'Ctrl-C again, or Ctrl-D, leaves.'
  const after = open.length === 0 ? [] : goesOn(open, state.deps.comforts.afterwards).blocks
  say({ blocks: [...after, { kind: 'note', tone: 'warn', text: how }] })
}

/** None when the store does not answer: leaving must always be possible. */
async function openJobs({ unfinished }: TerminalDeps): Promise<readonly Revision[]> {
  try {
    return (await unfinished()).filter(({ state }) => !FINAL.has(state))
  } catch {
    return []
  }
}

const WORDS: Partial<Record<JobState, string>> = {
  waiting: 'waits for people',
  queued: 'waits for its turn',
  running: 'is running',
  'needs-human': 'needs a human',
}
const listed = (jobs: readonly Revision[]): Message['blocks'][number] => ({
  kind: 'list',
  items: jobs.map((job) => `#${job.job} ${sentenceOf(job)}: ${WORDS[job.state] ?? 'is being planned'}`),
})

const waitingFor = (busy: readonly Revision[]): Message => ({
  blocks: [{ kind: 'text', text: 'Waiting for these to end; Ctrl-C leaves at once:' }, listed(busy)],
})
const goesOn = (open: readonly Revision[], afterwards: string): Message => ({
  blocks: [{ kind: 'text', text: 'Not over yet:' }, listed(open), { kind: 'text', text: afterwards }],
})
