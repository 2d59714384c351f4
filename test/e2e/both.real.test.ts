import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { placeKey } from '../../src/bot/places.ts'
import type { Decide } from '../../src/policies/policy.ts'
import { readDrawn } from '../../src/store/drawn.ts'
import { matrixWorld } from '../bot/matrix-world.ts'
import { slackWorld } from '../bot/slack-world.ts'
import { startToyBot } from '../bot/toy-bot.ts'
import { ALLOW, latch, change, needs, tempStore, toyStep, until as untilState } from '../jobs/toy.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
const ends: (() => Promise<void>)[] = []
beforeAll(async () => {
  temp = await tempStore()
})
beforeEach(() => temp.store.redis.flushall())
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(() => temp.stop())

const LIMIT_MS = 30_000

await real(['synapse'], 'one room in Slack and Matrix', (synapse) => {
  const open = async (decide: Decide = () => needs(1)) => {
    const [slack, matrix] = [await slackWorld('socket'), await matrixWorld(synapse)]
    slack.lab.ackWithin(3_000)
    const end = latch()
    const step = toyStep('a', {
      run: async () => {
        await end.opened
        return { kind: 'evidence', text: 'a ran' }
      },
    })
    const bot = await startToyBot({
      store: temp.store,
      chats: [await slack.open(), await matrix.open()],
      room: { slack: slack.place.id, matrix: matrix.place.id },
      people: {
        nico: { slack: slack.nico.id, matrix: matrix.nico.id },
        fran: { slack: slack.fran.id, matrix: matrix.fran.id },
      },
      decide,
      change: change([step]),
    })
    ends.push(bot.stop, slack.stop, matrix.stop)
    const look = (world: typeof slack | typeof matrix, what: string, words: string, but = '\0') =>
      until(what, LIMIT_MS, async () =>
        (await world.seen(world.place)).find(({ text }) => text.includes(words) && !text.includes(but)),
      )
    return { slack, matrix, bot, end, look }
  }

  test('asked in Slack, approved in Matrix; the cards stay in step', { timeout: 90_000 }, async () => {
    const { slack, matrix, bot, end, look } = await open()
    await slack.nico.say('toy 1', { mention: true })
    const question = await look(matrix, 'the question in Matrix', 'may it start?')
    await look(slack, 'the question in Slack', 'may it start?')
    await matrix.fran.react(question.id, '✅')
    await untilState(bot.engine.jobs, '1', 'running')
    end.open()
    await untilState(bot.engine.jobs, '1', 'done')
    for (const world of [slack, matrix]) {
      const card = await until('the card is done', LIMIT_MS, async () =>
        (await world.seen(world.place)).find(({ text }) => text.includes('asked by') && text.includes('done in')),
      )
      expect(card.text).toMatch(/approved by:? fran/)
      expect((await look(world, 'the question is closed', 'closed: approved by fran')).text).toContain('#1')
      expect((await look(world, 'the end', 'done in', 'asked by')).mentions).toEqual([world.nico.id])
    }
  })

  test('a card that somebody removes is posted again once, in each', { timeout: 90_000 }, async () => {
    const { slack, matrix, bot, end } = await open(() => ALLOW)
    const cards = async (world: typeof slack | typeof matrix) =>
      (await world.seen(world.place)).filter(({ text }) => text.includes('asked by'))
    const another = (world: typeof slack | typeof matrix, than: string) =>
      until(
        `a card in ${world.place.chat}`,
        LIMIT_MS,
        async () => (await cards(world)).find(({ id }) => id !== than)?.id,
      )
    await matrix.nico.say('! toy 3')
    const first = await Promise.all([another(slack, ''), another(matrix, '')])
    await Promise.all([slack.nico.remove(first[0]), matrix.nico.remove(first[1])])
    const second = await Promise.all([another(slack, first[0]), another(matrix, first[1])])
    await Promise.all([slack.nico.remove(second[0]), matrix.nico.remove(second[1])])
    await until('both removals are heard', LIMIT_MS, async () => {
      const places = [slack.place, matrix.place].map((place) => readDrawn(temp.store, '1', placeKey(place)))
      return (await Promise.all(places)).every(({ cardless }) => cardless) || undefined
    })
    end.open()
    await untilState(bot.engine.jobs, '1', 'done')
    await until('nothing is left', LIMIT_MS, async () => ((await bot.engine.idle()).idle ? true : undefined))
    for (const world of [slack, matrix]) {
      expect(await cards(world)).toEqual([])
      expect((await world.seen(world.place)).some(({ text }) => text.includes('done in'))).toBe(true)
    }
  })

  test('while Slack fails, Matrix goes on; when it is back, Slack shows the newest only', {
    timeout: 90_000,
  }, async () => {
    const { slack, matrix, bot, end, look } = await open()
    slack.lab.breakCalls('chat.postMessage', 1_000)
    await matrix.nico.say('! toy 2')
    const question = await look(matrix, 'the question in Matrix', 'may it start?')
    await matrix.fran.react(question.id, '✅')
    await untilState(bot.engine.jobs, '1', 'running')
    end.open()
    await look(matrix, 'the end in Matrix', 'done in', 'asked by')
    expect(await slack.seen(slack.place)).toEqual([])
    expect((await bot.mouth.lag('1')).find(({ platform }) => platform === 'Slack')).toMatchObject({ shows: 0 })
    slack.lab.breakCalls('chat.postMessage', 0)
    bot.mouth.health('slack')({ up: true })
    await until('nothing is left', LIMIT_MS, async () => ((await bot.engine.idle()).idle ? true : undefined))
    const seen = await slack.seen(slack.place)
    expect(seen.some(({ text }) => text.includes('may it start?'))).toBe(false)
    expect(seen.filter(({ text }) => text.includes('asked by') && text.includes('done in'))).toHaveLength(1)
    expect(seen.some(({ text, mentions }) => text.includes('done in') && mentions.includes(slack.nico.id))).toBe(true)
  })
})
