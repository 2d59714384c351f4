import { inspect } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import { openMatrix } from '../../src/bot/matrix.ts'
import { type Front, frontTo, type Way } from '../lab/front.ts'
import { attachSynapse } from '../lab/matrix-user.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { type Relay, relayTo } from '../lab/relay.ts'
import { startSynapse } from '../lab/synapse.ts'
import { answering, type FaultScene, faultScene, isSync, keptLog, SHORT, survives } from './matrix-fault-world.ts'

vi.setConfig({ testTimeout: 180_000 })
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
const ending = <T extends { readonly stop: () => Promise<unknown> }>(one: T): T => {
  ends.push(one.stop)
  return one
}
/** When the bot asked for news, in milliseconds after one another. */
const gaps = (front: Front, from: number): readonly number[] => {
  const times = front.asked
    .slice(from)
    .filter(isSync)
    .map((a) => a.atMs)
  return times.slice(1).map((at, i) => at - (times[i] ?? at))
}

await real(['synapse'], 'Matrix in trouble, on a real Synapse', (synapse) => {
  const fronted = async (): Promise<{ front: Front; scene: FaultScene }> => {
    const front = ending(await frontTo(synapse.url))
    return { front, scene: ending(await faultScene(synapse, front.url)) }
  }
  const lined = async (): Promise<{ line: Relay; scene: FaultScene }> => {
    const { hostname, port } = new URL(synapse.url)
    const line = ending(await relayTo({ host: hostname, port: Number(port) }))
    return { line, scene: ending(await faultScene(synapse, `http://127.0.0.1:${line.port}`)) }
  }

  test('a homeserver that takes requests and never answers', async () => {
    const { front, scene } = await fronted()
    await survives(
      scene,
      'CHAT-UNREACHABLE',
      () => front.decide(answering('hang')),
      () => front.decide(() => 'pass'),
    )
  })

  test('a line that is dead without a word', async () => {
    const { line, scene } = await lined()
    await survives(scene, 'CHAT-UNREACHABLE', line.hang, line.restore)
  })

  test('a peer that went away without a word is noticed, and a blip is no news', async () => {
    const { line, scene } = await lined()
    const texts = [...(await scene.say('before', 1))]
    await scene.hear('before 0')
    line.freeze()
    texts.push(...(await scene.say('during', 10)))
    await scene.hear('during 9')
    expect(await scene.inbox.texts()).toEqual(texts)
    expect(scene.health).toEqual([])
  })

  test('a homeserver in trouble that repeats the token in its own words', async () => {
    const { front, scene } = await fronted()
    const body = JSON.stringify({ errcode: 'M_UNKNOWN', error: `no way for ${scene.world.bot.token}` })
    await survives(
      scene,
      'CHAT-UNREACHABLE',
      () => front.decide(answering({ status: 502, body })),
      () => front.decide(() => 'pass'),
    )
  })

  test('429: it waits as long as the body says', async () => {
    const { front, scene } = await fronted()
    const body = JSON.stringify({ errcode: 'M_LIMIT_EXCEEDED', error: 'slowly', retry_after_ms: 600 })
    let first = 0
    await survives(
      scene,
      'CHAT-LIMITED',
      () => {
        first = front.asked.length
        front.decide(answering({ status: 429, body }))
      },
      () => front.decide(() => 'pass'),
    )
    expect(Math.min(...gaps(front, first).slice(0, 1))).toBeGreaterThanOrEqual(590)
    expect(scene.errors[0]).toContain('retryAfterMs: 600')
  })

  test('429: it waits as long as the header says, where the body says nothing', async () => {
    const { front, scene } = await fronted()
    let first = 0
    await survives(
      scene,
      'CHAT-LIMITED',
      () => {
        first = front.asked.length
        front.decide(answering({ status: 429, headers: { 'retry-after': '1' }, body: '<html>slowly</html>' }))
      },
      () => front.decide(() => 'pass'),
    )
    expect(Math.min(...gaps(front, first).slice(0, 1))).toBeGreaterThanOrEqual(990)
    expect(scene.errors[0]).toContain('retryAfterMs: 1000')
  })

  test('a token that is refused for a while is told at once, and tried slowly', async () => {
    const { front, scene } = await fronted()
    const body = JSON.stringify({ errcode: 'M_UNKNOWN_TOKEN', error: 'Invalid access token passed.' })
    let first = 0
    await survives(
      scene,
      'CHAT-AUTH',
      () => {
        first = front.asked.length
        front.decide(answering({ status: 401, body }))
      },
      async () => {
        await until('four attempts', 20_000, () => gaps(front, first).length >= 3)
        front.decide(() => 'pass')
      },
    )
    expect(Math.min(...gaps(front, first).slice(0, 3))).toBeGreaterThanOrEqual(SHORT.authWaitMs - 10)
  })

  test('an invitation that cannot be accepted now is accepted later, and makes nobody deaf', async () => {
    const { front, scene } = await fronted()
    const { nico } = scene.world.users
    const joins = () => front.asked.filter((a) => a.path.includes('/join/')).length
    front.decide(({ path }) => (path.includes('/join/') ? { status: 502, body: '' } : 'pass'))
    await nico.createRoom({ invite: [scene.world.bot.id] })
    await until('two attempts', 20_000, () => joins() >= 2)
    await scene.say('meanwhile', 1)
    await scene.hear('meanwhile 0')
    front.decide(() => 'pass')
    await until('the bot came', 20_000, async () => {
      const { joined_rooms } = (await scene.world.bot.request('GET', '/joined_rooms')) as { joined_rooms: string[] } // the lab's homeserver
      return joined_rooms.length === 2
    })
    expect(scene.health).toEqual([])
  })

  test('read markers that fail or hang keep nothing from being heard, and the newest follows', async () => {
    const { front, scene } = await fronted()
    const markers = () => front.asked.filter((a) => a.path.includes('/read_markers')).length
    const failing = (way: Way) => front.decide(({ path }) => (path.includes('/read_markers') ? way : 'pass'))
    failing({ status: 500, body: '' })
    const texts = [...(await scene.say('failing', 5))]
    await until('it was tried', 20_000, () => markers() > 0)
    failing('hang')
    texts.push(...(await scene.say('hanging', 5)))
    await until('it was tried again', 20_000, () => markers() > 1)
    texts.push(...(await scene.say('after', 1)))
    await scene.hear('after 0')
    expect(await scene.inbox.texts()).toEqual(texts)
    expect(scene.health).toEqual([])
    expect(markers()).toBeLessThan(texts.length)
  })

  test('an account that an administrator locked and unlocked', async () => {
    const scene = ending(await faultScene(synapse, synapse.url))
    const admin = await attachSynapse(synapse).admin()
    const lock = async (locked: boolean): Promise<void> => {
      const path = `${synapse.url}/_synapse/admin/v2/users/${encodeURIComponent(scene.world.bot.id)}`
      const headers = { authorization: `Bearer ${admin.token}` }
      const answer = await fetch(path, { method: 'PUT', headers, body: JSON.stringify({ locked }) })
      expect(answer.status).toBe(200)
    }
    await survives(
      scene,
      'CHAT-AUTH',
      () => lock(true),
      () => lock(false),
    )
  })

  test('a token that was revoked for good is told once, and no log is flooded', async () => {
    const { front, scene } = await fronted()
    await scene.world.bot.request('POST', '/logout', {})
    await scene.told(false)
    const then = front.asked.length
    await until('three attempts more', 20_000, () => front.asked.slice(then).filter(isSync).length >= 3)
    expect(scene.health).toMatchObject([{ up: false, code: 'CHAT-AUTH' }])
    expect(scene.log.lines.filter((line) => line.includes('is not heard'))).toHaveLength(1)
    expect(Math.min(...gaps(front, then))).toBeGreaterThanOrEqual(SHORT.authWaitMs - 10)
  })

  test('a token that cannot even be sent is not shown either', async () => {
    const log = keptLog()
    const accessToken = 'syt_se\ncret_token'
    const state = { load: async () => undefined, save: async () => {} }
    const chat = await openMatrix({ homeserver: synapse.url, accessToken, state, invitesFrom: [], log })
    const error: unknown = await chat.start(async () => {}).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'CHAT-UNREACHABLE' })
    expect([inspect(error, { depth: 10, showHidden: true }), ...log.lines].join()).not.toMatch(/cret_/)
  })
})

await real(['synapse'], 'a Synapse of its own that is killed', () => {
  test('everything said before and after is heard once, and the trouble told once', { timeout: 300_000 }, async () => {
    const synapse = ending(await startSynapse(lab()))
    const scene = ending(await faultScene(synapse, synapse.url))
    const texts = [...(await scene.say('before', 20))]
    await synapse.kill9()
    await scene.told(false)
    await scene.send('sent in trouble')
    await synapse.restart()
    await scene.told(true)
    texts.push(...(await scene.say('after', 5)))
    await scene.hear('after 4')
    expect(await scene.inbox.texts()).toEqual(texts)
    expect(scene.health).toMatchObject([{ up: false, code: 'CHAT-UNREACHABLE' }, { up: true }])
    // a restart that takes less than the limit is a blip
    await synapse.kill9()
    await synapse.restart()
    texts.push(...(await scene.say('again', 5)))
    await scene.hear('again 4')
    expect(await scene.inbox.texts()).toEqual(texts)
  })
})
