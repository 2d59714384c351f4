import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Chat } from '../../src/bot/chat.ts'
import { missingPower, powerOf } from '../../src/bot/matrix-power.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { keptLog } from './matrix-fault-world.ts'
import { type MatrixWorld, matrixWorld } from './matrix-world.ts'

vi.setConfig({ testTimeout: 180_000 })
const created = (room_version: string, additional_creators: string[] = []) => ({
  sender: '@nico:a',
  content: { room_version, additional_creators },
})
const levels = { users: { '@fran:a': 50 }, users_default: 0, events: { 'm.reaction': 75 }, events_default: 25 }

describe('power in a room', () => {
  for (const version of ['1', '10', '11'])
    test(`of version ${version} is what the levels say, also for the creator`, () => {
      expect(powerOf('@nico:a', created(version), levels)).toBe(0)
      expect(powerOf('@fran:a', created(version, ['@fran:a']), levels)).toBe(50)
      expect(powerOf('@nico:a', created(version), undefined)).toBe(100)
      expect(powerOf('@fran:a', created(version), undefined)).toBe(0)
    })
  for (const version of ['12', '13', 'org.example.new'])
    test(`of version ${version} has no end for creators, whatever the levels say`, () => {
      expect(powerOf('@nico:a', created(version), levels)).toBe(Number.POSITIVE_INFINITY)
      expect(powerOf('@amal:b', created(version, ['@amal:b']), levels)).toBe(Number.POSITIVE_INFINITY)
      expect(powerOf('@fran:a', created(version), levels)).toBe(50)
      expect(powerOf('@fran:a', created(version), undefined)).toBe(0)
    })

  test('that is missing is named, with what is needed', () => {
    expect(missingPower('@x:a', created('11'), levels)).toEqual([
      'send messages (it has power 0 and needs 25)',
      'react (it has power 0 and needs 75)',
      'take its reactions back (it has power 0 and needs 25)',
    ])
    expect(missingPower('@fran:a', created('11'), levels)).toEqual(['react (it has power 50 and needs 75)'])
    expect(missingPower('@nico:a', created('12'), levels)).toEqual([])
    expect(missingPower('@x:a', created('11'), undefined)).toEqual([])
  })
})

await real(['synapse'], 'power on a real Synapse', (synapse) => {
  const running: Chat[] = []
  afterEach(async () => {
    for (const chat of running.splice(0)) await chat.stop()
  })
  const start = async (world: MatrixWorld, rooms: readonly string[]): Promise<readonly string[]> => {
    const log = keptLog()
    const chat = await world.open({ rooms: () => rooms, log })
    running.push(chat)
    await chat.start(async () => {})
    return log.lines
  }
  const complaints = (lines: readonly string[]): readonly string[] => lines.filter((l) => l.includes('in this room'))
  const quiet = { events_default: 50 }

  for (const version of ['10', '11', '12'])
    test(`version ${version}: too little is said once; a creator has enough; a room without the bot is named`, async () => {
      const world = await matrixWorld(synapse, version)
      const { nico } = world.users
      const mute = await nico.createRoom({ room_version: version, power_level_content_override: quiet })
      const own = await world.bot.createRoom({ room_version: version, power_level_content_override: quiet })
      const strange = await nico.createRoom({ room_version: version })
      await nico.invite(mute, world.bot.id)
      await world.bot.join(mute)
      const lines = await start(world, [world.place.id, own, mute, strange])
      await until('two are said', 20_000, () => complaints(lines).length >= 2)
      await world.nico.say('! a batch more')
      await nico.request('PUT', `/rooms/${encodeURIComponent(mute)}/state/m.room.power_levels/`, {
        ...(version === '12' ? {} : { users: { [nico.id]: 100 } }),
        events_default: 60,
      })
      await until('the change is said', 20_000, () => complaints(lines).length >= 3)
      expect(complaints(lines).filter((l) => l.includes(mute) && l.includes('has power 0 and needs 50'))).toHaveLength(
        1,
      )
      expect(complaints(lines).filter((l) => l.includes(mute) && l.includes('has power 0 and needs 60'))).toHaveLength(
        1,
      )
      expect(complaints(lines).filter((l) => l.includes(strange) && l.includes('invite it'))).toHaveLength(1)
      expect(complaints(lines)).toHaveLength(3)
      await nico.request('POST', `/rooms/${encodeURIComponent(world.place.id)}/kick`, { user_id: world.bot.id })
      await until('the removal is said', 20_000, () => complaints(lines).some((l) => l.includes(world.place.id)))
    })

  test('an additional creator of a room of version 12 has enough', async () => {
    const world = await matrixWorld(synapse, '12')
    const { nico } = world.users
    const creation_content = { additional_creators: [world.bot.id] }
    const [shared, mute] = [
      await nico.createRoom({ room_version: '12', creation_content, power_level_content_override: quiet }),
      await nico.createRoom({ room_version: '12', power_level_content_override: quiet }),
    ]
    for (const room of [shared, mute]) {
      await nico.invite(room, world.bot.id)
      await world.bot.join(room)
    }
    const lines = await start(world, [shared, mute])
    await until('it is said of the other', 20_000, () => complaints(lines).some((l) => l.includes(mute)))
    await until('both were looked at', 20_000, async () =>
      world.bot.send(shared, { msgtype: 'm.notice', body: '.' }).then(() => true),
    )
    expect(complaints(lines).filter((l) => l.includes(shared))).toEqual([])
  })
})
