import { setTimeout as pause } from 'node:timers/promises'
import { keys } from '../store/keys.ts'
import type { Client, Store } from '../store/store.ts'
import { storeTrouble } from '../store/trouble.ts'
import type { Code } from '../errors.ts'
import type { JobState, Transition } from './job.ts'

const BATCH = 200
const BLOCK_MS = 5_000

type Entry = readonly [id: string, fields: readonly string[]]

function transition([id, fields]: Entry): Transition {
  const at = (name: string): string => fields[fields.indexOf(name) + 1] ?? ''
  // written by the commit script from our own states and codes
  return {
    id,
    job: at('job'),
    state: at('state') as JobState,
    code: (at('code') || null) as Code | null,
    revision: Number(at('revision')),
  }
}

const AGAIN_MS = 200

async function next(redis: Client, after: string, blockMs: number): Promise<readonly Entry[]> {
  const reply: unknown = await redis.xread('COUNT', BATCH, 'BLOCK', blockMs, 'STREAMS', keys.transitions, after)
  // RESP3 answers with a map of streams, RESP2 with a list of pairs: there is one stream
  const [first] =
    reply === null || typeof reply !== 'object' ? [] : Array.isArray(reply) ? reply : Object.entries(reply)
  return Array.isArray(first) ? first[1] : []
}

/** Every committed transition after `after` (`0` = all), once and in order, then live until the signal aborts. */
export async function* transitions(store: Store, after: string, signal: AbortSignal): AsyncGenerator<Transition> {
  if (signal.aborted) return
  const redis = store.blocking()
  const stop = () => redis.disconnect()
  signal.addEventListener('abort', stop, { once: true })
  let seen = after
  const more = async (): Promise<readonly Entry[]> => {
    try {
      return await next(redis, seen, BLOCK_MS)
    } catch (error) {
      if (signal.aborted) return []
      // a failover ends a blocking read with an error (UNBLOCKED, READONLY, no more redirections)
      if (storeTrouble(error, 'reading transitions') === undefined) throw error
      await pause(AGAIN_MS)
      return []
    }
  }
  try {
    while (!signal.aborted) {
      for (const entry of await more()) {
        yield transition(entry)
        seen = entry[0]
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    redis.disconnect()
  }
}
