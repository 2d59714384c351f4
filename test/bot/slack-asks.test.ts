import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Incoming } from '../../src/bot/chat.ts'
import type { SlackAids } from '../../src/bot/slack-accept.ts'
import type { SlackChat } from '../../src/bot/slack.ts'
import { fill, formOf } from '../../src/commands/form.ts'
import { CHANGES } from '../../src/commands/registry.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { inventory } from '../commands/inventory.ts'
import { understand } from '../commands/understood.ts'
import { until } from '../lab/process.ts'
import { textOf, viewBlocks } from '../lab/slack-blocks.ts'
import { labelsOf } from '../lab/slack-views.ts'
import { openOn, type SlackWorld, slackWorld } from './slack-world.ts'
import { words } from './chat-messages.ts'

const drain = CHANGES.get('drain') as ChangeCommand // it is in the list of commands

let world: SlackWorld
let chat: SlackChat
let told: Incoming[]
let helpFails: boolean
const aids = (): SlackAids => ({
  help: async (user, channel) => {
    if (helpFails) throw new Error('the store is away')
    return words(`help for ${user} in ${channel}`)
  },
  home: async (user) => words(`the page of ${user}`),
  channels: () => [{ id: world.place.id, name: 'ops' }],
  forms: {
    list: () => [formOf(drain, inventory)],
    sentence: (_form, values) => fill(drain, formOf(drain, inventory), values, (text) => understand(text)),
  },
})
const texts = () => told.flatMap((i) => (i.kind === 'text' ? [i.text] : []))
const begin = async (mode: 'socket' | 'http'): Promise<void> => {
  world = await slackWorld(mode)
  ;[told, helpFails] = [[], false]
  chat = await openOn(world.lab, mode, { aids: aids() })
  await chat.start(async (incoming) => void told.push(incoming))
}
const command = (text: string, name?: string) => world.lab.command(world.nico.id, world.place.id, text, name)
const shownTo = (answer: unknown): string =>
  typeof answer === 'object' && answer !== null && 'blocks' in answer ? textOf(viewBlocks.parse(answer.blocks)) : ''
afterEach(async () => {
  await chat.stop()
  await world.stop()
})

describe.each(['socket', 'http'] as const)('what people ask of Slack over %s', (mode) => {
  beforeEach(() => begin(mode))

  test.each(['', 'help', '?'])('/sluice %s shows the help to the one who asked alone', async (text) => {
    const { acked, answer } = await command(text)
    expect(acked).toBe(true)
    expect(answer).toEqual({ response_type: 'ephemeral', text: expect.any(String), blocks: expect.any(Array) })
    expect(shownTo(answer)).toContain(`help for ${world.nico.id} in ${world.place.id}`)
    expect(told).toEqual([])
    expect(await world.seen(world.place)).toEqual([])
  })

  test('help that fails says why, and is acknowledged', async () => {
    helpFails = true
    const { acked, answer } = await command('help')
    expect(acked).toBe(true)
    expect(shownTo(answer)).toContain('INTERNAL')
  })

  test('a request leaves a message that everybody sees, and the request is about that message', async () => {
    expect(await command('drain server23 on p10')).toEqual({ acked: true })
    const [seen] = await world.seen(world.place)
    expect(seen?.text).toContain('nico: drain server23 on p10')
    expect(told).toMatchObject([{ kind: 'text', text: 'drain server23 on p10', message: seen?.id, addressed: true }])
  })

  test('where nothing can be posted in time, Slack shows the command itself and the request counts', async () => {
    world.lab.breakCalls('chat.postMessage')
    expect(await command('drain server23 on p10')).toEqual({ acked: true, answer: { response_type: 'in_channel' } })
    expect(texts()).toEqual(['drain server23 on p10'])
  })

  test('where Sluice does not listen it says so to the one who asked, and hears nothing', async () => {
    const other = world.lab.channel('other')
    const { answer } = await world.lab.command(world.nico.id, other, 'drain server23 on p10')
    expect(shownTo(answer)).toContain('does not listen in this channel')
    expect(told).toEqual([])
    expect(world.lab.messages(other)).toEqual([])
  })

  test.each(['drain', 'form drain'])(
    '/sluice %s opens the form, and what is filled in becomes the sentence',
    async (text) => {
      expect(await command(text)).toEqual({ acked: true })
      const view = await until('the form', 5_000, () => world.lab.viewOf(world.nico.id))
      expect(labelsOf(view)).toEqual(
        expect.arrayContaining(['Nodes', 'Cluster', 'Timeout', 'Ticket', 'Reason', 'Options']),
      )
      const { acked, answer } = await world.lab.submit(view, {
        Nodes: 'server23',
        Cluster: 'p10',
        Aggressively: true,
        Timeout: '1h',
        Reason: 'the disk is failing',
      })
      expect({ acked, answer }).toEqual({ acked: true, answer: undefined })
      expect(texts()).toEqual(['drain server23 on p10 aggressively reason "the disk is failing" timeout 1h'])
      expect(told[0]).toMatchObject({ user: world.nico.id, place: world.place, addressed: true })
      expect((await world.seen(world.place))[0]?.text).toContain('nico: drain server23 on p10 aggressively')
    },
  )

  test('a form complains at the field that is wrong, stays open, and asks nothing', async () => {
    await command('drain')
    const view = await until('the form', 5_000, () => world.lab.viewOf(world.nico.id))
    const bad = await world.lab.submit(view, { Nodes: 'server999', Cluster: 'p10', Timeout: '1h' })
    expect(bad.answer).toMatchObject({
      response_action: 'errors',
      errors: { nodes: expect.stringContaining('server999') },
    })
    const late = await world.lab.submit(view, { Nodes: 'server23', Cluster: 'p10', Timeout: 'tomorrow' })
    expect(late.answer).toMatchObject({ response_action: 'errors', errors: { timeoutMs: expect.any(String) } })
    const more = await world.lab.submit(view, { Nodes: 'server23 aggressively', Cluster: 'p10' })
    expect(more.answer).toMatchObject({ response_action: 'errors', errors: { nodes: expect.any(String) } })
    expect(view.open).toBe(true)
    expect(told).toEqual([])
    await world.lab.submit(view, { Nodes: 'server23', Cluster: 'p10' })
    expect(texts()).toEqual(['drain server23 on p10'])
  })

  test('a form that could not be stored stays open, and sent again it is one request', async () => {
    await chat.stop()
    let refusals = 1
    chat = await openOn(world.lab, mode, { aids: aids() })
    await chat.start(async (incoming) => {
      if (refusals-- > 0) throw new Error('the store is away')
      told.push(incoming)
    })
    await command('drain')
    const view = await until('the form', 5_000, () => world.lab.viewOf(world.nico.id))
    const given = { Nodes: 'server23', Cluster: 'p10' }
    expect((await world.lab.submit(view, given)).acked).toBe(false)
    expect((await world.lab.submit(view, given)).acked).toBe(true)
    expect(texts()).toEqual(['drain server23 on p10'])
    expect(await world.seen(world.place)).toHaveLength(1)
  }, 15_000)

  test('the shortcut opens the form with a choice of where to ask', async () => {
    expect((await world.lab.shortcut(world.nico.id, 'form:drain')).acked).toBe(true)
    const view = await until('the form', 5_000, () => world.lab.viewOf(world.nico.id))
    expect(labelsOf(view)[0]).toBe('Where to ask')
    await world.lab.submit(view, { 'Where to ask': 'ops', Nodes: 'server23', Cluster: 'p10' })
    expect(told).toMatchObject([{ text: 'drain server23 on p10', place: world.place }])
  })

  test('the page of the app is drawn when it is opened, and drawn anew', async () => {
    expect((await world.lab.openHome(world.nico.id)).acked).toBe(true)
    const first = await until('the page', 5_000, () => world.lab.viewOf(world.nico.id, 'home'))
    expect(textOf(viewBlocks.parse(first.content['blocks']))).toContain(`the page of ${world.nico.id}`)
    await world.lab.openHome(world.nico.id)
    await until('a new page', 5_000, () => world.lab.viewOf(world.nico.id, 'home')?.hash !== first.hash || undefined)
    expect((await world.lab.openHome(world.nico.id, 'messages')).acked).toBe(true)
    expect(told).toEqual([])
  })

  test('nothing stays unacknowledged, known or not', async () => {
    const bodies: Record<string, unknown>[] = [
      { type: 'block_suggestion', action_id: 'x', value: 'a' },
      { type: 'block_actions', user: { id: world.nico.id }, actions: [], container: { type: 'view' } },
      {
        type: 'block_actions',
        user: { id: world.nico.id },
        container: { type: 'message', is_ephemeral: true },
        actions: [{ action_id: 'x' }],
      },
      { type: 'shortcut', callback_id: 'another', trigger_id: 't', user: { id: world.nico.id } },
      { type: 'message_action', callback_id: 'another', trigger_id: 't' },
      {
        type: 'view_submission',
        user: { id: world.nico.id },
        view: { id: 'V9', callback_id: 'another', state: { values: {} } },
      },
      { type: 'view_closed', view: { id: 'V9' } },
      { type: 'something_new' },
    ]
    for (const body of bodies) expect(await world.lab.interact(body)).toMatchObject({ acked: true })
    expect(
      (await world.lab.elsewhere('T0OTHER', { type: 'message', text: '! drain', user: 'U1', channel: 'C1', ts: '1.1' }))
        .acked,
    ).toBe(true)
    expect(told).toEqual([])
  })

  test('a press is answered to the presser at once, and two in a row are one', async () => {
    const card = { blocks: [], buttons: [{ id: 'say:uncordon server23', label: 'uncordon' }] }
    const sent = await chat.post(world.place, card, { key: 'k' })
    // one before and one after a turn of the five seconds that are one press
    const turn = Math.ceil(Date.now() / 5_000) * 5 + 4
    const at = (s: number): string => `${turn + s}.900000`
    await world.lab.press(world.fran.id, world.place.id, sent.id, 'uncordon', at(0))
    await world.lab.press(world.fran.id, world.place.id, sent.id, 'uncordon', at(1))
    await world.lab.press(world.nico.id, world.place.id, sent.id, 'uncordon', at(2))
    await world.lab.press(world.nico.id, world.place.id, sent.id, 'uncordon', at(60))
    expect(told.map((i) => i.user)).toEqual([world.fran.id, world.fran.id, world.nico.id, world.nico.id])
    expect(new Set(told.map((i) => i.event)).size).toBe(3)
    await until('each was answered', 5_000, () => world.lab.responses.length === 4 || undefined)
    expect(world.lab.responses[0]).toMatchObject({ response_type: 'ephemeral', replace_original: false })
  })

  test('guests, strangers, the dismissed and people of elsewhere are marked, bots are bots', async () => {
    const someone = async (name: string, flags: Parameters<typeof world.lab.user>[2], bot = false) => {
      const id = world.lab.user(name, bot, flags)
      world.lab.say(id, world.place.id, '! jobs')
      return until(`${name} is heard`, 5_000, () => told.find((i) => i.user === id))
    }
    expect(await someone('guest', { guest: 'multi' })).toMatchObject({ outsider: 'guest' })
    expect(await someone('single', { guest: 'single' })).toMatchObject({ outsider: 'guest' })
    expect(await someone('stranger', { stranger: true })).toMatchObject({ outsider: 'external' })
    expect(await someone('gone', { deleted: true })).toMatchObject({ outsider: 'external' })
    expect(await someone('partner', { team: 'T0OTHER' })).toMatchObject({ outsider: 'external' })
    expect(await someone('helper', {}, true)).toMatchObject({ bot: true })
    world.lab.say('U0NOWHERE', world.place.id, '! jobs')
    expect(await until('nobody', 5_000, () => told.find((i) => i.user === 'U0NOWHERE'))).toMatchObject({
      outsider: 'external',
    })
    expect(await someone('member', {})).not.toHaveProperty('outsider')
  })

  test('people are looked up once, and somebody who cannot be looked up is not let in', async () => {
    const heard = async (n: number) => {
      await world.nico.say(`! jobs ${n}`)
      await until('it is heard', 5_000, () => texts().some((t) => t.includes(`jobs ${n}`)) || undefined)
    }
    await heard(1)
    await heard(2)
    const asked = () => world.lab.calls.filter((c) => c.method === 'users.info').length
    expect(asked()).toBe(1)
    world.lab.breakCalls('users.info', 1)
    await world.fran.say('! jobs of fran')
    await until('fran is heard at the second try', 10_000, () => told.find((i) => i.user === world.fran.id))
    expect(asked()).toBe(3)
  })
})
