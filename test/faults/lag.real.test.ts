import { expect, test } from 'vitest'
import { openMatrix } from '../../src/bot/matrix.ts'
import { silentLog } from '../../src/log.ts'
import { countSends } from '../bot/counting-proxy.ts'
import { startToyBot } from '../bot/toy-bot.ts'
import { tempStore } from '../jobs/toy.ts'
import { attachSynapse, type MatrixEvent, type MatrixUser } from '../lab/matrix-user.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'

const JOBS = 20
const NAMES = ['nico', 'fran', 'amal', 'jin-guk'] as const
const part = encodeURIComponent

/** Messages of the bot in a room, without its edits. */
async function messages(
  reader: MatrixUser,
  room: string,
  bot: string,
): Promise<readonly { readonly body: string; readonly mentions: readonly string[] }[]> {
  // the lab's homeserver
  const { chunk } = (await reader.request('GET', `/rooms/${part(room)}/messages?dir=b&limit=500`)) as {
    chunk: MatrixEvent[]
  }
  return chunk.flatMap(({ sender, type, content }) => {
    const {
      body,
      'm.relates_to': relation,
      'm.mentions': mentioned,
    } = content as {
      body?: string
      'm.relates_to'?: { rel_type?: string }
      'm.mentions'?: { user_ids?: string[] }
    } // the bot's own
    return sender === bot && type === 'm.room.message' && body !== undefined && relation?.rel_type !== 'm.replace'
      ? [{ body, mentions: mentioned?.user_ids ?? [] }]
      : []
  })
}

await real(['synapse-limits'], 'Synapse with its default limits', (synapse) => {
  test('20 jobs at once in one room: every end arrives, no request is lost, sends keep to the budget, the lag is stated', {
    timeout: 180_000,
  }, async () => {
    const { user } = attachSynapse(synapse)
    const [bot, ...users] = await Promise.all([user('sluice'), ...NAMES.map((name) => user(name))])
    const [nico, ...others] = users
    if (bot === undefined || nico === undefined) throw new Error('the homeserver made no users')
    const room = await nico.createRoom({ preset: 'private_chat', invite: [bot.id, ...others.map(({ id }) => id)] })
    for (const one of [bot, ...others]) await one.join(room)
    const temp = await tempStore()
    const proxy = await countSends(synapse.url)
    const state = new Map<string, string>()
    const chat = await openMatrix({
      homeserver: proxy.url,
      accessToken: bot.token,
      userId: bot.id,
      state: { load: async (key) => state.get(key), save: async (key, value) => void state.set(key, value) },
      invitesFrom: [nico.id],
      log: silentLog,
    })
    const people = Object.fromEntries(NAMES.map((name, i) => [name, { matrix: users[i]?.id ?? '' }]))
    const { engine, mouth, stop } = await startToyBot({
      store: temp.store,
      chats: [chat],
      room: { matrix: room },
      people,
    })
    try {
      await Promise.all(
        Array.from({ length: JOBS }, async (_, i) => users[i % users.length]?.send(room, `! toy ${i + 1}`)),
      )
      const done = () => engine.jobs.list({ states: ['done'], limit: 100 })
      await until('all jobs are done', 60_000, async () => ((await done()).length === JOBS ? true : undefined))
      expect(new Set((await done()).map(({ asked }) => asked.args['toy'])).size, 'requests that became a job').toBe(
        JOBS,
      )
      const lags = (await Promise.all((await done()).map(({ job }) => mouth.lag(job)))).flat()
      expect(
        lags.filter(({ behindMs }) => behindMs > 0).length,
        'jobs of which is said that Matrix is behind',
      ).toBeGreaterThan(5)
      const ends = async () => {
        const said = await messages(nico, room, bot.id)
        const told = Array.from({ length: JOBS }, (_, i) =>
          said.find(
            ({ body, mentions }) => body.includes(`#${i + 1} `) && body.includes('done in') && mentions.length > 0,
          ),
        )
        return told.every((one) => one !== undefined) ? said : undefined
      }
      const said = await until('every end', 120_000, ends)
      const taken = proxy.sends.filter(({ status }) => status === 200)
      const words = taken.filter(({ type }) => type === 'm.room.message').length
      const refused = proxy.sends.filter(({ status }) => status === 429).length
      const early = said.length - JOBS
      const beside = taken.length - words
      console.log(
        `${JOBS} jobs: ${words} messages and edits (${early} early cards), ${beside} reactions, ${refused} refused with 429`,
      )
      expect(refused, 'sends refused with 429').toBeLessThanOrEqual(3)
      expect(words).toBeLessThanOrEqual(JOBS + 2 * early)
      expect(beside, 'reactions').toBeLessThanOrEqual(10)
    } finally {
      await stop()
      await proxy.stop()
      await temp.stop()
    }
  })
})
