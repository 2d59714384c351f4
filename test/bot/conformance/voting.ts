import { expect } from 'vitest'
import { cardIn, endOf, questionOf } from './scene.ts'
import type { Scenarios } from './suite.ts'

/** What people say to a question. Every vote is answered, and only those that count do something. */
export const VOTING: Scenarios = {
  "vote: the asker's own and the seeds count for nothing, another's ✅ starts it, and the question says who": {
    run: async ({ world, ask, look, marker, job: now, toy }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.nico.react(question.id, '✅')
      await look('why it does not count', (s) => s.text.includes('VOTE-OWN') && s.mentions.includes(world.nico.id))
      await marker(world.nico)
      expect((await now(job)).state).toBe('waiting')
      await world.fran.react(question.id, '✅')
      await look('that it counts', (s) => /counted/i.test(s.text))
      await look(
        'the question is closed',
        (s) => s.id === question.id && !/may it start/.test(s.text) && s.text.includes('fran'),
      )
      const card = await look('the card says who', cardIn(job, 'done'))
      expect(card.text).toContain('fran')
      expect(toy.done).toEqual(['shove server23'])
    },
  },

  'vote: words are as good as a reaction': {
    run: async ({ world, ask, look, say, toy }) => {
      const { job } = await ask(world.nico, 'shove server23')
      await look('the question', questionOf(job))
      await say(world.fran, `approve ${job}`)
      await look('the end', endOf(job))
      expect(toy.done).toEqual(['shove server23'])
    },
  },

  'vote: a button is as good as a reaction': {
    wants: ['buttons'],
    run: async ({ world, ask, look, toy }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.fran.press(question.id, 'Approve')
      await look('the end', endOf(job))
      expect(toy.done).toEqual(['shove server23'])
    },
  },

  'withdraw: a vote taken back is none': {
    run: async ({ world, ask, look, marker, job: now }) => {
      const { job } = await ask(world.nico, 'topple server23')
      const question = await look('the question', questionOf(job))
      await world.fran.react(question.id, '✅')
      await look('that one more is needed', (s) => /counted/i.test(s.text) && s.text.includes('more'))
      await world.fran.unreact(question.id, '✅')
      await look('that it is taken back', (s) => /taken back/i.test(s.text))
      await marker(world.nico)
      expect(await now(job)).toMatchObject({ state: 'waiting', question: { votes: [] } })
    },
  },

  'withdraw: an approved job that has not begun waits again': {
    run: async ({ world, ask, look, isIn, marker, toy }) => {
      toy.hold()
      const first = await ask(world.nico, 'nudge server23')
      await look('the first one runs', cardIn(first.job, 'running'))
      const second = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(second.job))
      await world.fran.react(question.id, '✅')
      await look('it stands in line', cardIn(second.job, `behind job ${first.job}`))
      await world.fran.unreact(question.id, '✅')
      await look('it waits for people again', cardIn(second.job, 'waiting for people'))
      toy.letGo()
      await look('the first one is done', cardIn(first.job, 'done'))
      await marker(world.nico)
      await isIn(second.job, 'waiting')
      expect(toy.done).toEqual(['nudge server23'])
    },
  },

  'veto: ❌ ends it, and no ✅ after it brings it back': {
    run: async ({ world, ask, look, marker, toy }) => {
      const { job } = await ask(world.nico, 'shove server23')
      const question = await look('the question', questionOf(job))
      await world.fran.react(question.id, '❌')
      const end = await look('the end', endOf(job))
      expect(end.mentions).toEqual([world.nico.id])
      expect(end.text).toContain('fran')
      await world.fran.react(question.id, '✅')
      await look('that the question is closed', (s) => s.text.includes('VOTE-CLOSED'))
      await marker(world.nico)
      expect(toy.done).toEqual([])
    },
  },

  'veto: with its reason in words': {
    run: async ({ world, ask, look, say, toy }) => {
      const { job } = await ask(world.nico, 'shove server23')
      await look('the question', questionOf(job))
      await say(world.fran, `deny ${job} disk is full`)
      await look('the reason on the card', cardIn(job, 'disk is full'))
      expect(toy.done).toEqual([])
    },
  },

  'expiry: nobody answers, the asker is told, and a late ✅ is told that it is late': {
    run: async ({ world, ask, look, marker, toy }) => {
      const { job } = await ask(world.nico, 'poke server23')
      const question = await look('the question', questionOf(job))
      const end = await look('the end', (s) => endOf(job)(s) && s.text.includes('expired'))
      expect(end.mentions).toEqual([world.nico.id])
      await look('the question is closed', (s) => s.id === question.id && !/may it start/.test(s.text))
      await world.fran.react(question.id, '✅')
      await look('that it is late', (s) => s.text.includes('VOTE-CLOSED') && s.mentions.includes(world.fran.id))
      await marker(world.nico)
      expect(toy.done).toEqual([])
    },
  },
}
