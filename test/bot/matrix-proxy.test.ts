import { afterEach, expect, test, vi } from 'vitest'
import { type Front, frontTo } from '../lab/front.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { answering, type FaultScene, faultScene, isSync, survives } from './matrix-fault-world.ts'

vi.setConfig({ testTimeout: 180_000 })
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

await real(['synapse'], 'a proxy in front of a real Synapse', (synapse) => {
  const fronted = async (): Promise<{ front: Front; scene: FaultScene }> => {
    const front = await frontTo(synapse.url)
    ends.push(front.stop)
    const scene = await faultScene(synapse, front.url)
    ends.push(scene.stop)
    return { front, scene }
  }

  test('that answers 500 and repeats what it was sent', async () => {
    const { front, scene } = await fronted()
    const body = `<html>Authorization: Bearer ${scene.world.bot.token}</html>`
    await survives(
      scene,
      'CHAT-UNREACHABLE',
      () => front.decide(answering({ status: 500, body })),
      () => front.decide(() => 'pass'),
    )
  })

  test('that answers everything with a page', async () => {
    const { front, scene } = await fronted()
    await survives(
      scene,
      'CHAT-UNREACHABLE',
      () => front.decide(answering({ status: 200, body: '<html>We are back soon</html>' })),
      () => front.decide(() => 'pass'),
    )
  })

  test('that knows no homeserver', async () => {
    const { front, scene } = await fronted()
    await survives(
      scene,
      'CHAT-UNREACHABLE',
      () => front.decide(answering({ status: 404, body: '404 page not found' })),
      () => front.decide(() => 'pass'),
    )
  })

  test('that forbids is not believed about what a room is', async () => {
    const { front, scene } = await fronted()
    const { nico } = scene.world.users
    const secret = await nico.createRoom({
      invite: [scene.world.bot.id],
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    await until('the bot came', 20_000, async () => {
      const { joined_rooms } = (await scene.world.bot.request('GET', '/joined_rooms')) as { joined_rooms: string[] } // the lab's homeserver
      return joined_rooms.includes(secret)
    })
    await scene.chat.stop()
    // a bot that starts anew knows nothing of the room but what it is told
    const chat = await scene.world.open({ homeserver: front.url })
    front.decide(({ path }) =>
      path.includes('m.room.encryption') && !isSync({ path }) ? { status: 403, body: '' } : 'pass',
    )
    const message = { blocks: [{ kind: 'text', text: 'in plain' }] } as const
    await chat.post({ chat: 'matrix', id: secret }, message, { key: 'plain' }).catch(() => undefined)
    const { chunk } = (await nico.request('GET', `/rooms/${encodeURIComponent(secret)}/messages?dir=b`)) as {
      chunk: { type: string }[]
    } // the lab's homeserver
    expect(chunk.filter((e) => e.type === 'm.room.message')).toEqual([])
    await chat.stop()
  })
})
