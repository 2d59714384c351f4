import type { Writable } from 'node:stream'
import { type Message, plain } from '../message.ts'
import { consoleId, consoleMessage, keepConsoleMessage } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { chatError } from './chat-errors.ts'
import type { Chat, ChatFile, Place, SendOptions, Sent } from './chat.ts'
import { type Look, paint, tame } from './console-paint.ts'
import type { Size } from './console-screen.ts'
import { showable } from './hostile.ts'

export type SaysDeps = {
  readonly store: Store
  readonly rooms: () => readonly { readonly name: string }[]
  readonly output: Writable
  readonly json: boolean
  readonly columns: number
  readonly colours: boolean
  /** Tables and code are folded to the width as well. */
  readonly fold?: boolean
  /** A terminal whose bottom can change: text goes through it, and cards of jobs that are not over stand there. */
  readonly stage?: Stage
}

export type Stage = {
  readonly print: (text: string) => void
  readonly size: () => Size
  /** Shows a card at the bottom, or takes it away. */
  readonly pin: (id: string, card: Message | undefined) => void
}
export type Says = Pick<Chat, 'post' | 'edit' | 'react' | 'unreact' | 'tellPrivately' | 'upload'> & {
  /** One object of the protocol, or its text in a terminal ('' = nothing). */
  readonly emit: (object: Readonly<Record<string, unknown>>, text: string) => void
}

type State = {
  readonly deps: SaysDeps
  /** What a message says now, to print only what is new. */
  readonly shown: Map<string, string>
  /** Sends under way by key: the same key at the same time is one message. */
  readonly under: Map<string, Promise<Sent>>
  readonly once: Set<string>
  /** The message printed last: lines of another one need to say whose they are. */
  last: string
}

/** The console's mouth: each key is printed once, also after a restart with the same store. */
export function consoleSays(deps: SaysDeps): Says {
  const state: State = { deps, shown: new Map(), under: new Map(), once: new Set(), last: '' }
  const emit: Says['emit'] = (object, text) => {
    if (deps.json) deps.output.write(`${JSON.stringify(object)}\n`)
    else if (text !== '' && deps.stage !== undefined) deps.stage.print(text)
    else if (text !== '') deps.output.write(`${text}\n`)
  }
  const once = (key: string, print: () => void): void => {
    if (!state.once.has(key)) print()
    state.once.add(key)
  }
  return {
    emit,
    post: (place, message, options) => post(state, emit, place, message, options),
    edit: (sent, message, options) => edit(state, emit, sent, message, options),
    react: async (sent, name) =>
      once(`react ${sent.id} ${name}`, () => emit({ type: 'reaction', on: sent.id, name }, '')),
    unreact: async (sent, name) =>
      once(`unreact ${sent.id} ${name}`, () => emit({ type: 'reaction', on: sent.id, name, removed: true }, '')),
    tellPrivately: async (user, message, { key }) =>
      once(`private ${user} ${key}`, () =>
        emit(
          { type: 'private', to: user, text: plain(message) },
          apart(deps, `(to ${showable(user)})${deps.stage === undefined ? ' ' : '\n'}${paint(message, lookOf(deps))}`),
        ),
      ),
    upload: async (_place, file, { key }) =>
      once(`file ${key}`, () =>
        emit(
          { type: 'file', name: file.name, bytes: Buffer.byteLength(file.data) },
          apart(deps, paint(fileMessage(file), lookOf(deps))),
        ),
      ),
  }
}

/** As wide as the terminal is now. */
const lookOf = ({ stage, columns, colours, fold = false }: SaysDeps): Look =>
  stage === undefined ? { columns, colours, fold } : { columns: stage.size().columns, colours, fold: true }

const fileMessage = ({ name, data, alt = '' }: ChatFile): Message => ({
  blocks: [
    { kind: 'text', text: `file ${name}` },
    { kind: 'code', text: typeof data === 'string' ? data : alt },
  ],
})

/** In a terminal a message of its own stands apart from the one before. */
const apart = ({ stage }: SaysDeps, text: string): string => (stage === undefined || text === '' ? text : `\n${text}`)

/** True when the card stands at the bottom now, and so is not printed yet. */
function pinned({ stage }: SaysDeps, id: string, message: Message, { card }: SendOptions): boolean {
  if (stage === undefined || card === undefined) return false
  stage.pin(id, card === 'live' ? message : undefined)
  return card === 'live'
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

const buttonsOf = (message: Message): readonly string[] => (message.buttons ?? []).map((b) => b.id)

async function post(
  state: State,
  emit: Says['emit'],
  place: Place,
  message: Message,
  options: SendOptions,
): Promise<Sent> {
  options.signal?.throwIfAborted()
  if (!state.deps.rooms().some((r) => r.name === place.id))
    throw chatError('CHAT-REJECTED', 'printing a message', `the console has no room ${place.id}`)
  const key = `${place.id}:${options.key}`
  const already = state.under.get(key)
  if (already !== undefined) return already
  const sending = print(state, emit, place, message, options).finally(() => state.under.delete(key))
  state.under.set(key, sending)
  return sending
}

async function print(
  state: State,
  emit: Says['emit'],
  place: Place,
  message: Message,
  options: SendOptions,
): Promise<Sent> {
  const { store } = state.deps
  const id = await consoleId(store, `${place.id}:${options.key}`)
  const sent = { place, id }
  if ((await consoleMessage(store, place.id, id))?.printed === true) return sent
  // known before it is read, so that whoever reacts at once finds it; marked after it is printed, so that a crash between loses nothing
  await keepConsoleMessage(store, place.id, id, { buttons: buttonsOf(message) })
  state.shown.set(id, plain(message))
  const text = pinned(state.deps, id, message, options) ? '' : paint(message, lookOf(state.deps))
  if (text !== '') state.last = id
  emit({ type: 'message', id, ...body(message, options.thread, place.id, options.job) }, apart(state.deps, text))
  await keepConsoleMessage(store, place.id, id, { buttons: buttonsOf(message), printed: true })
  return sent
}

async function edit(
  state: State,
  emit: Says['emit'],
  sent: Sent,
  message: Message,
  options: SendOptions,
): Promise<void> {
  const before = state.shown.get(sent.id) ?? ''
  state.shown.set(sent.id, plain(message))
  await keepConsoleMessage(state.deps.store, sent.place.id, sent.id, { buttons: buttonsOf(message), printed: true })
  emit(
    { type: 'edit', id: sent.id, ...body(message, options.thread, sent.place.id, options.job) },
    edited(state, sent.id, before, message, options),
  )
}

/** A card at the bottom is printed whole at its end; of anything else only the lines that are new, or the screen would fill. */
function edited(state: State, id: string, shown: string, message: Message, options: SendOptions): string {
  const { deps } = state
  const look = lookOf(deps)
  const whole = deps.stage !== undefined && options.card !== undefined
  if (pinned(deps, id, message, options)) return ''
  const before = new Set(whole ? [] : tame(shown).split('\n'))
  const news = paint(message, look, (line) => !before.has(line))
  const heading = state.last === id || news === '' ? [] : message.blocks.filter(({ kind }) => kind === 'heading')
  const whose = heading.length === 0 ? '' : `${paint({ blocks: heading }, look, (line) => before.has(line))}\n`
  if (news !== '') state.last = id
  return apart(deps, `${whose === '\n' ? '' : whose}${news}`)
}
