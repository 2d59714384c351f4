import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseDurationMs, within } from '../duration.ts'
import { type Code, ERRORS } from '../errors.ts'
import { FINAL, type Jobs, type JobState, type Transition } from '../jobs/job.ts'
import {
  aboutMessage,
  consoleMessage,
  keepConsoleMessage,
  newestMessage,
  printedTo,
  setPrintedTo,
} from '../store/messages.ts'
import type { Chat, Incoming } from './chat.ts'
import type { Comforts } from './console-keys.ts'
import { type EventLine, incoming, lineSchema, textLine, type Until, untilStates } from './console-lines.ts'
import { consoleSays, type Says, type SaysDeps } from './console-says.ts'
import { openTerminal, type Terminal } from './console-terminal.ts'

export type ConsoleDeps = Omit<SaysDeps, 'stage'> & {
  readonly jobs: Jobs
  readonly input: Readable
  readonly speaker: string
  readonly room: string
  readonly nowMs: () => number
  /** True when nothing would happen any more without an event, a vote or a timer. `handled`: the inbox alone is empty. */
  readonly idle: () => Promise<{ readonly idle: boolean; readonly inbox: number; readonly outbox: number }>
  readonly waitMs: number
  /** For a person at a terminal, both ends of it: line editing, and cards that change in place. */
  readonly comforts?: Comforts
}

/**
 * The console: a chat in a terminal, or a protocol of JSON lines for scripts. `converse` reads until the input ends and says with which code to exit.
 * `note` prints a line that no chat said; in the protocol nothing.
 */
export type Console = Chat & {
  readonly converse: (signal: AbortSignal) => Promise<number>
  readonly note: (text: string) => void
}

const POLL_MS = 20
const LONGEST_PAUSE_MS = 1_000
const NOTING_MS = 5_000
const UNTIL_DEFAULT_MS = 60_000

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        done()
      },
      { once: true },
    )
  })

type State = {
  readonly deps: ConsoleDeps
  readonly emit: Says['emit']
  readonly terminal: Terminal | undefined
  onIncoming: (incoming: Incoming) => Promise<void>
  /** States of each job in the order they were printed. */
  readonly states: Map<string, JobState[]>
  line: number
  printedTo: string
}
const UNFINISHED: readonly JobState[] = ['received', 'planned', 'waiting', 'queued', 'running', 'needs-human']

export function openConsole(deps: ConsoleDeps): Console {
  const { comforts, input, output, colours, jobs } = deps
  const terminal =
    comforts === undefined || deps.json
      ? undefined
      : openTerminal({ input, output, colours, comforts, unfinished: () => jobs.list({ states: [...UNFINISHED] }) })
  const { emit, ...says } = consoleSays({ ...deps, ...(terminal === undefined ? {} : { stage: terminal }) })
  const state: State = { deps, emit, terminal, onIncoming: async () => {}, states: new Map(), line: 0, printedTo: '0' }
  return {
    name: 'console',
    can: { edit: true, buttons: true, threads: true, upload: true },
    rate: {},
    ...says,
    start: async (onIncoming) => {
      state.onIncoming = onIncoming
    },
    stop: async () => {},
    converse: (signal) => converse(state, signal),
    note: (text) => {
      if (!deps.json) emit({}, text)
    },
  }
}

/** Reads line by line; the next one is taken when the one before is stored. */
async function converse(state: State, outer: AbortSignal): Promise<number> {
  const { terminal } = state
  const over = new AbortController()
  const signal = AbortSignal.any([outer, over.signal])
  const following = follow(state, signal)
  const lines = terminal ?? createInterface({ input: state.deps.input, crlfDelay: Number.POSITIVE_INFINITY })
  outer.addEventListener('abort', () => lines.close(), { once: true })
  let code = 0
  for await (const text of lines) {
    state.line += 1
    if (text.trim() !== '') code = await take(state, text, signal)
    if (code !== 0 || signal.aborted) break
  }
  lines.close()
  const leaving = terminal?.left() === true
  if (!leaving) await terminal?.sayWaiting()
  if (code === 0 && !signal.aborted && !leaving) code = await settle(state, signal)
  over.abort()
  await following
  await terminal?.end()
  return code
}

/** Prints every committed transition once, in order; after a restart the state of each unfinished job first. */
async function follow(state: State, signal: AbortSignal): Promise<void> {
  const { jobs, store } = state.deps
  const after = await printedTo(store)
  const open = after === '0' ? [] : await jobs.list({ states: [...UNFINISHED] })
  const told = new Map(open.map((r) => [r.job, r.revision]))
  for (const r of [...open].reverse())
    noteState(state, { id: after, job: r.job, state: r.state, code: r.code, revision: r.revision })
  try {
    for await (const transition of jobs.transitions(after, signal)) {
      if (transition.revision > (told.get(transition.job) ?? -1)) noteState(state, transition)
      state.printedTo = transition.id
      await setPrintedTo(store, transition.id)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function noteState(state: State, { job, state: now, code }: Transition): void {
  state.states.set(job, [...(state.states.get(job) ?? []), now])
  state.emit({ type: 'job', job, state: now, code }, '')
}

async function take(state: State, text: string, signal: AbortSignal): Promise<number> {
  const parsed = readLine(state, text)
  if (parsed === undefined) return 0
  if ('until' in parsed) return until(state, parsed, signal)
  const event = parsed.event ?? randomUUID()
  const room = parsed.room ?? state.deps.room
  if (!state.deps.rooms().some((r) => r.name === room))
    return complain(state, 'ROOM-UNKNOWN', `${room} is not a room of config/sluice.yaml`)
  const aim = await aimOf(state, room, parsed, signal)
  if (typeof aim === 'string') return complain(state, aim)
  const place = { chat: 'console', id: aim.room } as const
  const bot = 'bot' in parsed && parsed.bot === true
  const happened = { event, place, user: parsed.as, bot, sentAtMs: state.deps.nowMs() }
  await stored(state, { ...incoming(parsed, event, aim.id), ...happened }, signal)
  // what people say can be the thread of an answer
  if ('text' in parsed) await keepConsoleMessage(state.deps.store, aim.room, event, { buttons: [], said: true })
  state.emit({ type: 'accepted', event }, '')
  return 0
}

/** Until it is stored, or `waitMs` are over: then throws what the store threw. A line is never skipped. */
async function stored(state: State, happened: Incoming, signal: AbortSignal): Promise<void> {
  const limit = within(state.deps.waitMs, signal)
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await state.onIncoming(happened)
    } catch (error) {
      if (limit.aborted) throw error
      await pause(waitMs, limit)
    }
  }
}

function readLine(state: State, text: string): EventLine | Until | undefined {
  if (!state.deps.json) return textLine(text, state.deps.speaker)
  const result = lineSchema.safeParse(jsonOf(text))
  if (result.success) return result.data
  complain(state, 'EVENT-BAD', 'the line is not one of the forms of the console protocol')
  return undefined
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function complain(state: State, code: Code, text: string = ERRORS[code].sentence): 0 {
  state.emit({ type: 'error', line: state.line, code, text }, `${code}: ${text} ${ERRORS[code].advice}`)
  return 0
}

/** What a reaction, a press or a thread is about (`job:17` = that job's newest question, in the room it was asked in), or why there is no such thing. */
async function aimOf(
  state: State,
  room: string,
  line: EventLine,
  signal: AbortSignal,
): Promise<{ readonly room: string; readonly id?: string } | Code> {
  const aim = 'to' in line ? line.to : 'thread' in line ? line.thread : undefined
  if (aim === undefined) return { room }
  const { store } = state.deps
  const at = aim.startsWith('job:') ? await newestMessage(store, aim.slice(4), 'console') : `console:${room}:${aim}`
  if (at === undefined) return 'JOB-UNKNOWN'
  const [, where = '', ...rest] = at.split(':')
  const id = rest.join(':')
  const message = await consoleMessage(store, where, id)
  if (message === undefined) return 'EVENT-BAD'
  if ('press' in line && !message.buttons.includes(line.press)) return 'BUTTON-UNKNOWN'
  if (message.said !== true) await remembered(state, at, signal)
  return { room: where, id }
}

/** Whoever answers a message faster than its sender notes what it was about is heard a moment later, not in vain. */
async function remembered(state: State, at: string, signal: AbortSignal): Promise<void> {
  const limit = within(NOTING_MS, signal)
  while (!limit.aborted && (await aboutMessage(state.deps.store, at)) === undefined) {
    if ((await state.deps.idle()).outbox === 0) return
    await pause(POLL_MS, limit)
  }
}

/** Holds back the following lines until a job is in one of the states, its message printed. Exit code 3 when it takes too long. */
async function until(state: State, line: Until, signal: AbortSignal): Promise<number> {
  const { job } = line.until
  const wanted = untilStates(line)
  const limit = within(parseDurationMs(line.within ?? '') ?? UNTIL_DEFAULT_MS, signal)
  while ((await state.deps.idle()).inbox > 0 && !limit.aborted) await pause(POLL_MS, limit)
  const from = Math.max(0, (state.states.get(job)?.length ?? 0) - 1)
  for (;;) {
    const reached = state.states.get(job)?.slice(from) ?? []
    const now = reached.find((s) => wanted.includes(s)) ?? reached.at(-1)
    const met = now !== undefined && wanted.includes(now)
    if (met || (now !== undefined && FINAL.has(now))) {
      while ((await state.deps.idle()).outbox > 0 && !limit.aborted) await pause(POLL_MS, limit)
      state.emit({ type: 'until', job, state: now, met }, '')
      return 0
    }
    if (limit.aborted) break
    await pause(POLL_MS, limit)
  }
  if (signal.aborted) return 0
  state.emit({ type: 'until', job, state: state.states.get(job)?.at(-1) ?? null, met: false }, '')
  return 3
}

/** The input ended: waits until nothing would happen any more without somebody. */
async function settle(state: State, signal: AbortSignal): Promise<number> {
  const limit = within(state.deps.waitMs, signal)
  for (;;) {
    if ((await state.deps.idle()).idle) return 0
    if (limit.aborted) return signal.aborted ? 0 : 3
    await pause(POLL_MS, limit)
  }
}
