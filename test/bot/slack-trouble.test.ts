import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Health, Incoming } from '../../src/bot/chat.ts'
import type { Log } from '../../src/log.ts'
import type { SlackState } from '../../src/bot/slack-memory.ts'
import type { SlackChat } from '../../src/bot/slack.ts'
import { until } from '../lab/process.ts'
import { words } from './chat-messages.ts'
import { openOn, type SlackWorld, slackWorld } from './slack-world.ts'

let world: SlackWorld
let chat: SlackChat
let told: Incoming[]
let health: Health[]
let lines: string[]
let kept: Map<string, string>

const state: SlackState = {
  load: async (key) => kept.get(key),
  save: async (key, value) => void kept.set(key, value),
}
/** Every line that would be logged, whatever its level. */
const write = (...line: readonly unknown[]): void => void lines.push(JSON.stringify(line))
const log: Log = { debug: write, info: write, warn: write, error: write, fatal: write }
const texts = () => told.flatMap((i) => (i.kind === 'text' ? [i.text] : []))
const codes = () => health.map((h) => (h.up ? 'up' : h.code))
const opens = () => world.lab.calls.filter((c) => c.method === 'apps.connections.open').length

const begin = async (mode: 'socket' | 'http' = 'socket'): Promise<void> => {
  world = await slackWorld(mode)
  ;[told, health, lines, kept] = [[], [], [], new Map()]
  chat = await openOn(world.lab, mode, {
    callTimeoutMs: 400,
    pingTimeoutMs: 300,
    helloLimitMs: 400,
    authRetryMs: 150,
    graceMs: 100,
    aids: { channels: () => [{ id: world.place.id, name: 'ops' }] },
    openQuestions: async () => [],
    state,
    log,
  })
  await chat.start(
    async (incoming) => void (told.some((i) => i.event === incoming.event) || told.push(incoming)),
    (now) => void health.push(now),
  )
  await until('it has looked around', 10_000, () => kept.has(`begun/${world.place.id}`) || undefined)
}
afterEach(async () => {
  await chat.stop()
  await world.stop()
})
const say = async (text: string): Promise<void> => void (await world.nico.say(`! ${text}`))
const hears = (text: string) =>
  until(`${text} arrives`, 20_000, () => texts().some((t) => t.includes(text)) || undefined)

type Trouble = { readonly code: string; readonly begin: () => unknown; readonly end: () => unknown }
const TROUBLES: Readonly<Record<string, Trouble>> = {
  'is killed and comes back': {
    code: 'CHAT-UNREACHABLE',
    begin: () => world.lab.kill(),
    end: () => world.lab.restart(),
  },
  hangs: { code: 'CHAT-UNREACHABLE', begin: () => world.lab.hang(true), end: () => world.lab.hang(false) },
  'answers nothing but 500': {
    code: 'CHAT-UNREACHABLE',
    begin: () => {
      world.lab.breakAll(true)
      world.lab.dropSockets()
    },
    end: () => world.lab.breakAll(false),
  },
  'is half open: it takes sockets and never says hello': {
    code: 'CHAT-UNREACHABLE',
    begin: () => {
      world.lab.noHello(true)
      world.lab.hangSockets()
    },
    end: () => world.lab.noHello(false),
  },
  'revokes the token': {
    code: 'CHAT-AUTH',
    begin: () => world.lab.refuseAll('token_revoked'),
    end: () => world.lab.refuseAll(''),
  },
}

describe('Slack', () => {
  beforeEach(() => begin())

  test.each(Object.entries(TROUBLES))(
    '%s: told once when it began and once when it ended, nothing lost',
    async (_what, trouble) => {
      await say('before')
      await hears('before')
      await trouble.begin()
      await until('it is told', 20_000, () => health.length > 0 || undefined)
      const tried = opens()
      world.lab.loseEvents(true)
      await say('meanwhile')
      await until('it tries again', 20_000, () => opens() > tried + 1 || world.lab.connected() === 0 || undefined)
      await trouble.end()
      world.lab.loseEvents(false)
      await hears('meanwhile')
      await say('after')
      await hears('after')
      await until('the end is told', 20_000, () => health.at(-1)?.up === true || undefined)
      expect(codes()).toEqual([trouble.code, 'up'])
      expect(texts()).toEqual(['! before', '! meanwhile', '! after'])
      expect(health[0]).toMatchObject({ text: expect.stringMatching(/\S/), next: expect.stringMatching(/\S/) })
    },
    60_000,
  )

  test('a blip is no news', async () => {
    await chat.stop()
    chat = await openOn(world.lab, 'socket', { graceMs: 20_000, log })
    await chat.start(
      async (incoming) => void told.push(incoming),
      (now) => void health.push(now),
    )
    const before = opens()
    world.lab.dropSockets()
    await until('a new socket', 20_000, () => (opens() > before && world.lab.connected() === 1) || undefined)
    await say('after the blip')
    await hears('after the blip')
    expect(health).toEqual([])
  })

  test('a refused token is tried again slowly, not in a loop', async () => {
    await chat.stop()
    chat = await openOn(world.lab, 'socket', { authRetryMs: 600_000, log })
    await chat.start(
      async (incoming) => void told.push(incoming),
      (now) => void health.push(now),
    )
    const before = opens()
    world.lab.refuseAll('invalid_auth')
    await until('it is told', 10_000, () => health.length > 0 || undefined)
    for (let i = 0; i < 3; i++)
      await expect(chat.post(world.place, words('x'), { key: `k${i}` })).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    expect(opens() - before).toBe(1)
    expect(codes()).toEqual(['CHAT-AUTH'])
    world.lab.refuseAll('')
  })

  test('asked to wait, nothing is lost and nothing is reported', async () => {
    world.lab.limit(2)
    await expect(chat.post(world.place, words('card'), { key: 'k' })).rejects.toMatchObject({ code: 'CHAT-LIMITED' })
    world.lab.dropSockets()
    await say('meanwhile')
    await hears('meanwhile')
    await chat.post(world.place, words('card'), { key: 'k' })
    expect(await world.seen(world.place)).toHaveLength(1)
    expect(codes().filter((c) => c !== 'up')).not.toContain('CHAT-AUTH')
  }, 30_000)

  test('sends that fail are told once, and the end is noticed though nothing is to be sent', async () => {
    world.lab.breakCalls('chat.postMessage', 3)
    for (let i = 0; i < 3; i++)
      await expect(chat.post(world.place, words('x'), { key: 'k' })).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    await until('it is well again', 10_000, () => health.at(-1)?.up === true || undefined)
    expect(codes()).toEqual(['CHAT-UNREACHABLE', 'up'])
  })

  test('the same event five times is one event', async () => {
    world.lab.repeatEvents(5)
    const seen: string[] = []
    await chat.stop()
    chat = await openOn(world.lab, 'socket', { log })
    await chat.start(async (incoming) => void seen.push(incoming.event))
    const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
    const asked = await world.nico.say('drain server23 on p10', { mention: true })
    await world.fran.react(sent.id, '✅')
    await world.fran.unreact(sent.id, '✅')
    await world.nico.edit(asked, `<@${world.lab.bot.user}> drain server24 on p10`)
    await world.nico.remove(asked)
    // a mention is two events of Slack: five times each
    await until('all have come', 20_000, () => (new Set(seen).size >= 5 && seen.length >= 30) || undefined)
    expect(seen.length).toBeGreaterThanOrEqual(30)
    expect(new Set(seen).size).toBe(5)
    world.lab.repeatEvents(1)
  })

  test('no secret is in a line of the log, an error or what is told of the trouble', async () => {
    world.lab.refuseAll('invalid_auth')
    const error: unknown = await chat.post(world.place, words('x'), { key: 'k' }).catch((e: unknown) => e)
    await until('it is told', 10_000, () => health.length > 0 || undefined)
    world.lab.refuseAll('')
    await world.lab.kill()
    const away: unknown = await chat.post(world.place, words('x'), { key: 'k2' }).catch((e: unknown) => e)
    await world.lab.restart()
    await until('it is back', 20_000, () => world.lab.connected() === 1 || undefined)
    const { botToken, appToken, signingSecret, tickets } = world.lab
    const all = [lines, health, [error, away].map((e) => [String(e), Object.values(e as object), (e as Error).stack])] // they were thrown
    const said = JSON.stringify(all)
    expect(tickets.length).toBeGreaterThan(1)
    for (const secret of [botToken, appToken, signingSecret, ...tickets]) expect(said).not.toContain(secret)
  }, 30_000)
})

describe('Slack over HTTP', () => {
  beforeEach(() => begin('http'))

  test('a revoked token is told once and its end noticed', async () => {
    world.lab.refuseAll('token_revoked')
    for (let i = 0; i < 3; i++)
      await expect(chat.post(world.place, words('x'), { key: 'k' })).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    await until('it is told', 10_000, () => health.length > 0 || undefined)
    world.lab.refuseAll('')
    await until('its end is told', 10_000, () => health.at(-1)?.up === true || undefined)
    expect(codes()).toEqual(['CHAT-AUTH', 'up'])
  })
})

test('a start that is refused again and again is told once', async () => {
  await begin()
  await chat.stop()
  world.lab.refuseAll('account_inactive')
  chat = await openOn(world.lab, 'socket', { log })
  for (let i = 0; i < 3; i++)
    await expect(
      chat.start(
        async () => {},
        (now) => void health.push(now),
      ),
    ).rejects.toMatchObject({ code: 'CHAT-AUTH' })
  expect(codes()).toEqual(['CHAT-AUTH'])
  world.lab.refuseAll('')
  await chat.start(
    async () => {},
    (now) => void health.push(now),
  )
  expect(codes()).toEqual(['CHAT-AUTH', 'up'])
})
