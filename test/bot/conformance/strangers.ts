import { expect } from 'vitest'
import { questionOf, wait } from './scene.ts'
import type { Scenarios } from './suite.ts'

/** Those who are not configured, and those who are no people. */
export const STRANGERS: Scenarios = {
  'stranger: is told once, alone, and neither asks nor votes': {
    setting: { people: ['nico'] },
    run: async ({ world, ask, say, look, seen, marker, job: now, toy }) => {
      await say(world.fran, 'nudge server23')
      const place = await wait('a private word', () => world.privateWith(world.fran))
      await wait('it is there', async () => ((await world.seen(place)).length > 0 ? true : undefined))
      const { job } = await ask(world.nico, 'shove server22')
      const question = await look('the question', questionOf(job))
      await world.fran.react(question.id, '✅')
      await say(world.fran, 'nudge server24')
      await marker(world.nico)
      expect((await now(job)).state).toBe('waiting')
      expect(await world.seen(place)).toHaveLength(1)
      expect(toy.done).toEqual([])
      expect((await seen()).filter((s) => s.text.includes('asked by'))).toHaveLength(1)
    },
  },

  'bot: another program is not heard': {
    run: async ({ world, marker, seen, toy }) => {
      await marker(world.nico)
      await world.robot.say('! nudge server23')
      await marker(world.nico)
      expect(await seen()).toHaveLength(2)
      expect(toy.done).toEqual([])
    },
  },

  "bot: another program's reaction is no vote, and is not answered": {
    wants: ['program'],
    run: async ({ world, ask, look, marker, seen, job: now }) => {
      const { job } = await ask(world.nico, 'shove server22')
      const question = await look('the question', questionOf(job))
      await marker(world.nico)
      const before = (await seen()).length
      await world.robot.react(question.id, '✅')
      await marker(world.nico)
      expect(await seen()).toHaveLength(before + 1)
      expect((await now(job)).state).toBe('waiting')
      expect(await world.privateWith(world.robot)).toBeUndefined()
    },
  },

  'bot: what a program of the platform posts is not heard': {
    wants: ['program'],
    run: async ({ world, marker, seen, toy }, { program }) => {
      await marker(world.nico)
      await program('! nudge server23')
      await marker(world.nico)
      expect(await seen()).toHaveLength(2)
      expect(toy.done).toEqual([])
    },
  },

  "bridge: a puppet's words are not heard": {
    wants: ['bridge'],
    run: async ({ world, marker, seen, toy }, { bridge }) => {
      await marker(world.nico)
      await bridge('! nudge server23')
      await marker(world.nico)
      expect(await seen()).toHaveLength(2)
      expect(toy.done).toEqual([])
    },
  },
}
