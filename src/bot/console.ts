import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { parseDurationMs } from '../duration.ts'
import { type Code, ERRORS } from '../errors.ts'
import { FINAL, type Jobs, type JobState, type Transition } from '../jobs/job.ts'
import { type Message, plain } from '../message.ts'
import { aboutMessage, consoleId, newestMessage, printedTo, setPrintedTo } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import type { Chat, Incoming, Place, SendOptions, Sent } from './chat.ts'
import { type EventLine, lineSchema, textLine, type Until, untilStates } from './console-lines.ts'
import { paint } from './console-paint.ts'

export type ConsoleDeps = {
  readonly store: Store
  readonly jobs: Jobs
  readonly rooms: () => readonly { readonly name: string }[]
  readonly input: Readable
  readonly output: Writable
  readonly json: boolean
  readonly speaker: string
  readonly room: string
  readonly nowMs: () => number
  /** True when nothing would happen any more without an event, a vote or a timer. `handled`: the inbox alone is empty. */
  readonly idle: () => Promise<{ readonly idle: boolean; readonly inbox: number; readonly outbox: number }>
  readonly waitMs: number
  readonly columns: number
  readonly colours: boolean
}

/** The console: a chat in a terminal, or a protocol of JSON lines for scripts. `converse` reads until the input ends and says with which code to exit. */
export type Console = Chat & { readonly converse: (signal: AbortSignal) => Promise<number> }

const POLL_MS = 20
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
  onIncoming: (incoming: Incoming) => Promise<void>
  /** What a message says now, to print only what is new. */
  readonly shown: Map<string, string>
  /** States of each job in the order they were printed. */
  readonly states: Map<string, JobState[]>
  line: number
  printedTo: string
}
const UNFINISHED: readonly JobState[] = ['received', 'planned', 'waiting', 'queued', 'running', 'needs-human']

export function openConsole(deps: ConsoleDeps): Console {
  const state: State = {
    deps,
    onIncoming: async () => {},
    shown: new Map(),
    states: new Map(),
    line: 0,
    printedTo: '0',
  }
  return {
    name: 'console',
    can: { edit: true, buttons: true, threads: true, upload: true },
    minIntervalMs: 0,
    post: (place, message, options) => show(state, place, message, options),
    edit: (sent, message, options) => redraw(state, sent, message, options),
    react: async (sent, name) => emit(state, { type: 'reaction', on: sent.id, name }, ''),
    tellPrivately: async (user, message) =>
      emit(state, { type: 'private', to: user, text: plain(message) }, `(to ${user}) ${plain(message)}`),
    upload: async (_place, file) =>
      emit(
        state,
        { type: 'file', name: file.name, bytes: Buffer.byteLength(file.text) },
        `file ${file.name}\n${file.text}`,
      ),
    start: async (onIncoming) => {
      state.onIncoming = onIncoming
    },
    stop: async () => {},
    converse: (signal) => converse(state, signal),
  }
}

function emit(state: State, object: Readonly<Record<string, unknown>>, text: string): void {
  if (state.deps.json) state.deps.output.write(`${JSON.stringify(object)}\n`)
  else if (text !== '') state.deps.output.write(`${text}\n`)
}

const body = (
  message: Message,
  thread: string | undefined,
  room: string,
  job: string | undefined,
): Readonly<Record<string, unknown>> => ({
  room,
  thread: thread ?? null,
  text: plain(message),
  buttons: (message.buttons ?? []).map((b) => ({ id: b.id, label: b.label })),
  ...(job === undefined ? {} : { job }),
  ...(message.mention === undefined ? {} : { to: message.mention }),
})

async function show(state: State, place: Place, message: Message, options: SendOptions): Promise<Sent> {
  const id = await consoleId(state.deps.store, `${place.id}:${options.key}`)
  state.shown.set(id, plain(message))
  emit(
    state,
    { type: 'message', id, ...body(message, options.thread, place.id, options.job) },
    paint(message, state.deps),
  )
  return { place, id }
}

/** In text, only the lines that are new: a card that changes would else fill the screen. */
async function redraw(state: State, sent: Sent, message: Message, options: SendOptions): Promise<void> {
  const before = new Set((state.shown.get(sent.id) ?? '').split('\n'))
  state.shown.set(sent.id, plain(message))
  emit(
    state,
    { type: 'edit', id: sent.id, ...body(message, options.thread, sent.place.id, options.job) },
    paint(message, state.deps, (line) => !before.has(line)),
  )
}

/** Reads line by line; the next one is taken when the one before is stored. */
async function converse(state: State, outer: AbortSignal): Promise<number> {
  const over = new AbortController()
  const signal = AbortSignal.any([outer, over.signal])
  const following = follow(state, signal)
  const { input, output, json } = state.deps
  const terminal = !json && 'isTTY' in output && output.isTTY === true
  const lines = createInterface({
    input,
    crlfDelay: Number.POSITIVE_INFINITY,
    ...(terminal ? { output, prompt: 'sluice> ', terminal } : {}),
  })
  outer.addEventListener('abort', () => lines.close(), { once: true })
  if (terminal) lines.prompt()
  let code = 0
  for await (const text of lines) {
    state.line += 1
    if (text.trim() !== '') code = await take(state, text, signal)
    if (code !== 0 || signal.aborted) break
    if (terminal) lines.prompt()
  }
  lines.close()
  if (code === 0 && !signal.aborted) code = await settle(state, signal)
  over.abort()
  await following
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
  emit(state, { type: 'job', job, state: now, code }, '')
}

async function take(state: State, text: string, signal: AbortSignal): Promise<number> {
  const parsed = readLine(state, text)
  if (parsed === undefined) return 0
  if ('until' in parsed) return until(state, parsed, signal)
  const event = parsed.event ?? randomUUID()
  const room = parsed.room ?? state.deps.room
  if (!state.deps.rooms().some((r) => r.name === room))
    return complain(state, 'ROOM-UNKNOWN', `${room} is not a room of config/sluice.yaml`)
  const where = { chat: 'console', id: room } as const
  const missing = await unknownAim(state, where, parsed)
  if (missing !== undefined) return complain(state, missing)
  await state.onIncoming({
    ...incoming(parsed, event),
    event,
    place: where,
    user: parsed.as,
    bot: 'bot' in parsed && parsed.bot === true,
    sentAtMs: state.deps.nowMs(),
  })
  emit(state, { type: 'accepted', event }, '')
  return 0
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
  emit(state, { type: 'error', line: state.line, code, text }, `${code}: ${text} ${ERRORS[code].advice}`)
  return 0
}

/** A reaction, a press or a thread has to aim at something there is. */
async function unknownAim(state: State, place: Place, line: EventLine): Promise<Code | undefined> {
  const aim = 'to' in line ? line.to : 'thread' in line ? line.thread : undefined
  if (aim === undefined) return undefined
  const { store } = state.deps
  const at = aim.startsWith('job:') ? await newestMessage(store, aim.slice(4), 'console') : `console:${place.id}:${aim}`
  const about = at === undefined ? undefined : await aboutMessage(store, at)
  if (about === undefined) return aim.startsWith('job:') ? 'JOB-UNKNOWN' : 'EVENT-BAD'
  return 'press' in line && about.buttons?.includes(line.press) !== true ? 'BUTTON-UNKNOWN' : undefined
}

// each form of a line is one kind of event; the fields all events have are added by the caller
type Rest = Incoming extends infer T
  ? T extends Incoming
    ? Omit<T, 'event' | 'place' | 'user' | 'bot' | 'sentAtMs'>
    : never
  : never
function incoming(line: EventLine, event: string): Rest {
  if ('react' in line) return { kind: 'reaction', name: line.react, on: line.to, added: true }
  if ('unreact' in line) return { kind: 'reaction', name: line.unreact, on: line.to, added: false }
  if ('press' in line) return { kind: 'press', button: line.press, on: line.to }
  if ('edit' in line) return { kind: 'edit', message: line.edit, text: line.text }
  if ('delete' in line) return { kind: 'delete', message: line.delete }
  return {
    kind: 'text',
    text: line.text,
    message: event,
    addressed: true,
    direct: false,
    ...(line.thread === undefined ? {} : { thread: line.thread }),
  }
}

/** Holds back the following lines until a job is in one of the states, its message printed. Exit code 3 when it takes too long. */
async function until(state: State, line: Until, signal: AbortSignal): Promise<number> {
  const { job } = line.until
  const wanted = untilStates(line)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(parseDurationMs(line.within ?? '') ?? UNTIL_DEFAULT_MS)])
  while ((await state.deps.idle()).inbox > 0 && !limit.aborted) await pause(POLL_MS, limit)
  const from = Math.max(0, (state.states.get(job)?.length ?? 0) - 1)
  for (;;) {
    const reached = state.states.get(job)?.slice(from) ?? []
    const now = reached.find((s) => wanted.includes(s)) ?? reached.at(-1)
    const met = now !== undefined && wanted.includes(now)
    if (met || (now !== undefined && FINAL.has(now))) {
      while ((await state.deps.idle()).outbox > 0 && !limit.aborted) await pause(POLL_MS, limit)
      emit(state, { type: 'until', job, state: now, met }, '')
      return 0
    }
    if (limit.aborted) break
    await pause(POLL_MS, limit)
  }
  if (signal.aborted) return 0
  emit(state, { type: 'until', job, state: state.states.get(job)?.at(-1) ?? null, met: false }, '')
  return 3
}

/** The input ended: waits until nothing would happen any more without somebody. */
async function settle(state: State, signal: AbortSignal): Promise<number> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(state.deps.waitMs)])
  for (;;) {
    if ((await state.deps.idle()).idle) return 0
    if (limit.aborted) return signal.aborted ? 0 : 3
    await pause(POLL_MS, limit)
  }
}
