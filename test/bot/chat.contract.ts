import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Chat, Incoming, Place } from '../../src/bot/chat.ts'
import { isLimited } from '../../src/bot/chat-errors.ts'
import type { Message } from '../../src/message.ts'
import { until } from '../lab/process.ts'

/**
 * What every chat adapter must do, on a platform that is as real as can be had.
 *
 * A world is one room with the bot, `nico` and `fran` in it, made new for each test:
 * - `open()` gives an adapter on that world that is not started; a second one is the bot after a restart.
 * - people act through `Human`; ids are the platform's own.
 * - `seen(place)` is what a person would see of the bot in a place, oldest first: text without markup, after edits.
 *   It fails when the platform would show something that was not meant as markup.
 * - `calls` is false where every text is for Sluice (the console), so that there is neither mention nor `!`.
 */
export type World = {
  readonly open: () => Promise<Chat>
  readonly place: Place
  readonly nico: Human
  readonly fran: Human
  /** A program that talks: another bot, or a bridge's puppet. */
  readonly robot: Human
  readonly calls: boolean
  readonly seen: (place: Place) => Promise<readonly Seen[]>
  /** The place of private messages from the bot to a person, once there is one. */
  readonly privateWith: (human: Human) => Promise<Place | undefined>
  readonly stop: () => Promise<void>
}
export type Human = {
  readonly id: string
  /** Says it in the world's room and gives the message's id. `mention` puts the platform's mention of the bot in front. */
  readonly say: (
    text: string,
    how?: { readonly thread?: string; readonly mention?: boolean; readonly direct?: boolean },
  ) => Promise<string>
  readonly edit: (message: string, text: string) => Promise<void>
  readonly remove: (message: string) => Promise<void>
  readonly react: (message: string, emoji: string) => Promise<void>
  readonly unreact: (message: string, emoji: string) => Promise<void>
  readonly press: (message: string, label: string) => Promise<void>
}
export type Seen = {
  readonly id: string
  readonly text: string
  readonly thread?: string
  readonly reactions: readonly string[]
  /** Ids of people whom the message notifies; everybody at once is `all`. */
  readonly mentions: readonly string[]
}

const words = (text: string): Message => ({ blocks: [{ kind: 'text', text }] })
const CARD: Message = {
  blocks: [
    { kind: 'heading', text: 'Drain server23 on p10' },
    {
      kind: 'fields',
      rows: [
        ['asked by', [{ person: 'nico' }]],
        ['ticket', [{ link: '#4711', url: 'https://redmine.example/issues/4711' }]],
      ],
    },
    { kind: 'note', text: 'one pod is under a budget', tone: 'warn' },
    { kind: 'list', items: ['first', ['second ', { code: 'server23' }]] },
    { kind: 'table', columns: ['NAME', 'STATUS'], rows: [['server23', 'Ready']] },
    {
      kind: 'steps',
      items: [
        { title: 'cordon', mark: 'done' },
        { title: 'evict', mark: 'running', note: '3 of 8' },
      ],
    },
    { kind: 'code', text: 'kubectl get nodes' },
  ],
  buttons: [{ id: 'say:cancel', label: 'cancel', style: 'danger' }],
}

/** The suite. `makeWorld` is called before each test. */
export function chatContract(name: string, makeWorld: () => Promise<World>): void {
  describe(`chat contract: ${name}`, () => {
    let world: World
    let chat: Chat
    let told: Incoming[]
    const opened: Chat[] = []

    const open = async (): Promise<Chat> => {
      const made = await world.open()
      opened.push(made)
      return made
    }
    const next = <K extends Incoming['kind']>(
      kind: K,
      which: (incoming: Extract<Incoming, { kind: K }>) => boolean = () => true,
    ) =>
      until(
        `a ${kind} arrives`,
        15_000,
        () =>
          told.find(
            (i): i is Extract<Incoming, { kind: K }> => i.kind === kind && which(i as Extract<Incoming, { kind: K }>),
          ), // the kind was compared just before
      )
    const look = (place: Place, which: (seen: readonly Seen[]) => boolean): Promise<readonly Seen[]> =>
      until('it is to be seen', 15_000, async () => {
        const seen = await world.seen(place)
        return which(seen) ? seen : undefined
      })
    /** Something that surely arrives: what came before it would have come before it. */
    const marker = async (text = 'marker'): Promise<void> => {
      await world.fran.say(`! ${text}`)
      await next('text', (i) => i.text.includes(text))
    }

    beforeEach(async () => {
      world = await makeWorld()
      told = []
      chat = await open()
      await chat.start(async (incoming) => void told.push(incoming))
    })
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.stop()
      await world?.stop()
    })

    test('a text that mentions Sluice comes in once, without the mention', async () => {
      const id = await world.nico.say('drain server23 on p10', { mention: true })
      const text = await next('text')
      expect(text).toMatchObject({
        place: world.place,
        user: world.nico.id,
        bot: false,
        text: 'drain server23 on p10',
        message: id,
        addressed: true,
        direct: false,
      })
      await marker()
      expect(new Set(told.filter((i) => i.user === world.nico.id).map((i) => i.event)).size).toBe(1)
    })

    test('a text that begins with ! comes in', async () => {
      await world.nico.say('! list nodes p10 & <all> "quoted"')
      const text = await next('text')
      expect(text.addressed).toBe(true)
      expect(text.text.replace(/^!\s*/, '')).toBe('list nodes p10 & <all> "quoted"')
    })

    test('talk among people is not told', async () => {
      if (!world.calls) return
      await world.nico.say('shall we drain server23?')
      await marker()
      expect(told.filter((i) => i.user === world.nico.id)).toEqual([])
    })

    test('a direct message is for Sluice without any mention', async () => {
      await world.nico.say('list clusters', { direct: true })
      const text = await next('text')
      expect(text).toMatchObject({ user: world.nico.id, text: 'list clusters', addressed: true, direct: true })
      expect(text.place.id).not.toBe(world.place.id)
    })

    test('an answer in a thread comes in with the thread, addressed or not', async () => {
      const card = await chat.post(world.place, CARD, { key: 'card' })
      await world.nico.say('cancel', { thread: card.id })
      const text = await next('text')
      expect(text).toMatchObject({ text: 'cancel', thread: card.id, place: world.place })
    })

    test('what could not be stored is told again', async () => {
      let refusals = 2
      const stubborn: Incoming[] = []
      const second = await makeWorld()
      const other = await second.open()
      try {
        await other.start(async (incoming) => {
          if (refusals-- > 0) throw new Error('the store is away')
          stubborn.push(incoming)
        })
        await second.nico.say('drain server23 on p10', { mention: true })
        await until('it was told again', 20_000, () => (stubborn.length > 0 ? true : undefined))
        expect(stubborn[0]).toMatchObject({ kind: 'text', text: 'drain server23 on p10' })
      } finally {
        await other.stop()
        await second.stop()
      }
    })

    test('a card is posted, and edited in place', async () => {
      const sent = await chat.post(world.place, CARD, { key: 'card', job: '17' })
      const [before] = await look(world.place, (seen) => seen.length === 1)
      expect(before?.id).toBe(sent.id)
      for (const part of [
        'Drain server23 on p10',
        'asked by',
        '#4711',
        'server23',
        'NAME',
        'cordon',
        '3 of 8',
        'kubectl get nodes',
        'cancel',
      ])
        expect(before?.text).toContain(part)
      await chat.edit(sent, words('done after 4m12s'), { key: 'card-2' })
      const [after, more] = await look(world.place, (seen) => seen[0]?.text.includes('done after') === true)
      expect(after?.text).not.toContain('asked by')
      expect(more).toBeUndefined()
    })

    test('an answer goes into the thread of a message', async () => {
      const asked = await world.nico.say('! drain server23 on p10')
      await chat.post(world.place, words('working on it'), { key: 'answer', thread: asked })
      const [seen] = await look(world.place, (all) => all.length === 1)
      expect(seen).toMatchObject({ text: expect.stringContaining('working on it'), thread: asked })
      // An answer to an answer stays in the same thread.
      const inside = await world.nico.say('and?', { thread: asked })
      await chat.post(world.place, words('still'), { key: 'answer-2', thread: asked })
      expect(inside).not.toBe(asked)
      await look(world.place, (all) => all.length === 2 && all.every((s) => s.thread === asked))
    })

    test('the bot reacts, also when it has reacted before', async () => {
      const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
      await chat.react(sent, '✅', { key: 'r1' })
      await chat.react(sent, '❌', { key: 'r2' })
      await (await open()).react(sent, '✅', { key: 'r3' })
      const [seen] = await look(world.place, (all) => all[0]?.reactions.length === 2)
      expect([...(seen?.reactions ?? [])].sort()).toEqual(['✅', '❌'].sort())
    })

    test('a reaction comes in, and its removal, each once', async () => {
      const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
      await chat.react(sent, '✅', { key: 'seed' })
      await world.fran.react(sent.id, '✅')
      expect(await next('reaction', (r) => r.added)).toMatchObject({
        user: world.fran.id,
        name: '✅',
        on: sent.id,
        place: world.place,
        bot: false,
      })
      await world.fran.unreact(sent.id, '✅')
      expect(await next('reaction', (r) => !r.added)).toMatchObject({ user: world.fran.id, name: '✅', on: sent.id })
      await world.fran.react(sent.id, '❌')
      expect(await next('reaction', (r) => r.name === '❌')).toMatchObject({ added: true })
      expect(new Set(told.map((i) => i.event)).size).toBe(3)
      expect(told.every((i) => i.user === world.fran.id)).toBe(true)
    })

    test('a removal is understood by a bot that was started since', async () => {
      const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
      await world.fran.react(sent.id, '✅')
      await next('reaction')
      await chat.stop()
      opened.splice(0)
      const restarted = await open()
      await restarted.start(async (incoming) => void told.push(incoming))
      await world.fran.unreact(sent.id, '✅')
      expect(await next('reaction', (r) => !r.added)).toMatchObject({ user: world.fran.id, name: '✅', on: sent.id })
    })

    test('a pressed button comes in', async () => {
      if (!chat.can.buttons) return void expect(chat.can.buttons).toBe(false)
      const sent = await chat.post(world.place, CARD, { key: 'card' })
      await world.fran.press(sent.id, 'cancel')
      expect(await next('press')).toMatchObject({
        user: world.fran.id,
        button: 'say:cancel',
        on: sent.id,
        place: world.place,
      })
    })

    test('a private message reaches one person only, and the next one the same place', async () => {
      await chat.tellPrivately(world.nico.id, words('you are not configured'), { key: 'p1' })
      await chat.tellPrivately(world.nico.id, words('still not'), { key: 'p2' })
      const place = await until('the private place', 15_000, () => world.privateWith(world.nico))
      await look(place, (all) => all.length === 2)
      expect(await world.seen(world.place)).toEqual([])
      expect(await world.privateWith(world.fran)).toBeUndefined()
    })

    test('the same key twice is one message, also at the same time', async () => {
      const first = await chat.post(world.place, words('once'), { key: 'same' })
      const [second, third] = await Promise.all([
        chat.post(world.place, words('once'), { key: 'same' }),
        chat.post(world.place, words('once'), { key: 'same' }),
      ])
      const pair = await Promise.all([
        chat.post(world.place, words('pair'), { key: 'pair' }),
        chat.post(world.place, words('pair'), { key: 'pair' }),
      ])
      expect([second.id, third.id]).toEqual([first.id, first.id])
      expect(pair[0].id).toBe(pair[1].id)
      expect(await world.seen(world.place)).toHaveLength(2)
    })

    test('the same key after a restart is one message, in the room and in a thread', async () => {
      const asked = await world.nico.say('! drain server23 on p10')
      const room = await chat.post(world.place, words('card'), { key: 'k-room' })
      const thread = await chat.post(world.place, words('detail'), { key: 'k-thread', thread: asked })
      const restarted = await open()
      expect((await restarted.post(world.place, words('card'), { key: 'k-room', again: true })).id).toBe(room.id)
      expect(
        (await restarted.post(world.place, words('detail'), { key: 'k-thread', thread: asked, again: true })).id,
      ).toBe(thread.id)
      await restarted.post(world.place, words('new'), { key: 'k-new', again: true })
      expect((await world.seen(world.place)).map((s) => s.text.trim())).toEqual(['card', 'detail', 'new'])
    })

    test('other programs are marked as such, and the bot never hears itself', async () => {
      await chat.post(world.place, words('! drain server23 on p10'), { key: 'echo' })
      await world.robot.say('! drain server23 on p10')
      await marker()
      expect(told.filter((i) => !i.bot && i.user !== world.fran.id)).toEqual([])
    })

    test('an edit and a deletion come in with the message they are about', async () => {
      const id = await world.nico.say('! drain server23 on p10')
      await world.nico.edit(id, '! drain server24 on p10')
      expect(await next('edit')).toMatchObject({
        message: id,
        user: world.nico.id,
        text: expect.stringContaining('drain server24 on p10'),
      })
      await world.nico.remove(id)
      expect(await next('delete')).toMatchObject({ message: id, user: world.nico.id })
      expect(told.filter((i) => i.kind === 'text')).toHaveLength(1)
    })

    test('a mention notifies the person, and nobody else', async () => {
      await chat.post(
        world.place,
        { ...words('please approve'), mention: ['fran'] },
        { key: 'm', mentions: { fran: world.fran.id } },
      )
      const [seen] = await look(world.place, (all) => all.length === 1)
      expect(seen?.mentions).toEqual([world.fran.id])
    })

    test('hostile text is shown as it is and notifies nobody', async () => {
      const hostile = [
        '<script>alert(1)</script> <b>not bold</b> & &amp; &lt;',
        `<@${world.fran.id}> <!channel> <!here> @room @everyone ${world.fran.id}`,
        '*not bold* _not italic_ ~not struck~ `not code` [x](https://evil.example) <https://evil.example|click>',
        '```\nfence\n``` </pre></code></table> "quotes" \'single\' :rotating_light:',
      ]
      const message: Message = {
        blocks: [
          ...hostile.map((text) => ({ kind: 'text', text }) as const),
          { kind: 'heading', text: hostile[0] ?? '' },
          { kind: 'fields', rows: [[hostile[0] ?? '', [{ bold: hostile[2] ?? '' }, { code: hostile[3] ?? '' }]]] },
          { kind: 'table', columns: ['<b>'], rows: hostile.map((text) => [text.split('\n').join(' ')]) },
          { kind: 'code', text: hostile[3] ?? '' },
          { kind: 'text', text: [{ link: '<i>x</i>', url: 'javascript:alert(1)' }, { person: '<b>fran</b>' }] },
        ],
      }
      const sent = await chat.post(world.place, message, { key: 'hostile' })
      await chat.edit(sent, message, { key: 'hostile-2' })
      const [seen] = await look(world.place, (all) => all.length === 1)
      for (const text of hostile) for (const line of text.split('\n')) expect(seen?.text).toContain(line)
      expect(seen?.text).toContain('<i>x</i> (javascript:alert(1))')
      expect(seen?.mentions).toEqual([])
    })

    test('a text of any length is shown as far as it fits, and what was cut is said', async () => {
      const rows = Array.from({ length: 2_000 }, (_, i) => [`server${i}`, 'Ready', 'ä→🙂'.repeat(3)])
      const long: Message = {
        blocks: [
          { kind: 'text', text: 'head' },
          { kind: 'table', columns: ['NAME', 'STATUS', 'MORE'], rows },
          { kind: 'text', text: '🙂'.repeat(30_000) },
        ],
        buttons: [{ id: 'b', label: 'go on' }],
      }
      const sent = await chat.post(world.place, long, { key: 'long' })
      await chat.edit(sent, long, { key: 'long-2' })
      const [seen] = await look(world.place, (all) => all.length === 1)
      expect(seen?.text).toContain('head')
      expect(seen?.text).toContain('server10')
      expect(seen?.text).toContain('do not fit')
      expect(seen?.text).toContain('go on')
      expect(seen?.text.isWellFormed()).toBe(true)
    })

    test('a file is to be found with its name', async () => {
      await chat.upload(world.place, { name: 'drain-17.log', text: 'line 1\nline <2>' }, { key: 'file' })
      await look(world.place, (all) => all.some((s) => s.text.includes('drain-17.log')))
    })

    test('a place that does not exist is a clear no', async () => {
      await expect(
        chat.post({ chat: chat.name, id: 'C0NOWHERE' }, words('x'), { key: 'nowhere' }),
      ).rejects.toMatchObject({ code: 'CHAT-REJECTED' })
    })

    test('an aborted send is not sent', async () => {
      await expect(
        chat.post(world.place, words('x'), { key: 'aborted', signal: AbortSignal.abort() }),
      ).rejects.toThrow()
      expect(await world.seen(world.place)).toEqual([])
    })
  })
}

/** A platform that asks to slow down: `slowDown` brings it there, and waits are short enough to be waited for. */
export function limitContract(
  name: string,
  makeWorld: () => Promise<World & { readonly slowDown: () => Promise<void> }>,
): void {
  test(`chat contract: ${name}: asked to slow down, the send fails with the time to wait, and after it succeeds once`, async () => {
    const world = await makeWorld()
    const chat = await world.open()
    try {
      await world.slowDown()
      const send = () => chat.post(world.place, words('after the wait'), { key: 'limited' })
      const error: unknown = await send().catch((caught: unknown) => caught)
      expect(isLimited(error)).toBe(true)
      if (!isLimited(error)) return
      expect(error.code).toBe('CHAT-LIMITED')
      expect(error.retryAfterMs).toBeGreaterThan(0)
      expect(error.retryAfterMs).toBeLessThanOrEqual(10_000)
      await until('the platform takes it again', 20_000, () =>
        send().then(
          () => true,
          () => undefined,
        ),
      )
      await send()
      expect((await world.seen(world.place)).filter((s) => s.text.includes('after the wait'))).toHaveLength(1)
    } finally {
      await chat.stop()
      await world.stop()
    }
  })
}
