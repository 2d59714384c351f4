import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import { openMatrix } from '../../src/bot/matrix.ts'
import { silentLog } from '../../src/log.ts'
import { attachSynapse } from '../lab/matrix-user.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { startSynapse } from '../lab/synapse.ts'
import { type MatrixWorld, matrixWorld } from './matrix-world.ts'

const words = (text: string) => ({ blocks: [{ kind: 'text', text }] }) as const
const numbers = (n: number) => Array.from({ length: n }, (_, i) => `list nodes ${i}`)

await real(['synapse'], 'the Matrix sync loop on a real Synapse', (synapse) => {
  let world: MatrixWorld
  let told: Incoming[]
  let running: Chat[] = []
  const texts = () => told.flatMap((i) => (i.kind === 'text' ? [i.text.replace(/^! ?/, '')] : []))

  beforeEach(async () => {
    world = await matrixWorld(synapse)
    told = []
    running = []
  })
  afterEach(async () => {
    for (const chat of running) await chat.stop()
    for (const user of [world.bot, ...Object.values(world.users)]) user.stop()
  })
  const start = async (
    take: (incoming: Incoming) => void | Promise<void> = (i) => void told.push(i),
  ): Promise<Chat> => {
    const chat = await world.open()
    running.push(chat)
    await chat.start(async (incoming) => take(incoming))
    return chat
  }
  const hear = (text: string) => until(`${text} arrives`, 20_000, () => (texts().includes(text) ? true : undefined))

  for (const missed of [30, 150, 350])
    test(`${missed} texts said while the bot was away all arrive, once, in order`, { timeout: 120_000 }, async () => {
      await (await start()).stop()
      for (const text of numbers(missed)) await world.nico.say(`! ${text}`)
      await start()
      await hear(`list nodes ${missed - 1}`)
      expect(texts()).toEqual(numbers(missed))
    })

  test('a restart tells nothing twice, and nothing that was said before the very first start', async () => {
    await world.nico.say('! before the first start')
    await (await start()).stop()
    await world.nico.say('! while away')
    await (await start()).stop()
    await start()
    await world.nico.say('! now')
    await hear('now')
    expect(texts()).toEqual(['while away', 'now'])
  })

  test('an event that fails in the middle of a batch loses none, and is told again with those behind it', async () => {
    await (await start()).stop()
    for (const text of numbers(10)) await world.nico.say(`! ${text}`)
    let fails = 3
    const events = new Set<string>()
    await start((incoming) => {
      if (incoming.kind === 'text' && incoming.text.endsWith(' 5') && fails-- > 0) throw new Error('the store is away')
      if (!events.has(incoming.event)) told.push(incoming)
      events.add(incoming.event)
    })
    await hear('list nodes 9')
    expect(texts()).toEqual(numbers(10))
    expect(fails).toBe(-1)
  })

  test('what could not be stored before a stop is told after the next start', async () => {
    await (await start()).stop()
    let refused = 0
    const deaf = await start(() => {
      refused++
      throw new Error('the store is away')
    })
    await world.nico.say('! not stored')
    await until('it was tried', 10_000, () => (refused > 0 ? true : undefined))
    await deaf.stop()
    await start()
    await hear('not stored')
  })

  test('killed between storing and saving the token, the bot hears the same events again and can know them', async () => {
    await (await start()).stop()
    const saved = new Map(world.state)
    const first: string[] = []
    const chat = await start((i) => void first.push(i.event))
    await world.nico.say('! once')
    await until('it arrives', 10_000, () => (first.length === 1 ? true : undefined))
    await chat.stop()
    for (const [key, value] of saved) world.state.set(key, value)
    await start()
    await hear('once')
    expect(told.map((i) => i.event)).toEqual(first)
  })

  for (const version of ['10', '11', '12'])
    test(`invited into a room of version ${version} with a history, the bot runs none of it`, async () => {
      await start()
      const { nico } = world.users
      const old = await nico.createRoom({ room_version: version, name: 'old' })
      for (let i = 0; i < 3; i++) await nico.send(old, `! old command ${i}`)
      await nico.invite(old, world.bot.id)
      await until('the bot came', 15_000, () =>
        nico.send(old, { msgtype: 'm.notice', body: '.' }).then(() => joined(old)),
      )
      const asked = await nico.send(old, '! new command')
      await hear('new command')
      expect(texts()).toEqual(['new command'])
      const vote = await nico.react(old, asked, '✅')
      await until('voted', 15_000, () => told.find((i) => i.kind === 'reaction' && i.added && i.on === asked))
      await nico.redact(old, vote)
      await until('taken back', 15_000, () => told.find((i) => i.kind === 'reaction' && !i.added && i.on === asked))
    })
  const joined = async (room: string): Promise<true | undefined> => {
    const { joined_rooms } = (await world.bot.request('GET', '/joined_rooms')) as { joined_rooms: string[] } // the lab's homeserver
    return joined_rooms.includes(room) ? true : undefined
  }

  test('an invitation from a stranger is not accepted, one that was taken back stops nothing', async () => {
    const stranger = await attachSynapse(synapse).user('stranger')
    const { nico } = world.users
    const trap = await stranger.createRoom({ invite: [world.bot.id] })
    const gone = await nico.createRoom({ invite: [world.bot.id] })
    await nico.request('POST', `/rooms/${encodeURIComponent(gone)}/kick`, { user_id: world.bot.id })
    await start()
    await world.nico.say('! still here')
    await hear('still here')
    expect(await joined(trap)).toBeUndefined()
  })

  test('every client’s way to call Sluice is understood', async () => {
    await world.bot.request('PUT', `/profile/${encodeURIComponent(world.bot.id)}/displayname`, {
      displayname: 'Sluice Bot',
    })
    const card = await (await start()).post(world.place, words('card'), { key: 'card' })
    const { nico } = world.users
    const room = world.place.id
    const local = world.bot.id.slice(1).split(':')[0] ?? ''
    const pill = `<a href="https://matrix.to/#/${world.bot.id}">Sluice Bot</a>: drain 1`
    await nico.send(room, {
      msgtype: 'm.text',
      body: 'Sluice Bot: drain 1',
      format: 'org.matrix.custom.html',
      formatted_body: pill,
    })
    await nico.send(room, 'sluice bot, drain 2')
    await nico.send(room, `@${local} drain 3`)
    await nico.send(room, { msgtype: 'm.text', body: 'drain 4', 'm.mentions': { user_ids: [world.bot.id] } })
    await nico.send(room, {
      msgtype: 'm.text',
      body: `> <${world.bot.id}> card\n\ndrain 5`,
      'm.relates_to': { 'm.in_reply_to': { event_id: card.id } },
    })
    await nico.send(room, 'Sluice Botany is a subject')
    await nico.send(room, { msgtype: 'm.notice', body: '! notice' })
    await nico.send(room, '! drain 6')
    await hear('drain 6')
    expect(texts()).toEqual(['drain 1', 'drain 2', 'drain 3', 'drain 4', 'drain 5', 'drain 6'])
    expect(told[4]).toMatchObject({ thread: card.id, addressed: false })
  })

  test('an answer to an answer goes into the thread of its root', async () => {
    const chat = await start()
    const root = await world.nico.say('! drain server23')
    const inside = await world.nico.say('and?', { thread: root })
    await chat.post(world.place, words('here'), { key: 'k', thread: inside })
    expect(await world.seen(world.place)).toMatchObject([{ thread: root }])
  })

  test('a moderator who removes a reaction takes that person’s vote away', async () => {
    const chat = await start()
    const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
    const vote = await world.users.fran.react(world.place.id, sent.id, '✅\ufe0f')
    await world.users.nico.redact(world.place.id, vote)
    const removed = await until('taken back', 15_000, () => told.find((i) => i.kind === 'reaction' && !i.added))
    expect(removed).toMatchObject({ user: world.users.fran.id, name: '✅', on: sent.id })
  })

  test('a bot that restarted finds the direct room again', async () => {
    const chat = await start()
    await chat.tellPrivately(world.nico.id, words('one'), { key: 'p1' })
    const room = await world.privateWith(world.nico)
    await (await world.open()).tellPrivately(world.nico.id, words('two'), { key: 'p2' })
    await (await world.open()).tellPrivately(world.nico.id, words('two'), { key: 'p2' })
    expect(room).toBeDefined()
    if (room !== undefined) expect((await world.seen(room)).map((s) => s.text.trim())).toEqual(['one', 'two'])
  })

  test('a revoked token is CHAT-AUTH, another person’s token too', async () => {
    const options = {
      homeserver: synapse.url,
      state: { load: async () => undefined, save: async () => {} },
      invitesFrom: [],
      log: silentLog,
    }
    const wrong = await openMatrix({ ...options, accessToken: 'syt_wrong' })
    await expect(wrong.start(async () => {})).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    const other = await openMatrix({ ...options, accessToken: world.bot.token, userId: '@somebody:lab.test' })
    await expect(other.start(async () => {})).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    const nowhere = await openMatrix({ ...options, homeserver: 'http://127.0.0.1:9', accessToken: 'x' })
    await expect(nowhere.post(world.place, words('x'), { key: 'k' })).rejects.toMatchObject({
      code: 'CHAT-UNREACHABLE',
    })
  })

  test('stopping does not wait for the long poll', async () => {
    const chat = await start()
    const before = performance.now()
    await chat.stop()
    expect(performance.now() - before).toBeLessThan(5_000)
  })
})

await real(['synapse'], 'a Synapse that dies', () => {
  test('after kill -9 of the homeserver everything goes on, and a repeated key is one message', {
    timeout: 120_000,
  }, async () => {
    const synapse = await startSynapse(lab())
    const world = await matrixWorld(synapse)
    const told: Incoming[] = []
    const chat = await world.open()
    try {
      await chat.start(async (incoming) => void told.push(incoming))
      const sent = await chat.post(world.place, words('before'), { key: 'k' })
      await synapse.kill9()
      await expect(chat.post(world.place, words('x'), { key: 'dead' })).rejects.toMatchObject({
        code: 'CHAT-UNREACHABLE',
      })
      await synapse.restart()
      await world.nico.say('! after the restart')
      await until('it arrives', 30_000, () => (told.length > 0 ? true : undefined))
      expect((await chat.post(world.place, words('before'), { key: 'k' })).id).toBe(sent.id)
      expect(await world.seen(world.place)).toHaveLength(1)
    } finally {
      await chat.stop()
      await synapse.stop()
    }
  })
})
