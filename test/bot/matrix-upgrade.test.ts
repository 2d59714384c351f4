import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import { type Moved, openMoved } from '../../src/bot/moved.ts'
import { tellMoves } from '../../src/cli/moved.ts'
import type { Room } from '../../src/config.ts'
import { type Message, plain } from '../../src/message.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { openInbox, type TestInbox } from './inbox.ts'
import { type KeptLog, keptLog } from './matrix-fault-world.ts'
import { type MatrixWorld, matrixWorld } from './matrix-world.ts'

const part = encodeURIComponent
vi.setConfig({ testTimeout: 180_000 })

await real(['synapse'], 'room upgrades on a real Synapse', (synapse) => {
  let world: MatrixWorld
  let inbox: TestInbox
  let moved: Moved
  let log: KeptLog
  const running: Chat[] = []
  const configured = (): readonly Room[] => [{ name: 'ops', clusters: [], matrix: world.place.id }]
  const rooms = (): readonly Room[] => moved.rooms(configured())
  const current = (): string => rooms()[0]?.matrix ?? ''

  beforeEach(async () => {
    inbox = await openInbox(rooms)
    moved = await openMoved(inbox.store)
    log = keptLog()
  })
  afterEach(async () => {
    for (const chat of running.splice(0)) await chat.stop()
    await inbox.stop()
  })
  const start = async (): Promise<Chat> => {
    const chat = await world.open({ rooms: () => [current()], onMoved: moved.record, log })
    running.push(chat)
    await chat.start(inbox.receive)
    return chat
  }
  const upgrade = async (room: string, new_version: string): Promise<string> => {
    const answer = await world.users.nico.request('POST', `/rooms/${part(room)}/upgrade`, { new_version })
    return String(answer['replacement_room'])
  }
  const invite = (room: string) => world.users.nico.invite(room, world.bot.id)
  const followed = (room: string) => until(`the bot follows to ${room}`, 30_000, () => current() === room)
  const hears = async (room: string, text: string): Promise<void> => {
    await world.users.nico.send(room, `! ${text}`)
    await until(`${text} is in the inbox`, 20_000, async () => (await inbox.texts()).includes(text))
  }
  const open = (room: string) =>
    world.users.nico.request('PUT', `/rooms/${part(room)}/state/m.room.join_rules/`, { join_rule: 'public' })
  const entomb = (room: string, replacement_room: string) =>
    world.users.nico.request('PUT', `/rooms/${part(room)}/state/m.room.tombstone/`, { body: 'moved', replacement_room })
  const joined = async (): Promise<readonly string[]> => {
    const { joined_rooms } = (await world.bot.request('GET', '/joined_rooms')) as { joined_rooms: string[] } // the lab's homeserver
    return joined_rooms
  }

  test('10 to 11 to 12: the room is one room all the time, for what comes in and for what goes out', async () => {
    world = await matrixWorld(synapse, '10')
    const chat = await start()
    const told = new Map<string, Message>()
    const tell = async (room: string, key: string, message: Message) => void told.set(`${room} ${key}`, message)
    tellMoves({ tell }, () => ({ rooms: configured() }), moved)
    await hears(world.place.id, 'in version 10')
    for (const version of ['11', '12']) {
      const before = current()
      const next = await upgrade(before, version)
      await invite(next)
      await followed(next)
      await hears(next, `in version ${version}`)
      const message = plain(await until('it is told', 20_000, () => told.get(`ops moved:${world.place.id}:${next}`)))
      for (const words of ['config/sluice.yaml', next, world.place.id]) expect(message).toContain(words)
      await chat.post({ chat: 'matrix', id: current() }, { blocks: [{ kind: 'text', text: 'card' }] }, { key: version })
    }
    expect(await inbox.texts()).toEqual(['in version 10', 'in version 11', 'in version 12'])
    expect(told.size).toBe(2)
    expect((await openMoved(inbox.store)).rooms(configured())[0]?.matrix).toBe(current())
    expect(current()).not.toContain(':')
  })

  test('an open room is followed without an invitation', async () => {
    world = await matrixWorld(synapse, '11')
    await open(world.place.id)
    await start()
    const next = await upgrade(world.place.id, '12')
    await followed(next)
    await hears(next, 'here')
  })

  test('not let in, the bot says so once, and comes when it is invited', async () => {
    world = await matrixWorld(synapse, '11')
    await start()
    const next = await upgrade(world.place.id, '12')
    await until('it is said', 20_000, () => log.lines.some((line) => line.includes('cannot follow')))
    expect(current()).toBe(world.place.id)
    await invite(next)
    await followed(next)
    await hears(next, 'here')
    expect(log.lines.filter((line) => line.includes('cannot follow'))).toHaveLength(1)
  })

  test('upgraded while the bot was away: the last words of the old room first, then the new one', async () => {
    world = await matrixWorld(synapse, '11')
    await (await start()).stop()
    await world.nico.say('! last words')
    await open(world.place.id)
    const next = await upgrade(world.place.id, '12')
    await start()
    await followed(next)
    await hears(next, 'first words')
    expect(await inbox.texts()).toEqual(['last words', 'first words'])
  })

  test('an upgrade that nobody followed in its time is found at the next start', async () => {
    world = await matrixWorld(synapse, '11')
    await open(world.place.id)
    // a bot that does not follow has read the tombstone
    const deaf = await world.open()
    const told: Incoming[] = []
    await deaf.start(async (incoming) => void told.push(incoming))
    const next = await upgrade(world.place.id, '12')
    await world.nico.say('! behind the tombstone')
    await until('it was read', 20_000, () => told.length > 0)
    await deaf.stop()
    await start()
    await followed(next)
  })

  test('a successor that does not name the old room is left again, and one the bot belongs to is not', async () => {
    world = await matrixWorld(synapse, '11')
    const { nico } = world.users
    const other = await nico.createRoom({ preset: 'public_chat' })
    const home = await nico.createRoom({ preset: 'public_chat' })
    await world.bot.join(home)
    await start()
    for (const trap of [other, home]) {
      await entomb(world.place.id, trap)
      await until('it is said', 20_000, () =>
        log.lines.some((line) => line.includes('does not name it') && line.includes(trap)),
      )
    }
    expect(current()).toBe(world.place.id)
    expect(await joined()).not.toContain(other)
    expect(await joined()).toContain(home)
    await hears(world.place.id, 'still here')
  })

  test('a room that is not configured is not followed', async () => {
    world = await matrixWorld(synapse, '11')
    const { nico } = world.users
    const side = await nico.createRoom({ preset: 'public_chat', room_version: '11' })
    await world.bot.join(side)
    await start()
    const next = await upgrade(side, '12')
    await hears(world.place.id, 'later')
    expect(await joined()).not.toContain(next)
    expect(current()).toBe(world.place.id)
  })
})
