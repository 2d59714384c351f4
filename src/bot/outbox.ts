import type { PersonConfig, Room } from '../config.ts'
import { asSluiceError } from '../errors.ts'
import { FINAL, type Jobs, type Revision } from '../jobs/job.ts'
import type { Log } from '../log.ts'
import { type Block, type Message, plain } from '../message.ts'
import { redact } from '../redact.ts'
import {
  type Drawn,
  noteWritten,
  notesWritten,
  peekOut,
  popOut,
  pushOut,
  readDrawn,
  rememberMessage,
  writeDrawn,
} from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import { card, closedQuestion, endLine, NOTES, noteText, questionCard, type View } from './cards.ts'
import type { Chat, ChatName, Place, SendOptions, Sent } from './chat.ts'
import { identityOf } from './people.ts'

/** One thing to send, kept in the list of its place until the platform took it. `key` makes it once. */
export type OutItem =
  | {
      readonly kind: 'say'
      readonly key: string
      readonly place: Place
      readonly message: Message
      readonly thread?: string
    }
  | {
      readonly kind: 'private'
      readonly key: string
      readonly chat: ChatName
      readonly user: string
      readonly message: Message
    }

export type TicketSink = (id: string, note: { readonly marker: string; readonly text: string }) => Promise<unknown>

export type OutboxDeps = {
  readonly store: Store
  readonly chats: ReadonlyMap<ChatName, Chat>
  readonly rooms: () => readonly Room[]
  readonly people: () => readonly PersonConfig[]
  readonly jobs: Jobs
  readonly view: () => View
  readonly tickets?: TicketSink
  readonly log: Log
}

export const placeKey = (place: Place): string => `${place.chat}:${place.id}`

/** The name of the room of a direct message: `dm:slack:D123`. Nobody can configure a room of such a name. */
export const directRoom = (place: Place): string => `dm:${place.chat}:${place.id}`
const direct = /^dm:(console|slack|matrix):(.+)$/s

/** The configured room of a name, or the one a direct message stands for. */
export function roomOf(name: string, rooms: readonly Room[]): Room | undefined {
  const [, chat, id] = direct.exec(name) ?? []
  if (chat === undefined || id === undefined) return rooms.find((r) => r.name === name)
  return { name, clusters: [], ...(chat === 'slack' ? { slack: id } : chat === 'matrix' ? { matrix: id } : {}) }
}

/** Where a room is: its Slack channel, its Matrix room, and the console when there is one. */
export function placesOf(room: Room, chats: ReadonlyMap<ChatName, Chat>): Place[] {
  const named: readonly (Place | undefined)[] = [
    room.slack === undefined ? undefined : { chat: 'slack', id: room.slack },
    room.matrix === undefined ? undefined : { chat: 'matrix', id: room.matrix },
    room.name.startsWith('dm:') ? undefined : { chat: 'console', id: room.name },
  ]
  return named.filter((p): p is Place => p !== undefined && chats.has(p.chat))
}

/** Every text of a message goes through the redaction gate before it leaves. */
const clean = (message: Message): Message => JSON.parse(redact(JSON.stringify(message))) as Message // same shape: only texts inside strings are replaced

export type Outbox = {
  /** Stores a message to be sent; resolves when it is stored. */
  readonly send: (item: OutItem) => Promise<void>
  /** Works one key off: `job/17` draws job 17, `place/slack:C1` sends what waits for that place. Throws when the platform did not take it. */
  readonly process: (key: string, signal: AbortSignal) => Promise<void>
}

export function makeOutbox(deps: OutboxDeps, wake: (key: string) => Promise<void>): Outbox {
  return {
    send: async (item) => {
      const list = item.kind === 'say' ? `place/${placeKey(item.place)}` : `place/${item.chat}:@${item.user}`
      await pushOut(deps.store, list, item)
      await wake(list)
    },
    process: async (key, signal) => {
      if (key.startsWith('job/')) return draw(deps, key.slice('job/'.length))
      for (
        let item = await peekOut<OutItem>(deps.store, key);
        item !== undefined && !signal.aborted;
        item = await peekOut<OutItem>(deps.store, key)
      ) {
        await deliver(deps, item, signal)
        await popOut(deps.store, key)
      }
    },
  }
}

/** A message the platform rejects for good is dropped with a log line; anything else is tried again. */
async function deliver(deps: OutboxDeps, item: OutItem, signal: AbortSignal): Promise<void> {
  try {
    if (item.kind === 'private')
      await chatOf(deps, item.chat)?.tellPrivately(item.user, clean(item.message), { key: item.key, signal })
    else
      await post(deps, item.place, item.message, {
        key: item.key,
        signal,
        ...(item.thread === undefined ? {} : { thread: item.thread }),
      })
  } catch (error) {
    const known = asSluiceError(error, 'sending a message')
    if (known.code !== 'CHAT-REJECTED') throw known
    deps.log.error({ code: known.code, key: item.key }, known.message)
  }
}

const chatOf = (deps: OutboxDeps, name: ChatName): Chat | undefined => deps.chats.get(name)

async function post(
  deps: OutboxDeps,
  place: Place,
  message: Message,
  options: SendOptions,
  about: { job?: string; question?: string } = {},
): Promise<Sent | undefined> {
  const chat = chatOf(deps, place.chat)
  if (chat === undefined) return undefined
  const sent = await chat.post(place, clean(message), { ...options, mentions: mentions(deps, place.chat, message) })
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(deps.store, `${placeKey(place)}:${sent.id}`, {
    ...about,
    buttons,
    choices: buttons.filter((b) => b.startsWith('say:')).map((b) => b.slice(4)),
  })
  return sent
}

const mentions = (deps: OutboxDeps, chat: ChatName, message: Message): Record<string, string> =>
  Object.fromEntries(
    (message.mention ?? []).flatMap((name) => {
      const id = identityOf(deps.people(), chat, name)
      return id === undefined ? [] : [[name, id]]
    }),
  )

/** Draws the newest revision of a job in every place of its room and writes what the ticket should know. One failing place does not stop the others. */
async function draw(deps: OutboxDeps, job: string): Promise<void> {
  const revision = await deps.jobs.get(job)
  const room = revision === undefined ? undefined : roomOf(revision.asked.room, deps.rooms())
  if (revision === undefined || room === undefined || revision.state === 'received') return
  const places = placesOf(room, deps.chats)
  const drawn = await Promise.allSettled(places.map((place) => drawIn(deps, place, revision)))
  const noted = await Promise.allSettled([writeNotes(deps, revision, places)])
  const failed = [...drawn, ...noted].find((r) => r.status === 'rejected')
  if (failed !== undefined) throw asSluiceError(failed.reason, `drawing job ${job}`)
}

async function drawIn(deps: OutboxDeps, place: Place, revision: Revision): Promise<void> {
  const drawn = await readDrawn(deps.store, revision.job, placeKey(place))
  if (revision.revision < drawn.revision) return
  const save = (next: Drawn): Promise<void> => writeDrawn(deps.store, revision.job, placeKey(place), next)
  const carded = await drawCard(deps, place, revision, drawn)
  await save(carded)
  const asked = await drawQuestions(deps, place, revision, carded, save)
  await drawEnd(deps, place, revision, asked, save)
}

async function drawCard(deps: OutboxDeps, place: Place, revision: Revision, drawn: Drawn): Promise<Drawn> {
  const message = card(revision, deps.view())
  const options = { key: `job-${revision.job}-card`, job: revision.job }
  if (drawn.card === undefined) {
    const refused = revision.state === 'refused' ? { ...message, mention: [revision.asked.by] } : message
    const sent = await post(deps, place, refused, options, { job: revision.job })
    return { ...drawn, revision: revision.revision, ...(sent === undefined ? {} : { card: sent.id }) }
  }
  if (revision.revision === drawn.revision) return drawn
  await edit(
    deps,
    place,
    drawn.card,
    message,
    { ...options, key: `${options.key}-${revision.revision}` },
    { job: revision.job },
  )
  return { ...drawn, revision: revision.revision }
}

async function edit(
  deps: OutboxDeps,
  place: Place,
  id: string,
  message: Message,
  options: SendOptions,
  about: { job: string; question?: string },
): Promise<void> {
  await chatOf(deps, place.chat)?.edit({ place, id }, clean(message), {
    ...options,
    mentions: mentions(deps, place.chat, message),
  })
  const buttons = (message.buttons ?? []).map((b) => b.id)
  await rememberMessage(deps.store, `${placeKey(place)}:${id}`, { ...about, buttons })
}

async function drawQuestions(
  deps: OutboxDeps,
  place: Place,
  revision: Revision,
  drawn: Drawn,
  save: (d: Drawn) => Promise<void>,
): Promise<Drawn> {
  const { question, job } = revision
  const open = revision.state === 'waiting' ? question : undefined
  let now = drawn
  for (const [id, q] of Object.entries(drawn.questions)) {
    if (q.closed || id === open?.id || question?.id !== id) continue
    await edit(
      deps,
      place,
      q.id,
      closedQuestion(revision, question, deps.view()),
      { key: `job-${job}-question-${id}-closed`, job },
      { job, question: id },
    )
    now = { ...now, questions: { ...now.questions, [id]: { ...q, closed: true } } }
    await save(now)
  }
  if (open === undefined || now.questions[open.id] !== undefined) return now
  const message = questionCard(revision, open, deps.view())
  const sent = await post(
    deps,
    place,
    message,
    { key: `job-${job}-question-${open.id}`, job },
    { job, question: open.id },
  )
  if (sent === undefined) return now
  now = { ...now, questions: { ...now.questions, [open.id]: { id: sent.id, closed: false } } }
  await save(now)
  const chat = chatOf(deps, place.chat)
  for (const name of message.reactions ?? [])
    await chat?.react(sent, name, { key: `job-${job}-question-${open.id}-${name}`, job })
  return now
}

async function drawEnd(
  deps: OutboxDeps,
  place: Place,
  revision: Revision,
  drawn: Drawn,
  save: (d: Drawn) => Promise<void>,
): Promise<void> {
  const ended = (FINAL.has(revision.state) || revision.state === 'needs-human') && revision.state !== 'refused'
  if (!ended || drawn.end !== undefined) return
  const sent = await post(
    deps,
    place,
    endLine(revision),
    { key: `job-${revision.job}-end-${revision.state}`, job: revision.job },
    { job: revision.job },
  )
  if (sent !== undefined && FINAL.has(revision.state)) await save({ ...drawn, end: sent.id })
}

/** The ticket is one more place: four entries, in order, each once, the marker is looked for before writing. */
async function writeNotes(deps: OutboxDeps, revision: Revision, places: readonly Place[]): Promise<void> {
  const { ticket } = revision.asked
  if (ticket === undefined || deps.tickets === undefined || revision.state === 'refused') return
  const written = await notesWritten(deps.store, revision.job)
  const flatPlan = (blocks: readonly Block[]): string => plain({ blocks })
  for (const kind of NOTES) {
    const text = noteText(kind, revision, flatPlan)
    if (written.has(kind) || text === undefined) continue
    const link = kind === 'plan' ? await linkToCard(deps, revision.job, places) : ''
    await deps.tickets(ticket, { marker: `sluice:${revision.job}:${kind}`, text: `${redact(text)}${link}` })
    await noteWritten(deps.store, revision.job, kind)
  }
}

/** The other half of "linked both ways": the card names the ticket, the first note names the card. */
async function linkToCard(deps: OutboxDeps, job: string, places: readonly Place[]): Promise<string> {
  const links = await Promise.all(
    places.map(async (place) => {
      const { card: id } = await readDrawn(deps.store, job, placeKey(place))
      return id === undefined ? undefined : chatOf(deps, place.chat)?.link?.({ place, id })
    }),
  )
  return links.flatMap((l) => (l === undefined ? [] : [`\n\nCard: ${l}`])).join('')
}
