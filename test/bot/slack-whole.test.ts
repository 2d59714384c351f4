import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Aids } from '../../src/aids.ts'
import { openMoved } from '../../src/bot/moved.ts'
import { openChats } from '../../src/cli/run.ts'
import { openWorld, type World } from '../../src/cli/world.ts'
import { type Sluice, startSluice } from '../../src/main.ts'
import { POLICIES } from '../e2e/bot-process.ts'
import { until } from '../lab/process.ts'
import { textOf, viewBlocks } from '../lab/slack-blocks.ts'
import { type SlackWorld, slackWorld } from './slack-world.ts'

/** The whole bot on our Slack and a practice p10, its state in a folder that outlives it. */
type Bot = { readonly sluice: Sluice; readonly stop: () => Promise<void> }

let slack: SlackWorld
let home: string
let bot: Bot
const stopping = new AbortController()
const LIMIT_MS = 60_000

function configure(): void {
  mkdirSync(join(home, 'config'))
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(home, 'config', name), JSON.stringify(content))
  write('sluice.yaml', {
    rooms: { ops: { slack: slack.place.id } },
    slack: { mode: 'socket', botToken: 'env:T_BOT', appToken: 'env:T_APP', apiUrl: slack.lab.apiUrl },
  })
  const person = (slackId: string) => ({ title: 'Operator', groups: ['operators'], slack: slackId })
  write('people.yaml', { people: { nico: person(slack.nico.id), fran: person(slack.fran.id) } })
  write('policies.yaml', { policies: POLICIES })
  write('clusters.yaml', {
    clusters: [{ name: 'p10', type: 'production', purpose: 'production', rook: true, nodes: ['server22', 'server23'] }],
  })
  vi.stubEnv('T_BOT', slack.lab.botToken)
  vi.stubEnv('T_APP', slack.lab.appToken)
}

async function start(): Promise<Bot> {
  const world: World = await openWorld({
    configDir: join(home, 'config'),
    dataDir: join(home, 'data'),
    practice: true,
    // nearly Slack's own time: a practice world of its own has next Wednesday's
    now: new Date(Date.now() + 5_000).toISOString(),
    env: {},
    signal: stopping.signal,
  })
  const moved = await openMoved(world.store)
  const chats = (_engine: unknown, aids: Aids) => openChats(world, aids, moved)
  const sluice = await startSluice({ ...world, env: process.env, chats })
  await sluice.started
  return {
    sluice,
    stop: async () => {
      await sluice.stop()
      await world.close()
    },
  }
}

beforeEach(async () => {
  slack = await slackWorld('socket')
  slack.lab.ackWithin(3_000)
  home = mkdtempSync(join(tmpdir(), 'sluice-slack-'))
  configure()
  bot = await start()
}, LIMIT_MS)
afterEach(async () => {
  await bot.stop()
  await slack.stop()
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  vi.unstubAllEnvs()
}, LIMIT_MS)

const seen = (what: string, where = slack.place) =>
  until(`"${what}" is to be seen`, LIMIT_MS, async () => (await slack.seen(where)).find((m) => m.text.includes(what)))
const page = async (user: string): Promise<string> => {
  await slack.lab.openHome(user)
  const view = await until('the page', 10_000, () => slack.lab.viewOf(user, 'home'))
  return textOf(viewBlocks.parse(view.content['blocks']))
}

test('a form asks for a drain; its vote comes while the bot is away; pages and help are each person’s own', async () => {
  const { answer } = await slack.lab.command(slack.nico.id, slack.place.id, '')
  expect(answer).toMatchObject({ response_type: 'ephemeral', text: expect.stringContaining('drain server23 on p10') })

  await slack.lab.command(slack.nico.id, slack.place.id, 'drain')
  const form = await until('the form', 10_000, () => slack.lab.viewOf(slack.nico.id))
  const bad = await slack.lab.submit(form, { Nodes: 'server999', Cluster: 'p10', Aggressively: true })
  expect(bad.answer).toMatchObject({ errors: { nodes: expect.stringContaining('server999') } })
  await slack.lab.submit(form, { Nodes: 'server23', Cluster: 'p10', Aggressively: true })
  await seen('nico: drain server23 on p10 aggressively')
  const question = await seen('Needs 1 of')

  expect(await page(slack.fran.id)).toMatch(/What waits for you[^]*#1 drain[^]*Your requests[^]*not asked/)
  expect(await page(slack.nico.id)).toMatch(/Nothing waits for you[^]*Your requests[^]*#1 drain[^]*waiting/)

  await bot.stop()
  slack.lab.loseEvents(true)
  await slack.fran.react(question.id, '✅')
  slack.lab.loseEvents(false)
  bot = await start()
  await until('the vote counts', LIMIT_MS, async () => {
    const revision = await bot.sluice.engine.jobs.get('1')
    return revision?.approvedBy.includes('fran') === true || undefined
  })
  await seen('drained')
}, 180_000)

test('one event delivered five times is one request, and its vote one vote', async () => {
  slack.lab.repeatEvents(5)
  await slack.nico.say('drain server23 on p10 aggressively', { mention: true })
  const question = await seen('Needs 1 of')
  await slack.fran.react(question.id, '✅')
  const counted = () => slack.seen(slack.place).then((all) => all.filter((m) => m.text.includes('Counted')))
  await until('the vote is answered', LIMIT_MS, async () => (await counted()).length > 0 || undefined)
  await until('all have come', LIMIT_MS, () => slack.lab.deliveries.filter((d) => d.acked).length >= 15 || undefined)
  slack.lab.repeatEvents(1)
  await until('it runs', LIMIT_MS, async () => {
    const state = (await bot.sluice.engine.jobs.get('1'))?.state
    return state === 'running' || state === 'done' || undefined
  })
  expect(await bot.sluice.engine.jobs.get('2')).toBeUndefined()
  expect(await counted()).toHaveLength(1)
}, 120_000)

test(
  'a configured person who is a guest is refused, privately',
  async () => {
    slack.lab.setFlags(slack.nico.id, { guest: 'multi' })
    await slack.nico.say('cordon server23 on p10', { mention: true })
    const place = await until('the private place', LIMIT_MS, () => slack.privateWith(slack.nico))
    await seen('PERSON-OUTSIDER', place)
    expect(await bot.sluice.engine.jobs.get('1')).toBeUndefined()
  },
  LIMIT_MS,
)
