import type { Acts, Fill, Understood } from '../commands/command.ts'
import type { PersonConfig, Room } from '../config.ts'
import type { Jobs, Question as JobQuestion } from '../jobs/job.ts'
import type { Message } from '../message.ts'
import { newestMessage } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import type { Choice, Whom } from './ask.ts'
import type { Incoming, Place } from './chat.ts'
import type { OutItem } from './outbox.ts'
import { placeKey } from './places.ts'

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
  /** What an answer does to a job; undefined for reads and for changes. */
  readonly acts: (command: string) => Acts | undefined
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
  readonly pending?: { readonly choices: readonly Choice[]; readonly fill?: Pick<Fill, 'before' | 'after'> }
}

/** One event that is being handled: who, where, and what was done. */
export type Scene = {
  readonly deps: HandleDeps
  readonly incoming: Incoming
  readonly person: PersonConfig
  readonly room: Room
  readonly event: string
}

export const messageKey = (incoming: Incoming, id: string): string => `${placeKey(incoming.place)}:${id}`

export const whomIn = ({ person, incoming, event }: Scene, thread?: string): Whom => ({
  person: person.name,
  place: incoming.place,
  event,
  ...(thread === undefined ? {} : { thread }),
})

/** One message about this event; the same `what` is said once. */
export const reply = (scene: Scene, what: string, message: Message, thread?: string): Promise<void> =>
  scene.deps.send({
    kind: 'say',
    key: `${what}:${scene.event}`,
    to: scene.person.name,
    place: scene.incoming.place,
    message,
    ...(thread === undefined ? {} : { thread }),
  })

/** `job:17` is the console's word for that job's newest question. */
export async function realId({ deps, incoming }: Scene, id: string): Promise<string> {
  if (!id.startsWith('job:')) return id
  const at = await newestMessage(deps.store, id.slice('job:'.length), incoming.place.chat)
  return at?.slice(placeKey(incoming.place).length + 1) ?? id
}

/** The words the open question of a job takes. */
export const wordsOf = (question: JobQuestion | undefined): readonly string[] => [
  ...(question?.choices.map((c) => c.word) ?? []),
  ...(question?.typed === undefined ? [] : [question.typed.word]),
]
