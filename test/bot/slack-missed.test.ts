import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Incoming } from '../../src/bot/chat.ts'
import type { SlackState } from '../../src/bot/slack-memory.ts'
import type { SlackChat } from '../../src/bot/slack.ts'
import { until } from '../lab/process.ts'
import { words } from './chat-messages.ts'
import { openOn, type SlackWorld, slackWorld } from './slack-world.ts'

let world: SlackWorld
let chat: SlackChat
/** What the inbox keeps: each event once, in the order of its first coming. */
let told: Incoming[]
let kept: Map<string, string>
let asked: string[]

const state: SlackState = {
  load: async (key) => kept.get(key),
  save: async (key, value) => void kept.set(key, value),
}
const keep = async (incoming: Incoming): Promise<void> => {
  if (!told.some((i) => i.event === incoming.event)) told.push(incoming)
}
const open = (): Promise<SlackChat> =>
  openOn(world.lab, 'socket', {
    pingTimeoutMs: 300,
    state,
    openQuestions: async () => asked.map((message) => ({ channel: world.place.id, message })),
    aids: { channels: () => [{ id: world.place.id, name: 'ops' }] },
  })
const texts = () => told.flatMap((i) => (i.kind === 'text' ? [i.text] : []))
const votes = () => told.flatMap((i) => (i.kind === 'reaction' ? [`${i.user} ${i.added ? '+' : '-'}${i.name}`] : []))
const readTo = (n: number) => until(`${n} times read back`, 20_000, () => reads() >= n || undefined)
const reads = () => world.lab.calls.filter((c) => c.method === 'conversations.history').length

/** The bot is away, and Slack gives up telling it; `meanwhile` happens; the bot comes back. */
async function away(meanwhile: () => Promise<void>): Promise<void> {
  await chat.stop()
  world.lab.loseEvents(true)
  await meanwhile()
  world.lab.loseEvents(false)
  chat = await open()
  await chat.start(keep)
}
const settled = async (): Promise<void> => {
  await world.fran.say('! the end')
  await until('the end is heard', 20_000, () => texts().some((t) => t.includes('the end')) || undefined)
}

beforeEach(async () => {
  world = await slackWorld('socket')
  ;[told, kept, asked] = [[], new Map(), []]
  chat = await open()
  await chat.start(keep)
  await until('it has looked around', 10_000, () => kept.has(`begun/${world.place.id}`) || undefined)
})
afterEach(async () => {
  await chat.stop()
  await world.stop()
})

test('fifty messages and ten votes of an outage come once each, in order', async () => {
  const question = await chat.post(world.place, words('approve?'), { key: 'q' })
  asked = [question.id]
  const people = Array.from({ length: 10 }, (_, i) => world.lab.user(`voter${i}`))
  await away(async () => {
    for (let i = 0; i < 50; i++) {
      await world.nico.say(i % 5 === 0 ? `talk ${i}` : `! jobs ${i}`, i % 7 === 3 ? { thread: question.id } : {})
      if (i % 5 === 0) world.lab.react(people[i / 5] ?? '', world.place.id, question.id, 'white_check_mark')
    }
  })
  await until('all votes are seen', 20_000, () => votes().length === 10 || undefined)
  const wanted = Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 5 !== 0 || i % 7 === 3)
  expect(texts()).toEqual(wanted.map((i) => (i % 5 === 0 ? `talk ${i}` : `! jobs ${i}`)))
  expect(votes()).toEqual(people.map((p) => `${p} +✅`))
  const before = told.length
  await away(async () => {})
  await settled()
  expect(told.length).toBe(before + 1)
})

test('what was said before Sluice ever listened is not for it', async () => {
  const old = world.lab.channel('old')
  world.lab.loseEvents(true)
  world.lab.say(world.nico.id, old, '! drain server23 on p10')
  world.lab.loseEvents(false)
  const channels = [
    { id: world.place.id, name: 'ops' },
    { id: old, name: 'old' },
  ]
  await chat.stop()
  // Slack's time is read to the second: what is older than that is surely before
  const second = Math.ceil(Date.now() / 1000) * 1000
  await until('the next second', 5_000, () => Date.now() > second || undefined)
  const opening = { state, aids: { channels: () => channels } }
  chat = await openOn(world.lab, 'socket', opening)
  await chat.start(keep)
  await until('it listens there', 10_000, () => kept.has(`begun/${old}`) || undefined)
  await chat.stop()
  chat = await openOn(world.lab, 'socket', opening)
  const before = reads()
  await chat.start(keep)
  await readTo(before + 2)
  await settled()
  expect(texts()).toHaveLength(1)
})

test('a vote that came and one that was taken back while away are both seen; one that changed nothing is not', async () => {
  const question = await chat.post(world.place, words('approve?'), { key: 'q' })
  asked = [question.id]
  await chat.react(question, '✅', { key: 'seed' })
  await world.fran.react(question.id, '✅')
  await until('the live vote', 10_000, () => votes().length === 1 || undefined)
  await away(async () => {
    await world.fran.unreact(question.id, '✅')
    await world.nico.react(question.id, '❌')
    await world.nico.unreact(question.id, '❌')
    await world.nico.react(question.id, '✅')
  })
  await until('both are seen', 10_000, () => votes().length === 3 || undefined)
  expect(votes()).toEqual([`${world.fran.id} +✅`, `${world.fran.id} -✅`, `${world.nico.id} +✅`])
  await away(async () => {})
  await settled()
  expect(votes()).toHaveLength(3)
})

test('an event that Slack tells after it was read back is told no more', async () => {
  const question = await chat.post(world.place, words('approve?'), { key: 'q' })
  asked = [question.id]
  const at = `${(Date.now() / 1000).toFixed(3)}000`
  await until('Slack’s clock has moved on', 5_000, () => Date.now() > Number(at) * 1000 + 1_100 || undefined)
  await away(async () => world.nico.react(question.id, '✅'))
  await until('the vote is seen', 10_000, () => votes().length === 1 || undefined)
  const late = {
    user: world.nico.id,
    reaction: 'white_check_mark',
    item: { type: 'message', channel: world.place.id, ts: question.id },
  }
  await until('it is written down', 10_000, () => kept.get(`reactions/${world.place.id}/${question.id}`))
  for (const type of ['reaction_removed', 'reaction_added'])
    await world.lab.elsewhere(world.lab.team, { ...late, type, item_user: world.lab.bot.user, event_ts: at })
  await settled()
  expect(votes()).toEqual([`${world.nico.id} +✅`])
  await world.nico.unreact(question.id, '✅')
  await until('what comes now counts', 10_000, () => votes().length === 2 || undefined)
})

test('a question that somebody deleted meanwhile is told as taken away', async () => {
  const question = await chat.post(world.place, words('approve?'), { key: 'q' })
  asked = [question.id]
  await away(async () => world.lab.remove(world.place.id, question.id))
  const gone = await until('it is told', 10_000, () => told.find((i) => i.kind === 'delete'))
  expect(gone).toMatchObject({ message: question.id, own: true })
})

test('direct messages of people who wrote before are read back too', async () => {
  await world.nico.say('jobs', { direct: true })
  await until('it is heard', 10_000, () => texts().length === 1 || undefined)
  await away(async () => void (await world.nico.say('list clusters', { direct: true })))
  await until('it is seen', 10_000, () => texts().includes('list clusters') || undefined)
  expect(told.at(-1)).toMatchObject({ direct: true, addressed: true })
})

test('after a drop of the socket it reads back, and waits as long as Slack asks', async () => {
  await world.nico.say('! jobs 1')
  await until('it is heard', 10_000, () => texts().length === 1 || undefined)
  world.lab.loseEvents(true)
  await world.nico.say('! jobs 2')
  world.lab.limit(1)
  world.lab.dropSockets()
  world.lab.loseEvents(false)
  await until('it is seen', 20_000, () => texts().includes('! jobs 2') || undefined)
  await settled()
  expect(texts()).toEqual(['! jobs 1', '! jobs 2', '! the end'])
})

test('what cannot be stored while reading back is read back again', async () => {
  await chat.stop()
  world.lab.loseEvents(true)
  await world.nico.say('! jobs 1')
  world.lab.loseEvents(false)
  chat = await open()
  let refusals = 1
  await chat.start(async (incoming) => {
    if (refusals-- > 0) throw new Error('the store is away')
    await keep(incoming)
  })
  await until('it is seen', 20_000, () => texts().includes('! jobs 1') || undefined)
}, 30_000)

test('what is said at once comes in its order, though somebody has to be looked up first', async () => {
  await world.nico.say('! so nico is known')
  await until('it is heard', 10_000, () => texts().length === 1 || undefined)
  world.lab.say(world.fran.id, world.place.id, '! first of all')
  for (let i = 0; i < 5; i++) await world.nico.say(`! then ${i}`)
  await until('all arrive', 10_000, () => texts().includes('! then 4') || undefined)
  const order = texts().slice(1)
  expect(order).toEqual(['! first of all', ...[0, 1, 2, 3, 4].map((i) => `! then ${i}`)])
})
