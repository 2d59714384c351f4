import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import { openMatrix } from '../../src/bot/matrix.ts'
import { silentLog } from '../../src/log.ts'

/**
 * A bot of its own process in Matrix, with state and keys in a folder: `secret-child.ts DIR KILL-AT`, where DIR/login.json says who it
 * is. It answers each text in its thread and edits the answer, answers each vote, and sends a picture when asked. It kills itself with
 * SIGKILL at its n-th call of the homeserver (odd: before it, even: when the answer is here; 0: never).
 */
const [dir = '', killAt = '0'] = process.argv.slice(2)
const login = z
  .object({ homeserver: z.string(), accessToken: z.string(), nico: z.string() })
  .parse(JSON.parse(readFileSync(join(dir, 'login.json'), 'utf8')))
const file = join(dir, 'state.json')

const read = (): Record<string, string> => {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {}
  }
}
const state = read()
const save = async (key: string, value: string): Promise<void> => {
  state[key] = value
  writeFileSync(`${file}.tmp`, JSON.stringify(state))
  renameSync(`${file}.tmp`, file)
}

let calls = 0
const { fetch } = globalThis
globalThis.fetch = async (...call) => {
  const last = ++calls === Number(killAt)
  if (last && calls % 2 === 1) process.kill(process.pid, 'SIGKILL')
  const answer = await fetch(...call)
  if (last) process.kill(process.pid, 'SIGKILL')
  return answer
}

const words = (text: string) => ({ blocks: [{ kind: 'text', text }] }) as const

async function answer(chat: Chat, heard: Incoming): Promise<void> {
  const key = heard.event
  if (heard.kind === 'reaction') await chat.post(heard.place, words(`vote ${heard.name} of ${key}`), { key: `v${key}` })
  if (heard.kind !== 'text') return
  const options = { key: `a${key}`, thread: heard.message }
  const sent = await chat.post(heard.place, words(`answer to ${heard.text}`), options)
  await chat.edit(sent, words(`the end of ${heard.text}`), { key: `e${key}` })
  if (!heard.text.includes('picture')) return
  const picture = { name: 'p.png', mime: 'image/png', data: 'secret pixels', alt: `picture for ${heard.text}` } as const
  await chat.upload(heard.place, picture, { key: `p${key}` })
}

const chat = await openMatrix({
  homeserver: login.homeserver,
  accessToken: login.accessToken,
  state: { load: async (key) => state[key], save },
  invitesFrom: [login.nico],
  keysDir: join(dir, 'keys'),
  log: silentLog,
})
// What is answered here is what a bot stores before it acknowledges: a kill in between repeats it with the same keys.
await chat.start((incoming) => answer(chat, incoming))
process.stdout.write('ready\n')
