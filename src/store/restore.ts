import type { ChainableCommander } from 'ioredis'
import { SluiceError } from '../errors.ts'
import { namesOf, type Part } from './backup.ts'
import { keys } from './keys.ts'
import type { Client } from './store.ts'
import { storeTrouble } from './trouble.ts'

const DOING = 'restoring a backup'
const BATCH_ROWS = 2_000

async function firstKey(redis: Client): Promise<string | undefined> {
  for await (const names of namesOf(redis)) {
    const found = names.find((name) => name !== keys.restoring)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Shuts the door: from here on no Sluice starts on this Redis, until `opened`. Throws STORE-NOT-EMPTY where there is anything of ours already, and
 * STORE-RESTORING where a restore is under way or was cut off.
 */
export async function shutForRestore(redis: Client, who: string): Promise<void> {
  const found = await firstKey(redis)
  const isOurs = await redis.set(keys.restoring, who, 'NX')
  if (isOurs !== 'OK') throw new SluiceError('STORE-RESTORING', DOING)
  // looked at once more: a bot that came between the look and the door has left its mark
  const late = found ?? (await firstKey(redis))
  if (late === undefined) return
  await redis.del(keys.restoring)
  throw new SluiceError('STORE-NOT-EMPTY', DOING, { text: `there is already ${late}` })
}

function write(line: ChainableCommander, { key, type, rows, until, more }: Part): void {
  if (more !== true) line.del(key)
  const flat = rows.flat()
  if (type === 'string') line.set(key, flat[0] ?? '')
  else if (type === 'list') line.rpush(key, ...flat)
  else if (type === 'set') line.sadd(key, ...flat)
  else if (type === 'hash') line.hset(key, ...flat)
  else if (type === 'zset') for (const [member = '', score = '0'] of rows) line.zadd(key, score, member)
  else for (const [id = '', ...fields] of rows) line.xadd(key, id, ...fields)
  if (until !== undefined) line.pexpireat(key, until)
}

async function flush(redis: Client, parts: readonly Part[]): Promise<void> {
  const line = redis.pipeline()
  for (const part of parts) write(line, part)
  const failed = (await line.exec())?.find(([error]) => error !== null)?.[0]
  if (failed !== undefined && failed !== null) throw storeTrouble(failed, DOING) ?? failed
}

/** Writes the parts as they come. What has ended by itself since is left out. Throws STORE-FULL and the like: then the store stays shut. */
export async function restoreParts(redis: Client, parts: AsyncIterable<Part>, nowMs: number): Promise<void> {
  let waiting: Part[] = []
  let rows = 0
  for await (const part of parts) {
    if (part.until !== undefined && part.until <= nowMs) continue
    waiting.push(part)
    rows += part.rows.length
    if (rows < BATCH_ROWS) continue
    await flush(redis, waiting)
    waiting = []
    rows = 0
  }
  await flush(redis, waiting)
}
