import { expect } from 'vitest'
import type { Message } from '../../src/message.ts'
import { until } from '../lab/process.ts'
import type { Case } from './chat.contract.ts'
import { CARD, words } from './chat-messages.ts'

/** What goes out: cards, edits, threads, reactions, private messages, each key once, and nothing hostile through. */
export const SAYS: Readonly<Record<string, Case>> = {
  'a card is posted, and edited in place': async ({ world, chat, look }) => {
    const sent = await chat.post(world.place, CARD, { key: 'card', job: '17' })
    const [before] = await look(world.place, (seen) => seen.length === 1)
    expect(before?.id).toBe(sent.id)
    for (const part of [
      'Drain server23 on p10',
      'asked by',
      '10:03 CET',
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
  },

  'an answer goes into the thread of a message': async ({ world, chat, look }) => {
    const asked = await world.nico.say('! drain server23 on p10')
    await chat.post(world.place, words('working on it'), { key: 'answer', thread: asked })
    const [seen] = await look(world.place, (all) => all.length === 1)
    expect(seen).toMatchObject({ text: expect.stringContaining('working on it'), thread: asked })
    // An answer to an answer stays in the same thread.
    const inside = await world.nico.say('and?', { thread: asked })
    await chat.post(world.place, words('still'), { key: 'answer-2', thread: asked })
    expect(inside).not.toBe(asked)
    await look(world.place, (all) => all.length === 2 && all.every((s) => s.thread === asked))
  },

  'the bot reacts, also when it has reacted before': async ({ world, chat, open, look }) => {
    const sent = await chat.post(world.place, words('approve?'), { key: 'q' })
    await chat.react(sent, '✅', { key: 'r1' })
    await chat.react(sent, '❌', { key: 'r2' })
    await (await open()).react(sent, '✅', { key: 'r3' })
    const [seen] = await look(world.place, (all) => all[0]?.reactions.length === 2)
    expect([...(seen?.reactions ?? [])].sort()).toEqual(['✅', '❌'].sort())
  },

  'the bot takes its reaction back, and one that is not there': async ({ world, chat, open, look }) => {
    const sent = await chat.post(world.place, words('working'), { key: 'q' })
    await chat.react(sent, '👀', { key: 'r1' })
    await world.fran.react(sent.id, '👀')
    await look(world.place, (all) => all[0]?.reactions.length === 1)
    await (await open()).unreact(sent, '👀', { key: 'u1' })
    await chat.unreact(sent, '👀', { key: 'u2' })
    await look(world.place, (all) => all[0]?.reactions.length === 0)
  },

  'a private message reaches one person only, and the next one the same place': async ({ world, chat, look }) => {
    await chat.tellPrivately(world.nico.id, words('you are not configured'), { key: 'p1' })
    await chat.tellPrivately(world.nico.id, words('still not'), { key: 'p2' })
    const place = await until('the private place', 15_000, () => world.privateWith(world.nico))
    await look(place, (all) => all.length === 2)
    expect(await world.seen(world.place)).toEqual([])
    expect(await world.privateWith(world.fran)).toBeUndefined()
  },

  'the same key twice is one message, also at the same time': async ({ world, chat }) => {
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
  },

  'the same key after a restart is one message, in the room and in a thread': async ({ world, chat, open }) => {
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
  },

  'a mention notifies the person, and nobody else': async ({ world, chat, look }) => {
    await chat.post(
      world.place,
      { ...words('please approve'), mention: ['fran'] },
      { key: 'm', mentions: { fran: world.fran.id } },
    )
    const [seen] = await look(world.place, (all) => all.length === 1)
    expect(seen?.mentions).toEqual([world.fran.id])
  },

  'hostile text is shown as it is and notifies nobody': async ({ world, chat, look }) => {
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
  },

  'a text of any length is shown as far as it fits, and what was cut is said': async ({ world, chat, look }) => {
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
    // where a message has a greatest length, the whole text follows as a file
    const seen = (await look(world.place, (all) => all.some((s) => s.id === sent.id))).find((s) => s.id === sent.id)
    expect(seen?.text).toContain('head')
    expect(seen?.text).toContain('server10')
    if (world.endless === true) expect(seen?.text).toContain('server1999')
    else expect(seen?.text).toContain('do not fit')
    expect(seen?.text).toContain('go on')
    expect(seen?.text.isWellFormed()).toBe(true)
  },

  'a file is to be found with its name': async ({ world, chat, look }) => {
    await chat.upload(
      world.place,
      { name: 'drain-17.log', mime: 'text/plain', data: 'line 1\nline <2>' },
      { key: 'file' },
    )
    await look(world.place, (all) => all.some((s) => s.text.includes('drain-17.log')))
  },

  'a place that does not exist is a clear no': async ({ chat }) => {
    await expect(chat.post({ chat: chat.name, id: 'C0NOWHERE' }, words('x'), { key: 'nowhere' })).rejects.toMatchObject(
      { code: 'CHAT-REJECTED' },
    )
  },

  'an aborted send is not sent': async ({ world, chat }) => {
    await expect(chat.post(world.place, words('x'), { key: 'aborted', signal: AbortSignal.abort() })).rejects.toThrow()
    expect(await world.seen(world.place)).toEqual([])
  },
}
