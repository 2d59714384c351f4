import { expect } from 'vitest'
import type { Incoming } from '../../src/bot/chat.ts'
import { until } from '../lab/process.ts'
import type { Case } from './chat.contract.ts'
import { CARD, words } from './chat-messages.ts'

/** What comes in: texts, reactions, presses, edits, deletions, and that nothing is acknowledged before it is stored. */
export const HEARS: Readonly<Record<string, Case>> = {
  'a text that mentions Sluice comes in once, without the mention': async ({ world, told, next, marker }) => {
    const id = await world.nico.say('drain server23 on p10', { mention: true })
    const text = await next('text')
    expect(text).toMatchObject({
      place: world.place,
      user: world.nico.id,
      bot: false,
      text: 'drain server23 on p10',
      message: id,
      addressed: true,
      direct: false,
    })
    await marker()
    expect(new Set(told.filter((i) => i.user === world.nico.id).map((i) => i.event)).size).toBe(1)
  },

  'a text that begins with ! comes in': async ({ world, next }) => {
    await world.nico.say('! list nodes p10 & <all> "quoted"')
    const text = await next('text')
    expect(text.addressed).toBe(true)
    expect(text.text.replace(/^!\s*/, '')).toBe('list nodes p10 & <all> "quoted"')
  },

  'talk among people is not told': async ({ world, told, marker }) => {
    if (!world.calls) return
    await world.nico.say('shall we drain server23?')
    await marker()
    expect(told.filter((i) => i.user === world.nico.id)).toEqual([])
  },

  'a direct message is for Sluice without any mention': async ({ world, next }) => {
    if (!world.calls) return
    await world.nico.say('list clusters', { direct: true })
    const text = await next('text')
    expect(text).toMatchObject({ user: world.nico.id, text: 'list clusters', addressed: true, direct: true })
    expect(text.place.id).not.toBe(world.place.id)
  },

  'an answer in a thread comes in with the thread, addressed or not': async ({ world, chat, next }) => {
    const card = await chat.post(world.place, CARD, { key: 'card' })
    await world.nico.say('cancel', { thread: card.id })
    const text = await next('text')
    expect(text).toMatchObject({ text: 'cancel', thread: card.id, place: world.place })
  },

  'what could not be stored is told again': async (_scene, makeWorld) => {
    let refusals = 2
    const stubborn: Incoming[] = []
    const second = await makeWorld()
    const other = await second.open()
    try {
      await other.start(async (incoming) => {
        if (refusals-- > 0) throw new Error('the store is away')
        stubborn.push(incoming)
      })
      await second.nico.say('drain server23 on p10', { mention: true })
      await until('it was told again', 20_000, () => (stubborn.length > 0 ? true : undefined))
      expect(stubborn[0]).toMatchObject({ kind: 'text', text: 'drain server23 on p10' })
    } finally {
      await other.stop()
      await second.stop()
    }
  },

  'a reaction comes in, and its removal, each once': async ({ world, chat, told, next }) => {
    const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
    await chat.react(sent, '✅', { key: 'seed' })
    await world.fran.react(sent.id, '✅')
    expect(await next('reaction', (r) => r.added)).toMatchObject({
      user: world.fran.id,
      name: '✅',
      on: sent.id,
      place: world.place,
      bot: false,
    })
    await world.fran.unreact(sent.id, '✅')
    expect(await next('reaction', (r) => !r.added)).toMatchObject({ user: world.fran.id, name: '✅', on: sent.id })
    await world.fran.react(sent.id, '❌')
    expect(await next('reaction', (r) => r.name === '❌')).toMatchObject({ added: true })
    expect(new Set(told.map((i) => i.event)).size).toBe(3)
    expect(told.every((i) => i.user === world.fran.id)).toBe(true)
  },

  'a removal is understood by a bot that was started since': async ({ world, chat, told, open, next }) => {
    const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
    await world.fran.react(sent.id, '✅')
    await next('reaction')
    await chat.stop()
    const restarted = await open()
    await restarted.start(async (incoming) => void told.push(incoming))
    await world.fran.unreact(sent.id, '✅')
    expect(await next('reaction', (r) => !r.added)).toMatchObject({ user: world.fran.id, name: '✅', on: sent.id })
  },

  'a pressed button comes in': async ({ world, chat, next }) => {
    if (!chat.can.buttons) return
    const sent = await chat.post(world.place, CARD, { key: 'card' })
    await world.fran.press(sent.id, 'cancel')
    expect(await next('press')).toMatchObject({
      user: world.fran.id,
      button: 'say:cancel',
      on: sent.id,
      place: world.place,
    })
  },

  'other programs are marked as such, and the bot never hears itself': async ({ world, chat, told, marker }) => {
    await chat.post(world.place, words('! drain server23 on p10'), { key: 'echo' })
    await world.robot.say('! drain server23 on p10')
    await marker()
    expect(told.filter((i) => !i.bot && i.user !== world.fran.id)).toEqual([])
  },

  'an edit and a deletion come in with the message they are about': async ({ world, told, next }) => {
    const id = await world.nico.say('! drain server23 on p10')
    await world.nico.edit(id, '! drain server24 on p10')
    expect(await next('edit')).toMatchObject({
      message: id,
      user: world.nico.id,
      text: expect.stringContaining('drain server24 on p10'),
    })
    await world.nico.remove(id)
    expect(await next('delete')).toMatchObject({ message: id, user: world.nico.id })
    expect(told.filter((i) => i.kind === 'text')).toHaveLength(1)
  },
}
