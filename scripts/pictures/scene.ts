import type { Message } from '../../src/message.ts'
import { corpus } from '../../test/bot/corpus.ts'

/** What stands in a room: a person's words, or a message of Sluice as it was rendered. */
export type Entry = {
  readonly who: string
  readonly at: string
  readonly reactions?: readonly { readonly emoji: string; readonly count: number; readonly mine?: true }[]
} & ({ readonly text: string } | { readonly message: Message; readonly edited?: true })
export type Theme = 'light' | 'dark'
export type Scene = {
  readonly name: string
  readonly entries: readonly Entry[]
  /** Only light at a desk and dark on a phone: enough to see it once. */
  readonly brief?: true
}

const messages = new Map((await corpus()).map(({ name, message }) => [name, message]))
function sluice(name: string, at: string, more: Partial<Extract<Entry, { message: Message }>> = {}): Entry {
  const message = messages.get(name)
  if (message === undefined) throw new Error(`the corpus has no ${name}`)
  return { who: 'Sluice', at, message, ...more }
}
const person = (who: string, at: string, text: string): Entry => ({ who, at, text })

/** A drain from request to end, as the room has it half-way and afterwards, and the other things people see. */
export const SCENES: readonly Scene[] = [
  {
    name: 'question',
    entries: [
      person('nico', '10:00', 'drain server23 on p10 #1234'),
      sluice('card-waiting', '10:00'),
      sluice('question', '10:00', {
        reactions: [
          { emoji: '✅', count: 2, mine: true },
          { emoji: '❌', count: 1, mine: true },
        ],
      }),
    ],
  },
  {
    name: 'drain',
    entries: [
      sluice('answered', '10:00', { edited: true, reactions: [{ emoji: '✅', count: 2, mine: true }] }),
      sluice('running', '10:00', { edited: true }),
      sluice('done', '10:00', { edited: true }),
      sluice('end', '10:05'),
      sluice('failed', '10:31', { edited: true }),
    ],
  },
  {
    name: 'answers',
    brief: true,
    entries: [
      person('amal', '11:02', 'list nodes p10'),
      sluice('nodes', '11:02'),
      person('fran', '11:03', 'drain servr23 on p10'),
      sluice('missing', '11:03', {
        reactions: [
          { emoji: '1️⃣', count: 1, mine: true },
          { emoji: '2️⃣', count: 1, mine: true },
        ],
      }),
      person('fran', '11:05', 'drain server23 on p10'),
      sluice('refused', '11:05'),
    ],
  },
  { name: 'help', brief: true, entries: [person('jin-guk', '12:00', 'help'), sluice('help', '12:00')] },
]
