import { createDecipheriv, createHash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import { openMatrix, type MatrixOptions } from '../../src/bot/matrix.ts'
import { silentLog } from '../../src/log.ts'
import { holdKeys } from '../lab/matrix-hold.ts'
import type { SecretUser } from '../lab/matrix-secret.ts'
import type { MatrixEvent, MatrixUser } from '../lab/matrix-user.ts'
import { real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { words } from './chat-messages.ts'
import { LOCK, type MatrixWorld, matrixWorld } from './matrix-world.ts'

const part = encodeURIComponent
const WAIT_MS = 15_000

await real(['synapse'], 'encrypted Matrix rooms on a real Synapse', (synapse) => {
  const ending: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end()
  })
  type Secret = MatrixWorld & { readonly users: { readonly nico: SecretUser; readonly fran: SecretUser } }
  const world = async (how: Parameters<typeof matrixWorld>[2] = { encrypted: true }): Promise<Secret> => {
    const made = (await matrixWorld(synapse, '12', how)) as Secret // people whose clients encrypt, as `how` says
    ending.push(() => made.stop())
    return made
  }
  const start = async ({ open }: Pick<MatrixWorld, 'open'>, told: Incoming[] = []): Promise<Chat> => {
    const chat = await open()
    ending.push(() => chat.stop())
    await chat.start(async (incoming) => void told.push(incoming))
    return chat
  }
  const texts = (told: readonly Incoming[]) => told.flatMap((i) => (i.kind === 'text' ? [i.text] : []))
  const hear = (told: readonly Incoming[], text: string) =>
    until(`${text} is told`, WAIT_MS, () => (texts(told).includes(text) ? true : undefined))
  /** The room's events as the homeserver has them, oldest first. */
  const wire = async (user: MatrixUser, room: string): Promise<MatrixEvent[]> => {
    const answer = await user.request('GET', `/rooms/${part(room)}/messages?dir=b&limit=200`)
    return (answer['chunk'] as MatrixEvent[]).toReversed() // the lab's homeserver
  }
  const bodies = async (user: SecretUser, room: string): Promise<string[]> => {
    const all = await Promise.all((await wire(user, room)).map((event) => user.open(event, room)))
    return all.flatMap((event) => (event?.type === 'm.room.message' ? [String(event.content['body'])] : []))
  }
  const room = (at: MatrixWorld): string => at.place.id

  const lock = (here: MatrixWorld) =>
    here.users.nico.request('PUT', `/rooms/${part(room(here))}/state/m.room.encryption/`, LOCK.content)
  const plainOf = async (here: MatrixWorld): Promise<unknown[]> =>
    (await wire(here.users.nico, room(here)))
      .filter((e) => e.sender === here.bot.id && 'body' in e.content)
      .map((e) => e.content['body'])

  test('where encryption is switched on, a bot that was not told sends nothing more in plain text', async () => {
    const here = await world({ able: true })
    const chat = await here.open()
    ending.push(() => chat.stop())
    const sent = await chat.post(here.place, words('in plain'), { key: 'k1' })
    await lock(here)
    await chat.post(here.place, words('sealed'), { key: 'k2' })
    await chat.edit(sent, words('an edit'), { key: 'k3' })
    expect(await plainOf(here)).toEqual(['in plain'])
    expect(await bodies(here.users.nico, room(here))).toEqual(['in plain', 'sealed', '* an edit'])
  })

  test('nor does one that was told', async () => {
    const here = await world({ able: true })
    const told: Incoming[] = []
    const chat = await start(here, told)
    await chat.post(here.place, words('in plain'), { key: 'k1' })
    await lock(here)
    await here.users.nico.sees(room(here))
    await here.users.nico.send(room(here), `${here.bot.id}: now`)
    await hear(told, 'now')
    await chat.post(here.place, words('sealed'), { key: 'k2' })
    expect(await plainOf(here)).toEqual(['in plain'])
    expect(await bodies(here.users.nico, room(here))).toContain('sealed')
  })

  test('a key that comes late: the message is told then, also by a bot that was started since', async () => {
    const line = await holdKeys(synapse.url)
    ending.push(() => line.stop())
    const here = await world({ encrypted: true, bot: { homeserver: line.url } })
    const told: Incoming[] = []
    const first = await start(here, told)
    line.hold()
    await here.users.nico.send(room(here), `${here.bot.id}: early`)
    await until('it is kept', WAIT_MS, () => (here.state.get('unread')?.includes('m.megolm') ? true : undefined))
    await first.stop()
    const again = await start(here, told)
    expect(told).toEqual([])
    line.release()
    await here.users.fran.react(room(here), (await again.post(here.place, words('card'), { key: 'k' })).id, '✅')
    await hear(told, 'early')
    expect(texts(told)).toEqual(['early'])
    expect(JSON.parse(here.state.get('unread') ?? '')).toMatchObject({ events: [] })
  })

  test('a key that never comes: the room is told once, and hears no more of it', async () => {
    const line = await holdKeys(synapse.url)
    ending.push(() => line.stop())
    const here = await world({ encrypted: true, bot: { homeserver: line.url, patienceMs: 0 } })
    const told: Incoming[] = []
    await start(here, told)
    line.hold()
    for (const text of ['one', 'two', 'three']) await here.users.nico.send(room(here), `${here.bot.id}: ${text}`)
    const kept = (): number => here.state.get('unread')?.split('m.megolm').length ?? 0
    await until('all are kept', WAIT_MS, () => (kept() === 4 ? true : undefined))
    await here.users.fran.react(room(here), (await wire(here.users.nico, room(here))).at(-1)?.event_id ?? '', '👀')
    const notices = async () => (await bodies(here.users.nico, room(here))).filter((b) => b.includes('CHAT-UNREADABLE'))
    await until('the room is told', WAIT_MS, async () => ((await notices()).length > 0 ? true : undefined))
    await here.users.nico.react(room(here), (await wire(here.users.nico, room(here))).at(-1)?.event_id ?? '', '✅')
    await until('the reaction is told', WAIT_MS, () => told.find((i) => i.kind === 'reaction'))
    expect(await notices()).toHaveLength(1)
    expect((await notices())[0]).toContain(here.users.nico.id)
    line.release()
    for (const text of ['four']) await here.users.nico.send(room(here), `${here.bot.id}: ${text}`)
    await hear(told, 'four')
    expect(texts(told)).toEqual(['one', 'two', 'three', 'four'])
  })

  test('a message in plain text is not taken in an encrypted room, and said so once; a reaction is', async () => {
    const here = await world()
    const told: Incoming[] = []
    const chat = await start(here, told)
    const sent = await chat.post(here.place, words('approve?'), { key: 'q' })
    const forged = { msgtype: 'm.text', body: `${here.bot.id}: drain server23` }
    for (let n = 0; n < 2; n++)
      await here.users.nico.request('PUT', `/rooms/${part(room(here))}/send/m.room.message/plain${n}`, forged)
    await here.users.fran.react(room(here), sent.id, '✅')
    await until('the vote is told', WAIT_MS, () => told.find((i) => i.kind === 'reaction'))
    expect(texts(told)).toEqual([])
    const notices = async () => (await bodies(here.users.fran, room(here))).filter((b) => b.includes('CHAT-PLAIN'))
    await until('the room is told', WAIT_MS, async () => ((await notices()).length === 1 ? true : undefined))
  })

  test('what was rightly said in plain text before the switch is taken, also after a time away', async () => {
    const here = await world({ able: true })
    const told: Incoming[] = []
    await (await start(here)).stop()
    await here.users.nico.send(room(here), `${here.bot.id}: before`)
    await lock(here)
    const forged = { msgtype: 'm.text', body: `${here.bot.id}: after` }
    await here.users.nico.request('PUT', `/rooms/${part(room(here))}/send/m.room.message/plain`, forged)
    await here.users.nico.sees(room(here))
    await start(here, told)
    await here.users.nico.send(room(here), `${here.bot.id}: sealed`)
    await hear(told, 'sealed')
    expect(texts(told)).toEqual(['before', 'sealed'])
  })

  test('a redaction inside an encrypted event takes nobody’s vote away', async () => {
    const here = await world()
    const told: Incoming[] = []
    const chat = await start(here, told)
    const sent = await chat.post(here.place, words('approve?'), { key: 'q' })
    const vote = await here.users.fran.react(room(here), sent.id, '✅')
    const forged = await here.users.nico.seal(room(here), { redacts: vote }, 'm.room.redaction')
    await here.users.nico.request('PUT', `/rooms/${part(room(here))}/send/m.room.encrypted/forged`, forged)
    await here.users.nico.send(room(here), `${here.bot.id}: marker`)
    await hear(told, 'marker')
    expect(told.filter((i) => i.kind === 'reaction' && !i.added)).toEqual([])
    expect(told.filter((i) => i.kind === 'delete')).toEqual([])
  })

  test('who left gets no further key, who is invited reads what is said from then on', async () => {
    const here = await world()
    const told: Incoming[] = []
    const chat = await start(here, told)
    const { nico, fran } = here.users
    const session = async (key: string) => {
      const { id } = await chat.post(here.place, words(key), { key })
      return (await wire(nico, room(here))).find((e) => e.event_id === id)?.content['session_id']
    }
    const both = await session('both')
    expect(await session('both again')).toBe(both)
    await fran.request('POST', `/rooms/${part(room(here))}/leave`, {})
    await nico.send(room(here), `${here.bot.id}: she is gone`)
    await hear(told, 'she is gone')
    const without = await session('without fran')
    expect(without).not.toBe(both)
    await nico.invite(room(here), fran.id)
    await nico.send(room(here), `${here.bot.id}: she may come back`)
    await hear(told, 'she may come back')
    await session('while invited')
    await fran.join(room(here))
    await until('fran reads it', WAIT_MS, async () =>
      (await bodies(fran, room(here))).includes('while invited') ? true : undefined,
    )
    expect(await bodies(fran, room(here))).not.toContain('without fran')
  })

  test('a picture goes up sealed: nothing of it is on the homeserver, and people open it as the specification says', async () => {
    const here = await world()
    const chat = await start(here)
    const data = Buffer.from('\u0089PNG a picture that nobody else shall see')
    await chat.upload(here.place, { name: 'plan.png', mime: 'image/png', data, alt: 'the plan' }, { key: 'p' })
    const all = await Promise.all(
      (await wire(here.users.nico, room(here))).map((e) => here.users.nico.open(e, room(here))),
    )
    const content = all.find((e) => e?.content['msgtype'] === 'm.image')?.content
    type File = { url: string; v: string; iv: string; key: { k: string; alg: string }; hashes: { sha256: string } }
    const file = content?.['file'] as File // what the test is about
    expect(content).toMatchObject({
      body: 'the plan',
      filename: 'plan.png',
      file: { v: 'v2', key: { alg: 'A256CTR' } },
    })
    expect(content).not.toHaveProperty('url')
    const path = `/_matrix/client/v1/media/download/${file.url.replace('mxc://', '')}`
    const answer = await fetch(synapse.url + path, { headers: { authorization: `Bearer ${here.users.nico.token}` } })
    const sealed = Buffer.from(await answer.arrayBuffer())
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    expect(answer.headers.get('content-disposition') ?? '').not.toContain('plan')
    expect(createHash('sha256').update(sealed).digest('base64').replace(/=+$/, '')).toBe(file.hashes.sha256)
    const cipher = createDecipheriv('aes-256-ctr', Buffer.from(file.key.k, 'base64url'), Buffer.from(file.iv, 'base64'))
    expect(Buffer.concat([cipher.update(sealed), cipher.final()])).toEqual(data)
  })

  test('a device is signed by its owner; keys that are lost are told by their code, plain rooms go on, and a new login mends it', async () => {
    const here = await world()
    await (await start(here)).stop()
    const known = await here.users.nico.request('POST', '/keys/query', { device_keys: { [here.bot.id]: [] } })
    type Known = Record<string, Record<string, { signatures: Record<string, object> }>>
    const [device] = Object.values((known['device_keys'] as Known)[here.bot.id] ?? {}) // the lab's homeserver
    expect(Object.keys(device?.signatures[here.bot.id] ?? {})).toHaveLength(2)
    for (const file of readdirSync(here.keysDir)) rmSync(join(here.keysDir, file))
    const plain = await here.users.nico.createRoom({ invite: [here.bot.id] })
    await here.bot.join(plain)
    const told: Incoming[] = []
    const lost = await start(here, told)
    const refused = lost.post(here.place, words('sealed'), { key: 'lost' })
    await expect(refused).rejects.toMatchObject({ code: 'CHAT-KEYS-LOST', next: expect.stringContaining('anew') })
    await lost.post({ chat: 'matrix', id: plain }, words('still here'), { key: 'plain' })
    await here.users.nico.send(plain, `${here.bot.id}: and heard`)
    await hear(told, 'and heard')
    await lost.stop()

    const accessToken = await here.login()
    const mended = await start({ open: () => openMatrix({ ...options(here), accessToken }) }, told)
    await mended.post(here.place, words('readable again'), { key: 'mended' })
    expect(await bodies(here.users.nico, room(here))).toContain('readable again')
    await here.users.nico.send(room(here), `${here.bot.id}: and back`)
    await hear(told, 'and back')
  })
  const options = (here: MatrixWorld): MatrixOptions => ({
    homeserver: synapse.url,
    accessToken: here.bot.token,
    state: { load: async (key) => here.state.get(key), save: async (key, value) => void here.state.set(key, value) },
    invitesFrom: [],
    keysDir: here.keysDir,
    log: silentLog,
  })

  test('of two processes on one folder the newer has the keys, and the older sends nothing more', async () => {
    const here = await world()
    const older = await start(here)
    await older.post(here.place, words('one'), { key: 'k1' })
    const newer = await start(here)
    await newer.post(here.place, words('two'), { key: 'k2' })
    await expect(older.post(here.place, words('three'), { key: 'k3' })).rejects.toMatchObject({ code: 'CHAT-KEYS' })
    expect(await bodies(here.users.nico, room(here))).toEqual(['one', 'two'])
  })

  test('without a folder for keys an encrypted room is refused; a bot in plain rooms makes no keys', async () => {
    const here = await world()
    const none = await openMatrix({ ...options(here), keysDir: undefined })
    await expect(none.post(here.place, words('x'), { key: 'k' })).rejects.toMatchObject({
      code: 'CHAT-REJECTED',
      message: expect.stringContaining('encrypted'),
    })
    const open = await world({ able: true })
    await (await start(open)).post(open.place, words('in plain'), { key: 'k' })
    expect(readdirSync(open.keysDir)).toEqual([])
    await (await start(here)).post(here.place, words('sealed'), { key: 'k2' })
    expect(readdirSync(here.keysDir).map((file) => statSync(join(here.keysDir, file)).mode & 0o777)).toEqual([0o600])
    expect([...here.state.values()].join(' ')).not.toMatch(/pickle|private|curve25519/)
  })
})
