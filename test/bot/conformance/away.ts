import { expect } from 'vitest'
import { cardIn, questionOf, toldOf } from './scene.ts'
import type { Scenarios } from './suite.ts'

const LATER_MS = 6 * 60_000

/** The bot is down while people go on: what they said is read when it is back, once and in order. */
export const AWAY: Scenarios = {
  'away: what was said meanwhile is done when it is young, in order, and a vote of meanwhile counts': {
    wants: ['giveUp'],
    run: async ({ world, ask, say, look, seen, stop, start, marker, toy }, { giveUp }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await marker(world.nico)
      await stop()
      giveUp(true)
      await world.fran.react(question.id, '✅')
      for (const word of ['one', 'two', 'three']) await say(world.nico, `echo meanwhile-${word}`)
      await say(world.fran, 'nudge server22')
      giveUp(false)
      await start()
      await look('the job of before is done', cardIn(job, 'done'))
      await look('the request of meanwhile is done', toldOf('2', world.fran))
      await marker(world.nico)
      const answers = (await seen()).flatMap(({ text }) => /heard: meanwhile-(\w+)/.exec(text)?.[1] ?? [])
      expect(answers).toEqual(['one', 'two', 'three'])
      expect(toy.done.toSorted()).toEqual(['nudge server22', 'shove server23'])
    },
  },

  'away: a command older than five minutes is offered and not run, while a vote of then counts': {
    wants: ['giveUp'],
    run: async ({ world, ask, say, look, stop, start, restart, marker, toy }, { giveUp }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await stop()
      giveUp(true)
      await say(world.nico, 'nudge server22')
      await world.fran.react(question.id, '✅')
      giveUp(false)
      await start(LATER_MS)
      const offer = await look('the offer', (s) => s.text.includes('nudge server22') && s.text.includes('OFFER-OLD'))
      await look('the job of before is done', cardIn(job, 'done'))
      await restart()
      await marker(world.fran)
      expect(toy.done).toEqual(['shove server23'])
      await world.nico.react(offer.id, '1️⃣')
      await look('what was offered is done', toldOf('2', world.nico))
      expect(toy.done).toEqual(['shove server23', 'nudge server22'])
    },
  },
}
