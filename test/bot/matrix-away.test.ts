import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import type { MatrixOptions } from '../../src/bot/matrix.ts'
import { type Front, frontTo } from '../lab/front.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { startSynapse } from '../lab/synapse.ts'
import { openInbox, type TestInbox } from './inbox.ts'
import { type MatrixWorld, matrixWorld } from './matrix-world.ts'

vi.setConfig({ testTimeout: 180_000 })
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`)
const isSync = (path: string): boolean => path.includes('/sync?')

await real(['synapse'], 'a Matrix bot that was away', (synapse) => {
  let world: MatrixWorld
  let inbox: TestInbox
  const running: Chat[] = []
  beforeAll(async () => {
    inbox = await openInbox(() => [{ name: 'ops', clusters: [], matrix: world.place.id }])
  })
  beforeEach(async () => {
    world = await matrixWorld(synapse)
    await inbox.store.redis.flushall()
  })
  afterEach(async () => {
    for (const chat of running.splice(0)) await chat.stop()
  })
  afterAll(() => inbox.stop())
  const start = async (more?: Partial<MatrixOptions>): Promise<Chat> => {
    const chat = await world.open(more)
    running.push(chat)
    await chat.start(inbox.receive)
    return chat
  }
  const hear = (text: string) =>
    until(`${text} is in the inbox`, 30_000, async () => (await inbox.texts()).includes(text))
  const said = async (texts: readonly string[]): Promise<void> => {
    for (const text of texts) await world.nico.say(`! ${text}`)
  }

  test('200 messages and 30 reactions that arrived meanwhile are taken once each, in their order', {
    timeout: 300_000,
  }, async () => {
    const chat = await start()
    const card = await chat.post(world.place, { blocks: [{ kind: 'text', text: 'approve?' }] }, { key: 'card' })
    await chat.stop()
    const order: string[] = []
    for (let i = 0; i < 200; i++) {
      await said([`list nodes ${i}`])
      order.push(`list nodes ${i}`)
      if (i % 20 !== 0) continue
      for (const emoji of [`✅`, '❌', '👀'].map((e) => `${e}${i}`)) {
        await world.fran.react(card.id, emoji)
        order.push(emoji)
      }
    }
    await start()
    await hear('list nodes 199')
    expect((await inbox.items()).map(said1)).toEqual(order)
    await said(['and now'])
    await hear('and now')
    expect(await inbox.items()).toHaveLength(231)
  })
  const said1 = (i: Incoming): string =>
    i.kind === 'text' ? i.text.replace(/^!\s*/, '') : i.kind === 'reaction' ? i.name : i.kind

  test('a sync token that was rolled back tells everything again, and it is one request each', async () => {
    await (await start()).stop()
    const old = new Map(world.state)
    const texts = numbered('list nodes', 70)
    const chat = await start()
    await said(texts)
    await hear('list nodes 69')
    await chat.stop()
    for (const [key, value] of old) world.state.set(key, value)
    await start()
    await said(['and now'])
    await hear('and now')
    expect(await inbox.texts()).toEqual([...texts, 'and now'])
  })

  test('answers to /sync that a proxy gives again from memory are one request each', async () => {
    const front: Front = await frontTo(synapse.url)
    try {
      await start({ homeserver: front.url })
      const texts = numbered('list nodes', 12)
      for (const text of texts) {
        await said([text])
        await hear(text)
      }
      const old = front.answers.filter((a) => isSync(a.path) && a.body.includes('list nodes'))
      expect(old.length).toBeGreaterThan(5)
      // each of them once more, in the order they were given; the tokens in them are old ones
      const again = [...old]
      front.decide(({ path }) => (isSync(path) ? (again.shift() ?? 'pass') : 'pass'))
      await said(['and now'])
      await hear('and now')
      await until('all were given again', 20_000, () => again.length === 0)
      await said(['and later'])
      await hear('and later')
      expect(await inbox.texts()).toEqual([...texts, 'and now', 'and later'])
    } finally {
      await front.stop()
    }
  })

  test('a message of the bot that somebody takes away is told, also when a program does it', async () => {
    const chat = await start()
    const send = (key: string) => chat.post(world.place, { blocks: [{ kind: 'text', text: key }] }, { key })
    const [first, second] = [await send('one'), await send('two')]
    await chat.react(second, '👀', { key: 'r' })
    await world.users.nico.redact(world.place.id, first.id)
    await world.users.nico.request('PUT', `/rooms/${encodeURIComponent(world.place.id)}/state/m.room.power_levels/`, {
      users: { [world.robot.id]: 100 },
    })
    await world.robot.remove(second.id)
    await said(['and now'])
    await hear('and now')
    expect((await inbox.items()).filter((i) => i.kind === 'delete')).toMatchObject([
      { message: first.id, own: true, user: world.users.nico.id, bot: false },
      { message: second.id, own: true, user: world.robot.id, bot: true },
    ])
  })

  test('notices, ghosts, their edits and reactions, and own echoes never get into the inbox', async () => {
    const chat = await start()
    const { nico } = world.users
    const card = await chat.post(world.place, { blocks: [{ kind: 'text', text: '! drain server23' }] }, { key: 'echo' })
    const bridged = await world.robot.say('! drain server23')
    await world.robot.say('and more', { thread: card.id })
    await world.robot.edit(bridged, '! drain server24')
    await world.robot.react(card.id, '✅')
    await world.robot.unreact(card.id, '✅')
    await world.robot.remove(bridged)
    for (const content of [
      { msgtype: 'm.notice', body: '! drain server25' },
      { msgtype: 'm.notice', body: `${world.bot.id}: drain server25`, 'm.mentions': { user_ids: [world.bot.id] } },
      {
        msgtype: 'm.notice',
        body: '* ! drain server25',
        'm.new_content': { msgtype: 'm.notice', body: '! drain server25' },
        'm.relates_to': { rel_type: 'm.replace', event_id: bridged },
      },
    ])
      await nico.send(world.place.id, content)
    await said(['and now'])
    await hear('and now')
    expect(await inbox.items()).toMatchObject([{ kind: 'text', user: nico.id }])
  })

  test('a program that moderates takes a vote away like anybody else', async () => {
    const chat = await start()
    const card = await chat.post(world.place, { blocks: [{ kind: 'text', text: 'approve?' }] }, { key: 'card' })
    const { nico, fran } = world.users
    const votes = async () => (await inbox.items()).filter((i) => i.kind === 'reaction')
    const at = encodeURIComponent(world.place.id)
    await nico.request('PUT', `/rooms/${at}/state/m.room.power_levels/`, { users: { [world.robot.id]: 100 } })
    const vote = await fran.react(world.place.id, card.id, '✅')
    // a vote that is gone before it was read is no vote, and nothing to take away
    await until('the vote is heard', 20_000, async () => (await votes()).length > 0 || undefined)
    await world.robot.remove(vote)
    await said(['and now'])
    await hear('and now')
    expect((await votes()).map((i) => [i.user, i.added])).toEqual([
      [fran.id, true],
      [fran.id, false],
    ])
  })

  test('what is stored is marked as read', async () => {
    await start()
    const { nico } = world.users
    const last = await world.nico.say('! list nodes')
    await hear('list nodes')
    const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 } } }))
    await until('nico sees that the bot has read it', 20_000, async () => {
      const sync = JSON.stringify(await nico.request('GET', `/sync?filter=${filter}`))
      return sync.includes(`"${last}":{"m.read":{"${world.bot.id}"`)
    })
  })
})

await real(['synapse'], 'a Synapse that answers the same /sync from its memory', () => {
  test('a bot that was killed and comes back hears each request once', { timeout: 300_000 }, async () => {
    const synapse = await startSynapse(lab(), 'off', { syncCache: true })
    const world = await matrixWorld(synapse)
    const inbox = await openInbox(() => [{ name: 'ops', clusters: [], matrix: world.place.id }])
    try {
      await (await startOn(world, inbox)).stop()
      const old = new Map(world.state)
      const texts = numbered('list nodes', 30)
      for (const round of [texts.slice(0, 10), texts.slice(10, 20), texts.slice(20)]) {
        // as after a kill -9 before the token was saved
        for (const [key, value] of old) world.state.set(key, value)
        for (const text of round) await world.nico.say(`! ${text}`)
        const chat = await startOn(world, inbox)
        await until('it is in the inbox', 30_000, async () => (await inbox.texts()).includes(round.at(-1) ?? ''))
        await chat.stop()
      }
      expect(await inbox.texts()).toEqual(texts)
    } finally {
      await inbox.stop()
      await synapse.stop()
    }
  })
})

async function startOn(world: MatrixWorld, inbox: TestInbox): Promise<Chat> {
  const chat = await world.open()
  await chat.start(inbox.receive)
  return chat
}
