import { expect } from 'vitest'
import { toldOf } from './scene.ts'
import type { Scenarios } from './suite.ts'

const ASKED = (text: string): boolean => /Which cluster/i.test(text)

/** What the bot asks back, and how it is answered. */
export const QUESTIONS: Scenarios = {
  'missing argument: asked once with what it can be, answered by a reply': {
    run: async ({ world, say, look, seen, toy }) => {
      await say(world.nico, 'nudge server53')
      const question = await look('the question', (s) => ASKED(s.text))
      for (const name of ['p10', 'c2']) expect(question.text).toContain(name)
      await world.nico.say('p10', { thread: question.id })
      const end = await look('the end', toldOf('1', world.nico))
      expect(end.text).toContain('nudge server53 on p10')
      expect(toy.done).toEqual(['nudge server53'])
      expect((await seen()).filter((s) => ASKED(s.text))).toHaveLength(1)
    },
  },

  'missing argument: answered by a reaction': {
    run: async ({ world, say, look, toy }) => {
      await say(world.nico, 'nudge server53')
      const question = await look('the question', (s) => ASKED(s.text))
      const c2 = question.text.indexOf('c2') < question.text.indexOf('p10') ? '1️⃣' : '2️⃣'
      await world.nico.react(question.id, c2)
      const end = await look('the end', toldOf('1', world.nico))
      expect(end.text).toContain('nudge server53 on c2')
      expect(toy.done).toEqual(['nudge server53'])
    },
  },

  "missing argument: the question is the asker's, nobody else answers it": {
    run: async ({ world, say, look, marker, toy }) => {
      await say(world.nico, 'nudge server53')
      const question = await look('the question', (s) => ASKED(s.text))
      await world.fran.react(question.id, '1️⃣')
      await say(world.fran, '1')
      await marker(world.fran)
      expect(toy.done).toEqual([])
      await world.nico.react(question.id, '1️⃣')
      await look('the end', toldOf('1', world.nico))
      expect(toy.done).toEqual(['nudge server53'])
    },
  },

  'late answer: after its ten minutes a question is no command any more, but is asked once more': {
    run: async ({ world, say, look, stop, start, restart, marker, toy }) => {
      await stop()
      await start(-11 * 60_000)
      await say(world.nico, 'nudge server53')
      const question = await look('the question', (s) => ASKED(s.text))
      await restart()
      await world.nico.react(question.id, '1️⃣')
      await look('that it is late', (s) => s.text.includes('QUESTION-LATE'))
      await marker(world.nico)
      expect(toy.done).toEqual([])
    },
  },

  'missing argument: an answer that is none of the choices does nothing': {
    run: async ({ world, say, look, marker, toy }) => {
      await say(world.nico, 'nudge server53')
      await look('the question', (s) => ASKED(s.text))
      await say(world.nico, '7')
      await look('what there is to choose from', (s) => /\b2\b.*to choose from/.test(s.text))
      await marker(world.nico)
      expect(toy.done).toEqual([])
    },
  },
}
