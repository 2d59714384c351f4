import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { LOCK } from '../bot/matrix-world.ts'
import { type Bot, POLICIES, startBot } from '../e2e/bot-process.ts'
import { type Front, frontTo } from '../lab/front.ts'
import { type SecretUser, secretUser } from '../lab/matrix-secret.ts'
import { attachSynapse } from '../lab/matrix-user.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { startRedis } from '../lab/redis.ts'

/** One Matrix login, one Redis, one folder for keys, and replicas of the whole bot, each behind a front of its own that sees what it asks. */
type Replica = { readonly bot: Bot; readonly front: Front }
const LIMIT_MS = 60_000
const reads = ({ front }: Replica): number => front.asked.filter(({ path }) => path.includes('/v3/sync')).length

await real(['synapse'], 'replicas of a bot in an encrypted room', (synapse) => {
  const ending: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end()
  })

  test('one reads and writes; stopped, killed and told to end, another goes on; every request is answered once, readably', {
    timeout: 300_000,
  }, async () => {
    const { user } = attachSynapse(synapse)
    const [sluice, plain] = await Promise.all([user('sluice'), user('nico')])
    const nico: SecretUser = await secretUser(plain, synapse.url, sluice.id)
    ending.push(() => nico.stop())
    const room = await nico.createRoom({ invite: [sluice.id], initial_state: [LOCK] })
    await sluice.join(room)
    await nico.sees(room)
    const redis = await startRedis(lab())
    ending.push(redis.stop)
    const keysDir = mkdtempSync(join(lab().dir, 'keys'))

    const replica = async (): Promise<Replica> => {
      const front = await frontTo(synapse.url)
      ending.push(front.stop)
      const bot = await startBot(
        {
          sluice: {
            redis: { url: 'env:T_REDIS' },
            rooms: { ops: { matrix: room } },
            matrix: { homeserver: front.url, accessToken: 'env:T_MATRIX', keysDir },
          },
          people: { nico: { title: 'nico', groups: ['operators'], matrix: nico.id } },
          clusters: [{ name: 'p10', type: 'production', purpose: 'everything important' }],
          policies: POLICIES,
        },
        { T_MATRIX: sluice.token, T_REDIS: `unix://${redis.socket}` },
      )
      ending.push(bot.stop)
      return { bot, front }
    }
    let said = 0
    const say = async (): Promise<void> => {
      said += 1
      await nico.send(room, { msgtype: 'm.text', body: `${sluice.id}: list clusters` })
    }
    const answers = async (): Promise<readonly string[]> => {
      const from = nico.seen.filter(({ event }) => event.sender === sluice.id && event.type === 'm.room.encrypted')
      const open = await Promise.all(from.map(({ event }) => nico.open(event, room)))
      return open.map((event) => (event === undefined ? 'UNREADABLE' : String(event.content['body'])))
    }
    const answered = async (): Promise<void> =>
      void (await until(`answer ${said}`, LIMIT_MS, async () => {
        const given = (await answers()).filter((body) => body.includes('everything important'))
        return given.length >= said ? true : undefined
      }))

    await nico.listen()
    const first = await replica()
    const second = await replica()
    await say()
    await answered()
    expect(second.front.asked).toEqual([])

    process.kill(first.bot.pid, 'SIGSTOP')
    await say()
    await answered()
    const before = first.front.asked.length
    process.kill(first.bot.pid, 'SIGCONT')
    await until('the first sees that it was stopped', LIMIT_MS, () =>
      first.bot.log().includes('another replica does this by now') ? true : undefined,
    )
    await say()
    await answered()
    expect(first.front.asked.slice(before)).toEqual([])

    process.kill(second.bot.pid, 'SIGKILL')
    await say()
    await answered()
    expect(reads(first)).toBeGreaterThan(0)

    const third = await replica()
    expect(third.front.asked).toEqual([])
    await first.bot.stop()
    await say()
    await answered()
    expect(reads(third)).toBeGreaterThan(0)

    const all = await answers()
    expect(all).not.toContain('UNREADABLE')
    expect(all.filter((body) => body.includes('everything important'))).toHaveLength(said)
  })
})
