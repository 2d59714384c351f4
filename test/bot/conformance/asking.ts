import { expect } from 'vitest'
import type { Seen } from '../chat.contract.ts'
import { cardIn, cardOf, endOf, questionOf, wait } from './scene.ts'
import type { Scenarios } from './suite.ts'

/** A PNG of one pixel. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** What comes of a request, and of its words later. */
export const ASKING: Scenarios = {
  'request: it becomes one job with one card, is done once, and the asker is told at the end': {
    run: async ({ world, ask, look, seen, marker, toy }) => {
      toy.hold()
      const { job } = await ask(world.nico, 'nudge server23', { mention: true })
      toy.letGo()
      const end = await look('the end', endOf(job))
      expect(end.mentions).toEqual([world.nico.id])
      await look('the card says so', cardIn(job, 'done'))
      await marker(world.nico)
      const all = await seen()
      expect(all.filter(cardOf(job))).toHaveLength(1)
      expect(all.filter(endOf(job))).toHaveLength(1)
      expect(all.find(cardOf(job))?.mentions).toEqual([])
      expect(toy.done).toEqual(['nudge server23'])
    },
  },

  'request: in a room for two it needs no mention, and the card is there and nowhere else': {
    wants: ['crowd'],
    run: async ({ world, seen, marker, toy }) => {
      await world.nico.say('nudge server23', { direct: true })
      const place = await wait('a room for two', () => world.privateWith(world.nico))
      let there: readonly Seen[] = []
      const card = async () => (there = await world.seen(place)).find(cardIn('1', 'done'))
      await wait('the card is there', card, () => JSON.stringify(there))
      await marker(world.nico)
      expect(await seen()).toHaveLength(1)
      expect(toy.done).toEqual(['nudge server23'])
    },
  },

  'card: it says what, who asked, how far it is, and that it waits for people, whom only the question mentions': {
    run: async ({ world, ask, look, seen }) => {
      const { job, card } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      expect(question.mentions).toContain(world.fran.id)
      expect(question.mentions).not.toContain(world.nico.id)
      for (const part of [`approve ${job}`, `deny ${job}`, 'nico', 'server23']) expect(question.text).toContain(part)
      await look('both seeds', (s) => s.id === question.id && ['✅', '❌'].every((r) => s.reactions.includes(r)))
      const waiting = (await seen()).find((s) => s.id === card)
      for (const part of ['shove server23 on p10', 'nico', 'waiting for people']) expect(waiting?.text).toContain(part)
      expect(waiting?.mentions).toEqual([])
    },
  },

  'edit: the card is edited in place, from running to done': {
    run: async ({ world, ask, look, seen, toy }) => {
      toy.hold()
      const { job, card } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', (s) => s.id === card && s.text.includes('running'))
      await look('the card says how far', (s) => s.id === card && s.text.includes('begins to move'))
      toy.letGo()
      await look('the same card says that it is done', (s) => s.id === card && s.text.includes('done'))
      await look('the end', endOf(job))
      expect((await seen()).filter(cardOf(job))).toHaveLength(1)
    },
  },

  "thread: words in a job's thread are for that job, and are answered there": {
    run: async ({ world, ask, look, toy }) => {
      toy.hold()
      const { job, card } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', cardIn(job, 'running'))
      await world.nico.say('cancel', { thread: card })
      await look('the card says that it is cancelled', (s) => s.id === card && s.text.includes('cancelled'))
      await look('an answer in the thread', (s) => s.thread === card && s.text.includes(`ob ${job}`))
      expect(toy.done).toEqual([])
    },
  },

  'edited request: the words of before count, and nothing new is asked': {
    run: async ({ world, ask, look, seen, marker, toy }) => {
      const { job, message } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.nico.edit(message, `${world.calls ? '! ' : ''}shove server24`)
      await marker(world.nico)
      await world.fran.react(question.id, '✅')
      await look('the end', endOf(job))
      expect(toy.done).toEqual(['shove server23'])
      const cards = (await seen()).filter((s) => s.text.includes('asked by'))
      expect(cards.map(({ text }) => text.includes('server24'))).toEqual([false])
    },
  },

  'deleted request: it is cancelled while it waits for people': {
    run: async ({ world, ask, look, marker, toy }) => {
      const { job, message } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.nico.remove(message)
      await look('the card says so', cardIn(job, 'cancelled'))
      await world.fran.react(question.id, '✅')
      await marker(world.nico)
      expect(toy.done).toEqual([])
    },
  },

  'deleted request: what runs already goes on': {
    run: async ({ world, ask, look, marker, toy }) => {
      toy.hold()
      const { job, message } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', cardIn(job, 'running'))
      await world.nico.remove(message)
      await marker(world.nico)
      toy.letGo()
      await look('the card says that it is done', cardIn(job, 'done'))
      expect(toy.done).toEqual(['nudge server23'])
    },
  },

  'long output: the beginning is there, and the rest or word of it': {
    run: async ({ world, say, look }) => {
      await say(world.nico, 'recite 3000')
      await look('the first lines', (s) => s.text.includes('line10 '))
      await look('the last line, a file, or how much is missing', (s) =>
        /line2999|do not fit|\[file |\.txt/.test(s.text),
      )
    },
  },

  'picture: it is shown once, though it is sent twice': {
    run: async ({ world, bot, look, seen, marker }) => {
      const [chat] = bot().chats
      const file = { name: 'card.png', mime: 'image/png', data: PICTURE, alt: 'card.png: a card' } as const
      await chat?.upload(world.place, file, { key: 'picture' })
      await look('the picture', (s) => s.text.includes('card.png'))
      await chat?.upload(world.place, file, { key: 'picture' })
      await marker(world.nico)
      expect((await seen()).filter((s) => s.text.includes('card.png'))).toHaveLength(1)
    },
  },
}
