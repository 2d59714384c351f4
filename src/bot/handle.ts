import type { Understood } from '../commands/command.ts'
import type { PersonConfig, Room } from '../config.ts'
import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Answer, Jobs, Question as JobQuestion } from '../jobs/job.ts'
import { type Message, say } from '../message.ts'
import {
  type About,
  aboutMessage,
  countRequest,
  firstTime,
  newestMessage,
  setPending,
  takePending,
} from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { refusal } from './cards.ts'
import type { Incoming, Place } from './chat.ts'
import type { OutItem } from './outbox.ts'
import { placeKey, roomOf } from './places.ts'
import { findPerson } from './people.ts'

/** A read or a word about jobs, on its way to `bot/answers.ts`. Plain JSON: it waits in Redis. */
export type Question = {
  readonly command: string
  readonly args: Readonly<Record<string, unknown>>
  readonly person: string
  readonly room: string
  readonly event: string
  readonly text: string
  readonly atMs: number
  readonly place: Incoming['place']
  readonly thread?: string
  readonly threadJob?: string
}

export type HandleDeps = {
  readonly store: Store
  readonly jobs: Jobs
  readonly people: () => readonly PersonConfig[]
  readonly rooms: () => readonly Room[]
  readonly understand: (text: string, situation: Understanding) => Understood
  /** Answers at once what is only about jobs; what asks a cluster is put aside, so that the room goes on. */
  readonly answer: (question: Question) => Promise<void>
  readonly send: (item: OutItem) => Promise<void>
  /** Somebody removed a message of the bot. */
  readonly removed: (place: Place, message: string) => Promise<void>
  readonly nowMs: () => number
  readonly limits: { readonly requestsPerMinute: number; readonly oldCommandMs: number }
}

/** What the words are read against. */
export type Understanding = {
  readonly room: Room
  readonly thread?: { readonly job: string; readonly words?: readonly string[] }
  readonly pending?: { readonly choices: readonly { readonly label: string; readonly text: string }[] }
}

type Scene = {
  readonly deps: HandleDeps
  readonly incoming: Incoming
  readonly person: PersonConfig
  readonly room: Room
  readonly event: string
}

/** The heart: one stored event -> a vote, an answer, a job submitted, a refusal, or nothing. Same event again: same keys, so once. */
export function makeHandle(deps: HandleDeps): (incoming: Incoming, roomName: string) => Promise<void> {
  return async (incoming, roomName) => {
    const room = roomOf(roomName, deps.rooms())
    if (room === undefined || incoming.bot) return
    if (incoming.kind === 'delete' && incoming.own === true) return deps.removed(incoming.place, incoming.message)
    const event = `${incoming.place.chat}:${incoming.event}`
    const person = findPerson(deps.people(), incoming.place.chat, incoming.user, incoming.outsider)
    if (isRefusal(person)) return tellStranger(deps, incoming, person)
    const scene: Scene = { deps, incoming, person, room, event }
    if (incoming.kind === 'text') return heard(scene, incoming.text, incoming.thread)
    if (incoming.kind === 'reaction') return reacted(scene, incoming)
    if (incoming.kind === 'press') return pressed(scene, incoming)
    if (incoming.kind === 'delete') return deps.jobs.withdrawRequest(messageKey(incoming, incoming.message))
  }
}

const messageKey = (incoming: Incoming, id: string): string => `${placeKey(incoming.place)}:${id}`

async function tellStranger(deps: HandleDeps, incoming: Incoming, no: Refusal): Promise<void> {
  const { chat } = incoming.place
  if (!(await firstTime(deps.store, `${chat}:${incoming.user}`))) return
  await deps.send({
    kind: 'private',
    key: `stranger:${chat}:${incoming.user}`,
    chat,
    user: incoming.user,
    message: refusal(no),
  })
}

const reply = (scene: Scene, what: string, message: Message, thread?: string): Promise<void> =>
  scene.deps.send({
    kind: 'say',
    key: `${what}:${scene.event}`,
    place: scene.incoming.place,
    message,
    ...(thread === undefined ? {} : { thread }),
  })

async function heard(scene: Scene, text: string, thread: string | undefined): Promise<void> {
  const { deps, incoming, person, room } = scene
  const threadJob =
    thread === undefined
      ? undefined
      : (await aboutMessage(deps.store, messageKey(incoming, await realId(scene, thread))))?.job
  if (incoming.kind === 'text' && !incoming.addressed && threadJob === undefined) return
  // a console is a script's or a person's own: its lines are taken one by one, as fast as they are stored
  const limited = incoming.place.chat !== 'console'
  if (limited && (await countRequest(deps.store, person.name, deps.nowMs())) > deps.limits.requestsPerMinute)
    return reply(scene, 'slow', refusal(refuse('RATE-PERSON')), thread)
  const choices = await takePending(deps.store, whoIn(scene))
  const understood = deps.understand(text, {
    room,
    ...(threadJob === undefined ? {} : { thread: await threadOf(deps, threadJob) }),
    ...(choices === undefined ? {} : { pending: { choices } }),
  })
  if (understood.result === 'ignore') return
  if (understood.result !== 'command') return askBack(scene, understood, thread)
  const [first] = understood.commands
  const meant = chosenSentence(text, choices)
  const where = { ...(thread === undefined ? {} : { thread }), ...(threadJob === undefined ? {} : { threadJob }) }
  if (first !== undefined && first.risk !== 'read') return wanted(scene, first, meant, thread)
  for (const [i, command] of understood.commands.entries()) {
    await deps.answer({
      command: command.command,
      args: command.args,
      person: person.name,
      room: room.name,
      event: `${scene.event}${i === 0 ? '' : `:${i}`}`,
      text: meant,
      atMs: incoming.sentAtMs,
      place: incoming.place,
      ...where,
    })
  }
}

const threadOf = async (deps: HandleDeps, job: string): Promise<NonNullable<Understanding['thread']>> => ({
  job,
  words: wordsOf((await deps.jobs.get(job))?.question),
})
/** What a number or a label stood for: a job shows the sentence, not `1`. */
const chosenSentence = (
  text: string,
  choices: readonly { readonly label: string; readonly text: string }[] = [],
): string =>
  choices.find(({ label }, i) => [String(i + 1), label.toLowerCase()].includes(text.trim().toLowerCase()))?.text ?? text

const wordsOf = (question: JobQuestion | undefined): readonly string[] => [
  ...(question?.choices.map((c) => c.word) ?? []),
  ...(question?.typed === undefined ? [] : [question.typed.word]),
]
const whoIn = (scene: Scene): string => `${placeKey(scene.incoming.place)}:${scene.person.name}`

async function askBack(
  scene: Scene,
  understood: Extract<Understood, { result: 'ask' | 'refuse' }>,
  thread: string | undefined,
): Promise<void> {
  if (understood.choices.length > 0) await setPending(scene.deps.store, whoIn(scene), understood.choices)
  const tone = understood.result === 'ask' ? 'info' : 'error'
  const { shown, said } = split(understood.message)
  const numbered = understood.choices.map((c, i) => `${i + 1}. ${c.label}`)
  const message: Message = {
    blocks: [
      ...(shown === '' ? [] : [{ kind: 'code', text: shown } as const]),
      { kind: 'note', tone, text: `${said} (${understood.code})` },
      ...numbered.map((text) => ({ kind: 'text', text }) as const),
    ],
    buttons: understood.choices.map((c) => ({ id: `say:${c.text}`, label: c.label })),
    reactions: understood.choices.slice(0, DIGITS.length).map((_, i) => DIGITS[i] ?? ''),
  }
  await reply(scene, 'ask', message, thread)
}

/** The line with its caret stands in fixed width, and the sentence under it. */
function split(message: string): { readonly shown: string; readonly said: string } {
  const lines = message.split('\n')
  const caret = lines.findIndex((line) => /^\s*\^+\s*$/.test(line))
  return caret < 0
    ? { shown: '', said: lines.join(' ') }
    : { shown: lines.slice(0, caret + 1).join('\n'), said: lines.slice(caret + 1).join(' ') }
}

/** A change: offered when it is old, else a job. The card follows from the job's first revision. */
async function wanted(
  scene: Scene,
  command: { readonly command: string; readonly args: Readonly<Record<string, unknown>> },
  text: string,
  thread: string | undefined,
): Promise<void> {
  const { deps, incoming, person, room, event } = scene
  if (deps.nowMs() - incoming.sentAtMs > deps.limits.oldCommandMs) {
    return reply(scene, 'old', refusal(refuse('OFFER-OLD', undefined, { choices: [{ label: text, text }] })), thread)
  }
  const ticket = command.args['ticket']
  await deps.jobs.submit({
    command: command.command,
    args: command.args,
    by: person.name,
    room: room.name,
    text,
    atMs: incoming.sentAtMs,
    event,
    ...(incoming.kind === 'text' ? { message: messageKey(incoming, incoming.message) } : {}),
    ...(typeof ticket === 'string' ? { ticket } : {}),
  })
}

const DIGITS = ['1️⃣', '2️⃣', '3️⃣', '4️⃣', '5️⃣', '6️⃣', '7️⃣', '8️⃣', '9️⃣']
const VOTES: Readonly<Record<string, 'approve' | 'deny'>> = { '✅': 'approve', '❌': 'deny' }

/** `job:17` is the console's word for that job's newest question. */
async function realId(scene: Scene, id: string): Promise<string> {
  if (!id.startsWith('job:')) return id
  const { chat } = scene.incoming.place
  const at = await newestMessage(scene.deps.store, id.slice('job:'.length), chat)
  return at?.slice(placeKey(scene.incoming.place).length + 1) ?? id
}

async function reacted(scene: Scene, incoming: Extract<Incoming, { kind: 'reaction' }>): Promise<void> {
  const { deps } = scene
  const on = await realId(scene, incoming.on)
  const about = await aboutMessage(deps.store, messageKey(incoming, on))
  const chosen = about?.choices?.[DIGITS.indexOf(incoming.name)]
  if (chosen !== undefined && incoming.added) return heard({ ...scene, incoming }, chosen, undefined)
  const vote = VOTES[incoming.name]
  if (vote === undefined || about?.job === undefined || about.question === undefined) return
  const answer = await deps.jobs.vote({
    job: about.job,
    question: about.question,
    choice: incoming.added ? vote : 'withdraw',
    ...speaker(scene),
  })
  await tellVoter(scene, answer, on)
}

const speaker = (scene: Scene): { person: string; event: string; atMs: number } => ({
  person: scene.person.name,
  event: scene.event,
  atMs: scene.incoming.sentAtMs,
})

const tellVoter = (scene: Scene, answer: Answer, thread: string): Promise<void> =>
  reply(
    scene,
    'vote',
    isRefusal(answer)
      ? { ...refusal(answer), mention: [scene.person.name] }
      : say([{ person: scene.person.name }, ` ${answer.text}`], 'ok'),
    thread,
  )

/** Only a button the message carries can be pressed; what it says is decided for whoever presses. */
async function pressed(scene: Scene, incoming: Extract<Incoming, { kind: 'press' }>): Promise<void> {
  const { deps } = scene
  const on = await realId(scene, incoming.on)
  const about: About | undefined = await aboutMessage(deps.store, messageKey(incoming, on))
  if (about?.buttons?.includes(incoming.button) !== true)
    return reply(scene, 'press', refusal(refuse('BUTTON-UNKNOWN')), on)
  const [kind = '', question = '', word = ''] = incoming.button.split(':')
  if (kind === 'say') return heard(scene, incoming.button.slice('say:'.length), undefined)
  const job = about.job ?? ''
  if (kind === 'gate') return tellVoter(scene, await deps.jobs.choose({ job, question, word, ...speaker(scene) }), on)
  if (kind === 'approve' || kind === 'deny')
    return tellVoter(scene, await deps.jobs.vote({ job, question, choice: kind, ...speaker(scene) }), on)
}
