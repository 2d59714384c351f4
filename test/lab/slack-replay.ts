import { createEmulator } from 'emulate'
import { z } from 'zod'

/** A call that our Slack carried out, with the time stamp it gave. */
export type Call = {
  readonly method: string
  readonly args: Readonly<Record<string, string>>
  ok?: boolean
  ts?: string
}

const TOKEN = 'xoxb-replay'
const SAYING = new Set(['chat.postMessage', 'chat.update'])
const answerShape = z.looseObject({ ok: z.boolean(), ts: z.string().optional() })

/**
 * Says everything that was said to our Slack once more, to one that others wrote, and gives what that one does not accept.
 * Places are all one there; a thread under a person's own message is left out, as nobody speaks for people.
 */
export async function replay(calls: readonly Call[]): Promise<string[]> {
  const said = calls.filter((call) => call.ok === true && SAYING.has(call.method))
  if (said.length === 0) return []
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: 'sluice' } },
      slack: { users: [{ name: 'sluice' }], channels: [{ name: 'ops' }] },
    },
  })
  try {
    const url = emulator.url.replace('localhost', '127.0.0.1')
    return await sayAll(`${url}/api/`, said)
  } finally {
    await emulator.close()
  }
}

async function sayAll(apiUrl: string, said: readonly Call[]): Promise<string[]> {
  const theirs = new Map<string, string>()
  const complaints: string[] = []
  for (const { method, args, ts } of said) {
    const { thread_ts, ts: edited, ...rest } = args
    const to = theirs.get(edited ?? '')
    if (method === 'chat.update' && to === undefined) continue
    const thread = theirs.get(thread_ts ?? '')
    const body = new URLSearchParams({
      ...rest,
      channel: 'C000000001',
      ...(to === undefined ? {} : { ts: to }),
      ...(thread === undefined ? {} : { thread_ts: thread }),
    })
    const answer = await fetch(`${apiUrl}${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body,
    })
    const got = answerShape.parse(await answer.json())
    if (!got.ok) complaints.push(`emulate, ${method}: ${JSON.stringify(got)}`)
    if (method === 'chat.postMessage' && ts !== undefined && got.ts !== undefined) theirs.set(ts, got.ts)
  }
  return complaints
}
