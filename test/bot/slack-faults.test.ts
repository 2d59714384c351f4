import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Incoming } from '../../src/bot/chat.ts'
import { openSlack, type SlackChat } from '../../src/bot/slack.ts'
import { silentLog } from '../../src/log.ts'
import type { Message } from '../../src/message.ts'
import { until } from '../lab/process.ts'
import { openOn, type SlackWorld, slackWorld } from './slack-world.ts'

const words = (text: string): Message => ({ blocks: [{ kind: 'text', text }] })

let world: SlackWorld
let chat: SlackChat
let told: Incoming[]
const texts = () => told.flatMap((i) => (i.kind === 'text' ? [i.text] : []))
const opens = () => world.lab.calls.filter((c) => c.method === 'apps.connections.open').length

async function begin(mode: 'socket' | 'http'): Promise<void> {
  world = await slackWorld(mode)
  told = []
  chat = await openSlack({
    mode,
    botToken: world.lab.botToken,
    appToken: world.lab.appToken,
    signingSecret: world.lab.signingSecret,
    apiUrl: world.lab.apiUrl,
    port: 0,
    callTimeoutMs: 1_000,
    pingTimeoutMs: 300,
    helloLimitMs: 400,
    authRetryMs: 200,
    log: silentLog,
  })
  await chat.start(async (incoming) => void told.push(incoming))
}
afterEach(async () => {
  await chat.stop()
  await world.stop()
})

describe('the Slack socket', () => {
  beforeEach(() => begin('socket'))
  const back = (before: number) =>
    until('a new socket', 20_000, () => (opens() > before && world.lab.connected() === 1 ? true : undefined))
  const hears = async (text: string) => {
    await world.nico.say(`! ${text}`)
    await until(`${text} arrives`, 10_000, () =>
      texts().includes(text) || texts().includes(`! ${text}`) ? true : undefined,
    )
  }

  test('is opened again after the network cut it, and nothing said meanwhile is lost', async () => {
    const before = opens()
    world.lab.dropSockets()
    await world.nico.say('! said while away')
    await back(before)
    await until('it arrives', 10_000, () => (texts().some((t) => t.includes('said while away')) ? true : undefined))
    await hears('and after')
  })

  test('is opened again when Slack moves the connection', async () => {
    const before = opens()
    world.lab.refreshSockets()
    await back(before)
    await hears('after the move')
  })

  test('that is dead without a word is noticed and replaced', async () => {
    const before = opens()
    world.lab.hangSockets()
    await until('a new socket', 20_000, () => (opens() > before ? true : undefined))
    await hears('on the new socket')
  })

  test('comes back by itself after Slack refused the token for a while', async () => {
    const before = opens()
    world.lab.refuseApp('invalid_auth')
    world.lab.dropSockets()
    await until('it was refused twice', 10_000, () => (opens() >= before + 2 ? true : undefined))
    world.lab.refuseApp('')
    await back(before)
    await hears('after the refusal')
  })

  test('that never says hello is given up and tried again', async () => {
    const before = opens()
    world.lab.noHello(true)
    world.lab.dropSockets()
    await until('a second attempt', 10_000, () => (opens() >= before + 2 ? true : undefined))
    world.lab.noHello(false)
    await hears('after the silence')
  })

  test('a start that is refused says so', async () => {
    world.lab.refuseApp('invalid_auth')
    const refused = await openOn(world.lab, 'socket')
    await expect(refused.start(async () => {})).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    await refused.stop()
  })

  test('an event that cannot be stored is never acknowledged', async () => {
    const stubborn = await slackWorld('socket')
    const deaf = await openOn(stubborn.lab, 'socket')
    try {
      await deaf.start(() => Promise.reject(new Error('the store is away')))
      await stubborn.nico.say('! drain server23 on p10')
      expect(
        await stubborn.lab.press(
          stubborn.nico.id,
          stubborn.place.id,
          (await deaf.post(stubborn.place, { blocks: [], buttons: [{ id: 'b', label: 'go' }] }, { key: 'k' })).id,
          'go',
        ),
      ).toBe(false)
      const delivery = await until('Slack gave up', 15_000, () =>
        stubborn.lab.deliveries.find((d) => JSON.stringify(d.payload).includes('drain server23')),
      )
      expect(delivery).toMatchObject({ acked: false, attempts: 5 })
    } finally {
      await deaf.stop()
      await stubborn.stop()
    }
  })

  test('a mention tells its text once, though Slack sends two events', async () => {
    await world.nico.say('drain server23 on p10', { mention: true })
    await until('both were taken', 10_000, () => (world.lab.deliveries.length === 2 ? true : undefined))
    expect(new Set(told.map((i) => i.event)).size).toBe(1)
  })

  test('a slash command is a text for Sluice', async () => {
    expect(await world.lab.slash(world.nico.id, world.place.id, 'list nodes p10')).toBe(true)
    expect(told).toMatchObject([
      { kind: 'text', text: 'list nodes p10', user: world.nico.id, place: world.place, addressed: true },
    ])
    const sent = { place: world.place, id: told[0]?.kind === 'text' ? told[0].message : '' }
    await chat.react(sent, '👀', { key: 'r' })
    await chat.post(world.place, words('here'), { key: 'p', thread: sent.id })
    expect(await world.seen(world.place)).toMatchObject([
      { id: sent.id, text: expect.stringContaining('nico: list nodes p10'), mentions: [] },
      { thread: sent.id, text: expect.stringContaining('here') },
    ])
  })
})

describe('sending to Slack', () => {
  beforeEach(() => begin('socket'))
  const send = () => chat.post(world.place, words('once'), { key: 'k' })

  test('an answer that is lost does not make a double', async () => {
    world.lab.loseAnswers('chat.postMessage')
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    const sent = await send()
    expect(await world.seen(world.place)).toMatchObject([{ id: sent.id }])
  })

  test('a call that failed at Slack is sent again', async () => {
    world.lab.breakCalls('chat.postMessage', 2)
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    await send()
    expect(await world.seen(world.place)).toHaveLength(1)
  })

  test('as long as it is unclear whether it was sent, nothing is sent', async () => {
    world.lab.loseAnswers('chat.postMessage')
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    world.lab.breakCalls('conversations.history')
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    await send()
    expect(await world.seen(world.place)).toHaveLength(1)
  })

  test('a double made by two replicas is removed, and a forged key is not believed', async () => {
    const other = await openOn(world.lab, 'socket')
    const first = await send()
    await other.post(world.place, words('once'), { key: 'k' })
    world.lab.say(world.robot.id, world.place.id, 'forged', {
      bot: true,
      metadata: { event_type: 'sluice', event_payload: { key: 'forged' } },
    })
    expect(await world.seen(world.place)).toHaveLength(2)
    const third = await openOn(world.lab, 'socket')
    expect(await third.post(world.place, words('once'), { key: 'k', again: true })).toEqual(first)
    await third.post(world.place, words('ours'), { key: 'forged', again: true })
    expect((await world.seen(world.place)).map((s) => s.text.trim())).toEqual(['once', 'ours'])
  })

  test('a message is found behind three hundred newer ones, not further', async () => {
    const sent = await send()
    for (let i = 0; i < 250; i++) world.lab.say(world.nico.id, world.place.id, `talk ${i}`)
    const restarted = await openOn(world.lab, 'socket')
    expect(await restarted.post(world.place, words('once'), { key: 'k', again: true })).toEqual(sent)
  })

  test('a file is uploaded once, and shown as text where files are not permitted', async () => {
    const file = { name: 'drain-17.log', mime: 'text/plain', data: 'line <1>\n' } as const
    await chat.upload(world.place, file, { key: 'f' })
    await chat.upload(world.place, file, { key: 'f' })
    const restarted = await openOn(world.lab, 'socket')
    await restarted.upload(world.place, file, { key: 'f', again: true })
    expect((await world.seen(world.place)).map((s) => s.text)).toEqual(['[file drain-17.log]'])
    const poor = await slackWorld('socket', ['chat:write'])
    const bare = await openOn(poor.lab, 'socket')
    await bare.upload(poor.place, file, { key: 'f' })
    await bare.upload(poor.place, file, { key: 'f' })
    expect(await poor.seen(poor.place)).toMatchObject([{ text: expect.stringContaining('line <1>') }])
    await poor.stop()
  })

  test('a text that is too long is shortened, with all of it in a file of its thread, both once', async () => {
    const long: Message = {
      blocks: Array.from({ length: 900 }, (_, i) => ({ kind: 'text', text: `line ${i} of the log` })),
    }
    world.lab.breakCalls('files.completeUploadExternal')
    const send = (how: { again?: true } = {}) => chat.post(world.place, long, { key: 'long', ...how })
    await expect(send()).rejects.toMatchObject({ code: 'CHAT-UNREACHABLE' })
    const sent = await send()
    const restarted = await openOn(world.lab, 'socket')
    expect(await restarted.post(world.place, long, { key: 'long', again: true })).toEqual(sent)
    const [card, file, more] = await world.seen(world.place)
    expect(more).toBeUndefined()
    expect(card?.text).toContain('the whole text is in the file below')
    expect(card?.text.length).toBeLessThan(4_000)
    expect(file).toMatchObject({ thread: sent.id, text: expect.stringMatching(/^\[file whole-\w+\.txt\]$/) })
    expect(world.lab.fileText(/\[file (.*)\]/.exec(file?.text ?? '')?.[1] ?? '')).toContain('line 899 of the log')
  })

  test('a double that Sluice removes is not told as taken away by somebody, a card that is taken away is, once', async () => {
    const [one, two] = [await openOn(world.lab, 'socket'), await openOn(world.lab, 'socket')]
    const first = await one.post(world.place, words('once'), { key: 'k' })
    await two.post(world.place, words('once'), { key: 'k' })
    expect(await chat.post(world.place, words('once'), { key: 'k', again: true })).toEqual(first)
    world.lab.remove(world.place.id, first.id)
    const gone = await until('it is told', 10_000, () => told.find((i) => i.kind === 'delete'))
    expect(gone).toMatchObject({ message: first.id, own: true })
    expect(told.filter((i) => i.kind === 'delete')).toEqual([gone])
  })

  test('a missing scope and a revoked token are CHAT-AUTH, a message that is not there CHAT-GONE', async () => {
    const poor = await slackWorld('socket')
    const bare = await openSlack({ mode: 'socket', botToken: 'xoxb-wrong', apiUrl: poor.lab.apiUrl, log: silentLog })
    await expect(bare.start(async () => {})).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    await expect(bare.post(poor.place, words('x'), { key: 'k' })).rejects.toMatchObject({ code: 'CHAT-AUTH' })
    await poor.stop()
    const gone = { place: world.place, id: '1.000001' }
    const another = { place: world.place, id: await world.nico.say('mine') }
    for (const sent of [gone, another])
      await expect(chat.edit(sent, words('x'), { key: 'e' })).rejects.toMatchObject({ code: 'CHAT-GONE' })
    await expect(chat.react(gone, '✅', { key: 'r' })).rejects.toMatchObject({ code: 'CHAT-GONE' })
  })
})

describe('Slack over HTTP', () => {
  beforeEach(() => begin('http'))
  const post = async (
    body: string,
    { stamp = Math.floor(Date.now() / 1000), secret = world.lab.signingSecret, path = '/slack/events' } = {},
  ) => {
    const signature = `v0=${createHmac('sha256', secret).update(`v0:${stamp}:${body}`).digest('hex')}`
    const headers = {
      'content-type': 'application/json',
      'x-slack-request-timestamp': String(stamp),
      'x-slack-signature': signature,
    }
    return fetch(`http://127.0.0.1:${chat.port()}${path}`, { method: 'POST', headers, body })
  }
  const event = JSON.stringify({
    type: 'event_callback',
    team_id: 'T0LAB',
    event_id: 'Ev1',
    event: { type: 'message', channel: 'C1', user: 'U1', text: '! drain', ts: '1.000001' },
  })

  test('takes only what Slack signed, lately', async () => {
    expect((await post(event)).status).toBe(200)
    expect((await post(event, { secret: 'another' })).status).toBe(401)
    expect((await post(event, { stamp: Math.floor(Date.now() / 1000) - 400 })).status).toBe(401)
    expect((await post(event, { path: '/other' })).status).toBe(404)
    expect((await post('{not json')).status).toBe(400)
    expect(told).toHaveLength(1)
  })

  test('answers the challenge of its address', async () => {
    const answer = await post(JSON.stringify({ type: 'url_verification', challenge: 'c1' }))
    expect(await answer.text()).toContain('c1')
  })

  test('answers 500 at once when the event could not be stored', async () => {
    const deaf = await openOn(world.lab, 'http')
    await deaf.start(() => Promise.reject(new Error('the store is away')))
    await world.nico.say('! drain server23 on p10')
    const delivery = await until('Slack gave up', 15_000, () => world.lab.deliveries.find((d) => !d.acked))
    expect(delivery.attempts).toBe(5)
    await deaf.stop()
  })
})
