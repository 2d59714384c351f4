import { createHash } from 'node:crypto'
import { keys } from './keys.ts'
import type { Client } from './store.ts'
import { storeTrouble } from './trouble.ts'

const DOING = 'storing what must not be lost'

export type Script = (redis: Client, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>
/** A script as it is sent: in full, or by its SHA-1. */
export type Source = { readonly lua: string; readonly sha: string }
/** Runs a script and resolves when what it wrote survives the loss of the server it was written on. */
export type Keep = (source: Source, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>

const sourceOf = (lua: string): Source => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

/** A Lua script, sent in full the first time, and by its SHA-1 from then on: so it stands in the order of the commands around it. */
export function script(lua: string): Script {
  return plain(sourceOf(lua))
}

function plain({ lua, sha }: Source): Script {
  const told = new WeakSet<Client>()
  return async (redis, keys, args) => {
    if (!told.has(redis)) {
      told.add(redis)
      return redis.eval(lua, keys.length, ...keys, ...args)
    }
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return redis.eval(lua, keys.length, ...keys, ...args)
    }
  }
}

/** What `openStore` says of its connections: how a script of `kept` is run on them, or undefined where nothing has to be waited for. */
const keepers = new WeakMap<Client, () => Keep | undefined>()
export const keepBy = (redis: Client, keep: () => Keep | undefined): void => void keepers.set(redis, keep)

/**
 * A script whose writes must not be lost: where there are replicas, it resolves when one of them has them too, and throws STORE-NOT-REPLICATED
 * when none says so in time; STORE-FULL, STORE-READONLY and STORE-UNREACHABLE when the server does not take it. It may have been written then: a kept script is one that may be run again, and whose second run writes again,
 * because an answer without a write proves nothing of the first. `luaWhenKept`: the same with such a write, where that would cost something elsewhere.
 */
export function kept(lua: string, luaWhenKept = lua): Script {
  const run = plain(sourceOf(lua))
  const source = sourceOf(luaWhenKept)
  return async (redis, keys, args) => {
    const keep = keepers.get(redis)?.()
    try {
      return await (keep === undefined ? run(redis, keys, args) : keep(source, keys, args))
    } catch (error) {
      throw storeTrouble(error, DOING) ?? error
    }
  }
}

const READ = `return redis.call('GET', KEYS[1]) or ''`
const CONFIRM = kept(READ, `redis.call('INCR', KEYS[2])\n${READ}`)

/**
 * What stands under a key, said by the very server that keeps it: where there are replicas, one of them has it too. Before somebody is told what
 * an earlier attempt wrote, because after a failover the line that reads may hang on another server than the one that writes.
 * Throws STORE-NOT-REPLICATED. Costs no write elsewhere.
 */
export async function keptValue(redis: Client, key: string): Promise<string | undefined> {
  const value = String(await CONFIRM(redis, [key, keys.confirmed], []))
  return value === '' ? undefined : value
}

const SETTLE = kept(`redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'NX')
redis.call('INCR', KEYS[2])
return redis.call('GET', KEYS[1])`)

/** Writes a value where there is none, kept; gives what stands there then. Throws as `kept` does. */
export const settleKept = async (redis: Client, key: string, value: string, seconds: number): Promise<string> =>
  String(await SETTLE(redis, [key, keys.confirmed], [value, seconds]))
