import type { MatrixUser } from '../lab/matrix-user.ts'
import type { MatrixEvent } from '../lab/matrix-user.ts'

type Batch = {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<Record<string, { readonly timeline: { readonly events: readonly MatrixEvent[] } }>>
  }
}
const LONG_MS = 20_000

/** Whoever waits for a number hears when it is first seen, by performance.now(). */
export type Numbers = {
  readonly seen: (text: string) => void
  readonly wait: (number: number, limitMs: number) => Promise<number>
}

/** Every request carries a number of its own, and its reply carries it too. */
export function numbers(): Numbers {
  const waiting = new Map<number, (atMs: number) => void>()
  return {
    seen: (text) => {
      const atMs = performance.now()
      for (const [digits] of text.matchAll(/\d{5,}/g)) {
        waiting.get(Number(digits))?.(atMs)
        waiting.delete(Number(digits))
      }
    },
    wait: (number, limitMs) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no reply to ${number} within ${limitMs} ms`)), limitMs)
        waiting.set(number, (atMs) => {
          clearTimeout(late)
          resolve(atMs)
        })
      }),
  }
}

/** A person's own /sync, of messages of some senders only: how people see a reply, and nothing that would burden the homeserver beside it. */
export async function watch(person: MatrixUser, senders: readonly string[], heard: Numbers): Promise<() => void> {
  const none = { types: [] }
  const filter = encodeURIComponent(
    JSON.stringify({
      presence: none,
      account_data: none,
      room: {
        timeline: { limit: 100, senders, types: ['m.room.message'] },
        state: none,
        ephemeral: none,
        account_data: none,
      },
    }),
  )
  let stopped = false
  const sync = async (since: string | undefined): Promise<string> => {
    const from = since === undefined ? 'timeout=0' : `timeout=${LONG_MS}&since=${encodeURIComponent(since)}`
    // a lab reads its own homeserver
    const batch = (await person.request('GET', `/sync?filter=${filter}&${from}`)) as unknown as Batch
    if (since !== undefined)
      for (const { timeline } of Object.values(batch.rooms?.join ?? {}))
        for (const event of timeline.events) heard.seen(JSON.stringify(event.content['body'] ?? ''))
    return batch.next_batch
  }
  let since = await sync(undefined)
  const loop = async (): Promise<void> => {
    while (!stopped) since = await sync(since)
  }
  // it ends with the homeserver; a reply that is then missing is told by whoever waits for it
  loop().catch(() => {})
  return () => {
    stopped = true
  }
}
