import { expect } from 'vitest'
import { cardIn, cardOf, endOf, questionOf, SOAK } from './scene.ts'
import type { Scenarios } from './suite.ts'

const WORDS = Array.from({ length: 15 }, (_, i) => `word-${i}`)
const heard = (text: string): string => /heard: (word-\d+)/.exec(text)?.[1] ?? ''

/** Too much, too often, too late; a platform that is slow or away; a bot that is started again. */
export const TROUBLE: Scenarios = {
  'flood: everything for the bot is answered once and in order, talk among people not at all': {
    run: async ({ world, say, look, marker, seen }, { ordered }) => {
      const talk = Array.from({ length: world.calls ? 40 : 0 }, (_, i) => `shall we nudge server23? ${i}`)
      const talking = Promise.all(talk.map((text) => world.fran.say(text)))
      for (const word of WORDS) await say(world.nico, `echo ${word}`)
      await talking
      for (const word of WORDS) await look(word, (s) => heard(s.text) === word)
      await marker(world.nico)
      const all = await seen()
      const answers = all.map(({ text }) => heard(text)).filter((word) => word !== '')
      expect(ordered ? answers : answers.toSorted()).toEqual(ordered ? WORDS : WORDS.toSorted())
      expect(all).toHaveLength(WORDS.length + 1)
    },
  },

  "flood: who asks too much is told kindly, and another's words are still taken": {
    wants: ['crowd'],
    setting: { requestsPerMinute: 3 },
    run: async ({ world, say, look, marker, seen }) => {
      // the limit counts by the minute: whichever minute it is, more than two times three words are too many
      for (const word of WORDS.slice(0, 10)) await say(world.nico, `echo ${word}`)
      await look('a kind word', (s) => s.text.includes('RATE-PERSON'))
      await marker(world.fran)
      const answered = (await seen()).filter((s) => heard(s.text) !== '')
      expect(answered.length).toBeGreaterThanOrEqual(3)
      expect(answered.length).toBeLessThanOrEqual(6)
    },
  },

  'restart: what runs goes on, what waits still waits, and every card stays the one it was': {
    run: async ({ world, ask, look, seen, restart, marker, toy }) => {
      toy.hold()
      const first = await ask(world.nico, 'nudge server23')
      await look('the first one runs', cardIn(first.job, 'running'))
      const second = await ask(world.nico, 'shove server22')
      const question = await look('the question', questionOf(second.job))
      await restart()
      toy.letGo()
      await look('the first one is done, on its own card', (s) => s.id === first.card && s.text.includes('done'))
      await world.fran.react(question.id, '✅')
      await look('the second one is done, on its own card', (s) => s.id === second.card && s.text.includes('done'))
      await look('both ends', endOf(second.job))
      await marker(world.nico)
      const all = await seen()
      for (const { job } of [first, second]) {
        expect(all.filter(cardOf(job))).toHaveLength(1)
        expect(all.filter(endOf(job))).toHaveLength(1)
      }
      expect(toy.done.toSorted()).toEqual(['nudge server23', 'shove server22'])
    },
  },

  'replay: everything is told five times more, and nothing happens twice': {
    wants: ['replay'],
    run: async ({ world, ask, look, seen, restart, marker, toy }, { replay }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.fran.react(question.id, '✅')
      await look('the end', endOf(job))
      await marker(world.nico)
      const before = (await seen()).map(({ id }) => id)
      for (let times = 0; times < 5; times++) await replay()
      await restart()
      await marker(world.nico)
      expect((await seen()).map(({ id }) => id).slice(0, -1)).toEqual(before)
      expect(toy.done).toEqual(['shove server23'])
    },
  },

  'rate limit: the platform asks to slow down, and every final state still arrives, once': {
    wants: ['limit'],
    run: async ({ world, ask, look, seen, isIn, marker, toy }, { limit }) => {
      toy.hold()
      const { job } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', cardIn(job, 'running'))
      limit(SOAK ? 60_000 : 2_000)
      toy.letGo()
      await isIn(job, 'done')
      await look('the card says that it is done', cardIn(job, 'done'))
      await look('the end', endOf(job))
      await marker(world.nico)
      expect((await seen()).filter(cardOf(job))).toHaveLength(1)
      expect((await seen()).filter(endOf(job))).toHaveLength(1)
    },
  },

  'outage: the job goes on; when the platform is back, so is the bot, and says how it ended, once': {
    wants: ['outage'],
    run: async ({ world, ask, look, seen, isIn, marker, toy }, { outage }) => {
      toy.hold()
      const { job, card } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', cardIn(job, 'running'))
      await outage(true)
      toy.letGo()
      await isIn(job, 'done')
      await outage(false)
      await look('the card says that it is done', (s) => s.id === card && s.text.includes('done'))
      await look('the end', endOf(job))
      await marker(world.nico)
      expect((await seen()).filter(endOf(job))).toHaveLength(1)
    },
  },

  'a card that somebody took away is posted again, once': {
    wants: ['takeAway'],
    run: async ({ world, ask, look, seen, marker, toy }, { takeAway }) => {
      toy.hold()
      const { job, card } = await ask(world.nico, 'nudge server23')
      await look('the card says that it runs', cardIn(job, 'running'))
      await takeAway(card)
      await look('another card', (s) => s.id !== card && cardOf(job)(s))
      toy.letGo()
      const again = await look('the other card says that it is done', (s) => s.id !== card && cardIn(job, 'done')(s))
      await takeAway(again.id)
      await marker(world.nico)
      expect((await seen()).filter(cardOf(job))).toEqual([])
    },
  },
}
