import { createEmulator } from 'emulate'
import { expect, test } from 'vitest'
import type { Chat } from '../../src/bot/chat.ts'
import { openSlack } from '../../src/bot/slack.ts'
import { SluiceError } from '../../src/errors.ts'
import { silentLog } from '../../src/log.ts'
import type { Message } from '../../src/message.ts'
import { bringSlack } from '../lab/slack.ts'

const CARD: Message = {
  blocks: [
    { kind: 'heading', text: 'Drain <server23> & more' },
    { kind: 'text', text: ['asked at ', { time: Date.UTC(2026, 10, 25, 9, 3), shown: '10:03 CET' }] },
    { kind: 'table', columns: ['NAME'], rows: [['server23']] },
  ],
  buttons: [{ id: 'say:cancel', label: 'cancel' }],
}
type Peer = { readonly apiUrl: string; readonly token: string; readonly channel: string; readonly person: string }

/** Everything the adapter sends, on one server; what came of it, without ids and times. */
async function everything({ apiUrl, token, channel, person }: Peer): Promise<unknown> {
  const open = (): Promise<Chat> => openSlack({ mode: 'socket', botToken: token, apiUrl, log: silentLog })
  const chat = await open()
  const place = { chat: 'slack', id: channel } as const
  const card = await chat.post(place, CARD, { key: 'card', job: '17' })
  const inside = await chat.post(
    place,
    { blocks: [{ kind: 'text', text: 'detail' }] },
    { key: 'detail', thread: card.id },
  )
  await chat.edit(card, { ...CARD, blocks: [...CARD.blocks, { kind: 'text', text: 'edited' }] }, { key: 'card-2' })
  await chat.react(card, '✅', { key: 'r1' })
  await chat.react(card, '✅', { key: 'r2' })
  const restarted = await open()
  const again = [
    (await restarted.post(place, CARD, { key: 'card', again: true })).id === card.id,
    (await restarted.post(place, CARD, { key: 'detail', thread: card.id, again: true })).id === inside.id,
  ]
  await chat.tellPrivately(person, { blocks: [{ kind: 'text', text: 'privately' }] }, { key: 'p' })
  await chat.upload(
    place,
    { name: 'drain-17.log', mime: 'text/plain', data: 'line 1\nline 2' },
    { key: 'f', thread: card.id },
  )
  const errors = [
    await codeOf(chat.edit({ place, id: '1.000001' }, CARD, { key: 'e' })),
    await codeOf(chat.react({ place, id: '1.000001' }, '✅', { key: 'e2' })),
    await codeOf(chat.post({ chat: 'slack', id: 'C0NOWHERE' }, CARD, { key: 'e3' })),
    await codeOf(chat.tellPrivately('U0NOBODY', CARD, { key: 'e4' })),
  ]
  return { again, errors, messages: await thread(apiUrl, token, channel, card.id) }
}

async function codeOf(sending: Promise<unknown>): Promise<string> {
  const error: unknown = await sending.then(
    () => 'sent',
    (caught: unknown) => caught,
  )
  return error instanceof SluiceError ? error.message.replace(/ while [^:]*/, '') : String(error)
}

type Shown = {
  text?: string
  blocks?: unknown
  thread_ts?: string
  metadata?: unknown
  reactions?: { name: string; count: number; users: string[] }[]
  files?: { name: string }[]
}

async function thread(apiUrl: string, token: string, channel: string, ts: string): Promise<unknown> {
  const answer = await fetch(`${apiUrl}conversations.replies`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: new URLSearchParams({ channel, ts, include_all_metadata: 'true' }),
  })
  const { messages } = (await answer.json()) as { messages: Shown[] } // both servers are ours or pinned
  return messages.map((m) => ({
    text: m.files === undefined ? m.text : undefined,
    blocks: m.files === undefined ? m.blocks : undefined,
    metadata: m.metadata,
    reactions: m.reactions?.map((r) => [r.name, r.count, r.users.length]),
    files: m.files?.map((f) => f.name),
    inThread: m.thread_ts !== undefined && m.text !== messages[0]?.text,
  }))
}

test('what Sluice sends is answered alike by our Slack and by emulate, which others wrote', async () => {
  const lab = await bringSlack()
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      tokens: { 'xoxb-emulate': { login: 'sluice' } },
      slack: { users: [{ name: 'sluice' }, { name: 'nico' }], channels: [{ name: 'ops' }] },
    },
  })
  try {
    const url = emulator.url.replace('localhost', '127.0.0.1')
    const listed = await fetch(`${url}/api/users.list`, {
      method: 'POST',
      headers: { authorization: 'Bearer xoxb-emulate' },
    })
    const { members } = (await listed.json()) as { members: { id: string; name: string }[] } // a pinned server
    const person = members.find((m) => m.name === 'nico')?.id ?? ''
    const theirs = await everything({ apiUrl: `${url}/api/`, token: 'xoxb-emulate', channel: 'C000000001', person })
    const ours = await everything({
      apiUrl: lab.apiUrl,
      token: lab.botToken,
      channel: lab.channel('ops'),
      person: lab.user('nico'),
    })
    expect(ours).toEqual(theirs)
    expect(ours).toMatchObject({ again: [true, true] })
  } finally {
    await emulator.close()
    await lab.stop()
  }
})
