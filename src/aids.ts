import { refusal } from './bot/cards.ts'
import type { Chat, ChatName, Place } from './bot/chat.ts'
import { homePage, type Linked, waitsFor } from './bot/home.ts'
import { findPerson } from './bot/people.ts'
import { placeKey, roomOf } from './bot/places.ts'
import { roomAt } from './bot/receive.ts'
import type { Capabilities, Filled, Form, FormValues, Inventory } from './commands/command.ts'
import { fill, formOf } from './commands/form.ts'
import { help } from './commands/help.ts'
import { CHANGES, COMMANDS } from './commands/registry.ts'
import { KNOWN } from './commands/not-yet.ts'
import { parse } from './commands/parse.ts'
import type { Config, PersonConfig } from './config.ts'
import { within } from './duration.ts'
import { isRefusal } from './errors.ts'
import type { Jobs, Revision } from './jobs/job.ts'
import type { Message } from './message.ts'
import { readDrawn } from './store/drawn.ts'
import type { Store } from './store/store.ts'

/** What a platform shows beside the conversation: help for one person, their page, forms, and which messages ask. */
export type Aids = {
  readonly help: (chat: ChatName, user: string, place: string) => Promise<Message>
  readonly home: (chat: ChatName, user: string) => Promise<Message>
  readonly forms: {
    readonly list: () => readonly Form[]
    readonly sentence: (form: string, values: FormValues, place: string) => Filled
  }
  readonly openQuestions: (chat: ChatName) => Promise<readonly { readonly channel: string; readonly message: string }[]>
}
export type AidsDeps = {
  readonly config: () => Config
  readonly store: Store
  readonly jobs: Jobs
  readonly chats: ReadonlyMap<ChatName, Chat>
  readonly inventory: () => Inventory
  readonly capabilities: (person: PersonConfig) => Capabilities
  readonly nowMs: () => number
}

const HELP_MS = 2_000
const WAITING = 200
const MINE = 10

export function makeAids(deps: AidsDeps): Aids {
  const forPerson = async (
    chat: ChatName,
    user: string,
    show: (person: PersonConfig) => Promise<Message>,
  ): Promise<Message> => {
    const person = findPerson(deps.config().people, chat, user)
    return isRefusal(person) ? refusal(person) : show(person)
  }
  return {
    help: (chat, user, place) => forPerson(chat, user, (person) => helpFor(deps, person, { chat, id: place })),
    home: (chat, user) => forPerson(chat, user, (person) => homeOf(deps, chat, person)),
    forms: {
      list: () => [...CHANGES.values()].map((change) => formOf(change, deps.inventory())),
      sentence: (form, values, place) => filledIn(deps, form, values, place),
    },
    openQuestions: async (chat) => {
      const waiting = await deps.jobs.list({ states: ['waiting'], limit: WAITING })
      return (await Promise.all(waiting.map((revision) => messageOf(deps, chat, revision)))).filter(
        (m) => m !== undefined,
      )
    },
  }
}

async function helpFor(deps: AidsDeps, person: PersonConfig, place: Place): Promise<Message> {
  const room = roomAt(deps.config().rooms, place)?.name ?? ''
  const about = { person, room, event: '', text: 'help', atMs: deps.nowMs(), signal: within(HELP_MS) }
  // help() takes no arguments here; its type is erased in the list of all commands
  const said = await help.answer({} as never, { ...deps.capabilities(person), ...about })
  return isRefusal(said) ? refusal(said) : said
}

async function homeOf(deps: AidsDeps, chat: ChatName, person: PersonConfig): Promise<Message> {
  const waiting = await deps.jobs.list({ states: ['waiting'], limit: WAITING })
  const mine = (await deps.jobs.list({ limit: WAITING })).filter((r) => r.asked.by === person.name)
  const forMe = waiting.filter((revision) => waitsFor(revision, person.name))
  return homePage({
    title: person.title,
    waiting: await Promise.all(forMe.map((revision) => linked(deps, chat, revision))),
    mine: mine.slice(0, MINE),
    nowMs: deps.nowMs(),
    timeZone: person.timeZone,
  })
}

async function linked(deps: AidsDeps, chat: ChatName, revision: Revision): Promise<Linked> {
  const at = await messageOf(deps, chat, revision)
  const sent = at === undefined ? undefined : { place: { chat, id: at.channel }, id: at.message }
  // a page without a link is better than no page
  const url =
    sent === undefined
      ? undefined
      : await deps.chats
          .get(chat)
          ?.link?.(sent)
          .catch(() => undefined)
  return { revision, ...(url === undefined ? {} : { url }) }
}

/** The message that asks a job's open question on a platform. */
async function messageOf(
  deps: AidsDeps,
  chat: ChatName,
  { asked, job, question }: Revision,
): Promise<{ readonly channel: string; readonly message: string } | undefined> {
  const room = roomOf(asked.room, deps.config().rooms)
  const channel = chat === 'console' ? room?.name : room?.[chat]
  if (channel === undefined || question === undefined) return undefined
  const drawn = await readDrawn(deps.store, job, placeKey({ chat, id: channel }))
  const message = drawn.questions[question.id]?.id
  return message === undefined ? undefined : { channel, message }
}

function filledIn(deps: AidsDeps, name: string, values: FormValues, place: string): Filled {
  const change = CHANGES.get(name)
  if (change === undefined) return { errors: { '': `There is no form for ${name}.` } }
  const inventory = deps.inventory()
  const room = roomAt(deps.config().rooms, { chat: 'slack', id: place }) ?? { name: place, clusters: [] }
  return fill(change, formOf(change, inventory), values, (text) =>
    parse(text, { commands: COMMANDS, known: KNOWN, inventory, room }),
  )
}
