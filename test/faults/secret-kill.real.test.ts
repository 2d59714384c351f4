import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { LOCK } from '../bot/matrix-world.ts'
import { type SecretUser, secretUser } from '../lab/matrix-secret.ts'
import { attachSynapse, type MatrixEvent, type MatrixUser } from '../lab/matrix-user.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'

/** Calls of the homeserver at which the bot dies: while it publishes its keys for the first time, and while people talk to it. */
const AT_START = [5, 6, 7, 8]
const TALKING = Array.from({ length: 16 }, (_, i) => 5 + i)
const part = encodeURIComponent
const hangs = ({ content }: MatrixEvent, type: string, on: string | undefined): boolean => {
  const relation = content['m.relates_to'] as { rel_type?: string; event_id?: string } | undefined // the bot's own
  return relation?.rel_type === type && relation.event_id === on
}

await real(['synapse'], 'a bot in an encrypted room', (synapse) => {
  const ending: (() => void)[] = []
  afterEach(() => {
    for (const end of ending.splice(0)) end()
  })

  const bot = (dir: string, killAt: number) => {
    const file = join(import.meta.dirname, 'secret-child.ts')
    const child = spawn(process.execPath, [file, dir, String(killAt)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.on('data', (data: Buffer) => (said += data.toString()))
    ending.push(() => child.kill('SIGKILL'))
    const gone = once(child, 'exit').then(([code, signal]: unknown[]) => ({ code, signal, said }))
    return { child, gone }
  }
  const alive = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null
  const wire = async (user: MatrixUser, room: string): Promise<MatrixEvent[]> => {
    const all: MatrixEvent[] = []
    for (let from: string | undefined; ; ) {
      const page = await user.request(
        'GET',
        `/rooms/${part(room)}/messages?dir=b&limit=100${from === undefined ? '' : `&from=${part(from)}`}`,
      )
      all.push(...(page['chunk'] as MatrixEvent[])) // the lab's homeserver
      from = page['end'] as string | undefined // likewise
      if (from === undefined) return all.toReversed()
    }
  }
  const bodies = async (reader: SecretUser, room: string, sender: string): Promise<string[]> => {
    const sent = (await wire(reader, room)).filter((e) => e.sender === sender && e.type === 'm.room.encrypted')
    const open = await Promise.all(sent.map((event) => reader.open(event, room)))
    return open.map((event) => (event === undefined ? 'UNREADABLE' : `${event.content['body'] as string}`)) // only texts and files are sent
  }

  test(`killed -9 ${AT_START.length + TALKING.length} times in the middle, every message is read on both sides, once, and none is in plain text`, {
    timeout: 240_000,
  }, async () => {
    const { user, admin } = attachSynapse(synapse)
    const [sluice, plainNico, observer] = await Promise.all([user('sluice'), user('nico'), admin()])
    const nico = await secretUser(plainNico, synapse.url, sluice.id)
    ending.push(() => nico.stop())
    const room = await nico.createRoom({ invite: [sluice.id, observer.id], initial_state: [LOCK] })
    for (const one of [sluice, observer]) await one.join(room)
    const dir = mkdtempSync(join(lab().dir, 'kill'))
    const login = { homeserver: synapse.url, accessToken: sluice.token, nico: nico.id }
    writeFileSync(join(dir, 'login.json'), JSON.stringify(login))

    await nico.listen()
    const said = new Map<string, string>()
    const votes: string[] = []
    const say = async (what: string): Promise<string> => {
      const body = `${what} ${said.size}`
      const id = await nico.send(room, { msgtype: 'm.text', body: `${sluice.id}: ${body}` })
      said.set(id, body)
      if (said.size % 4 === 0) votes.push(await nico.react(room, id, '✅'))
      return id
    }
    /** As far as the homeserver sees: an event of the bot that hangs on another. */
    const onTo = (id: string | undefined, type: string): string | undefined =>
      nico.seen.find(({ event }) => event.sender === sluice.id && hangs(event, type, id))?.event.event_id
    const isAnswered = (id: string): boolean => onTo(onTo(id, 'm.thread'), 'm.replace') !== undefined

    for (const call of AT_START) {
      const { child, gone } = bot(dir, call)
      await until(`it dies at call ${call}`, 60_000, async () => {
        // So that it goes on reading.
        await nico.request('PUT', `/rooms/${part(room)}/state/m.room.topic/`, { topic: String(performance.now()) })
        return alive(child) ? undefined : true
      })
      expect(await gone).toMatchObject({ signal: 'SIGKILL' })
    }
    // What is said before the very first start is over is history.
    const first = bot(dir, 0)
    await once(first.child.stdout, 'data')
    first.child.kill('SIGKILL')
    await first.gone
    for (const call of TALKING) {
      const { child, gone } = bot(dir, call)
      while (alive(child)) {
        const id = await say(call % 5 === 0 ? 'picture' : 'tally')
        await until('it is answered, or killed', 60_000, () => (!alive(child) || isAnswered(id) ? true : undefined))
      }
      expect(await gone).toMatchObject({ signal: 'SIGKILL' })
    }
    const { child } = bot(dir, 0)
    await say('last')
    await until('everything is answered', 60_000, () => ([...said.keys()].every(isAnswered) ? true : undefined)).catch(
      () => expect([...said].filter(([id]) => !isAnswered(id)).map(([, text]) => text)).toEqual([]),
    )
    const answers = () => bodies(nico, room, sluice.id)
    await until('every vote is answered', 30_000, async () => {
      const all = await answers()
      return votes.every((vote) => all.some((body) => body.includes(vote))) ? true : undefined
    })
    child.kill('SIGKILL')

    const all = await answers()
    expect(all).not.toContain('UNREADABLE')
    const texts = [...said.values()]
    const pictures = texts.filter((text) => text.startsWith('picture'))
    const wanted = [
      ...texts.flatMap((text) => [`answer to ${text}`, `* the end of ${text}`]),
      ...votes.map((vote) => `vote ✅ of ${vote}`),
      ...pictures.map((text) => `picture for ${text}`),
    ]
    expect(all.toSorted()).toEqual(wanted.toSorted())

    const seen = (await wire(observer, room)).filter((e) => e.type.startsWith('m.room.') && 'body' in e.content)
    expect(seen).toEqual([])
    const text = JSON.stringify(await wire(observer, room))
    for (const word of ['answer to', 'the end of', 'picture', 'tally', 'secret pixels'])
      expect(text).not.toContain(word)
    const state = readFileSync(join(dir, 'state.json'), 'utf8')
    for (const word of ['pickle', 'answer', 'private']) expect(state).not.toContain(word)
    expect(readdirSync(join(dir, 'keys'))).toHaveLength(1)
  })
})
