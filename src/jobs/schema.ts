import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import { keys } from '../store/keys.ts'
import { kept, script } from '../store/script.ts'
import type { Client } from '../store/store.ts'
import { storeTrouble } from '../store/trouble.ts'

/**
 * How jobs, their journals and what is queued for them are written; the audit log has a number of its own. Raised with every change that an older
 * program would misread, with its step in UPGRADES. 1: records say nothing of it. 2: a record says it and which program wrote it, and so does the store.
 */
export const SCHEMA = 2
/** As package.json has it. */
export const PROGRAM = '0.1.0'

/** What was written, as it was written. `schema` counts from 1. */
export type Stamp = { readonly schema: number; readonly program: string }
export const STAMP: Stamp = { schema: SCHEMA, program: PROGRAM }

type Stored = Readonly<Record<string, unknown>>
/** Number n - 1 makes a record of schema n one of schema n + 1. */
const UPGRADES: readonly ((older: Stored) => Stored)[] = [(older) => older]

const SILENT = 'a version that does not say which'
const stored = z.looseObject({ schema: z.int().min(1).default(1), program: z.string().default(SILENT) })

/** What an older program says of what a newer one wrote, and what to do. */
export const newer = (doing: string, { schema, program }: Stamp): SluiceError =>
  new SluiceError('STORE-NEWER', doing, {
    text: `it was written by Sluice ${program} (schema ${schema}), and this is Sluice ${PROGRAM}, which knows up to schema ${SCHEMA}`,
    next: `Run Sluice ${program} or newer. To go back to ${PROGRAM}, restore a backup that it made, onto an empty Redis.`,
  })

/** The text of a record, with what wrote it. */
export const stampRecord = (record: Stored): string => JSON.stringify({ ...STAMP, ...record })

function parsed(text: string, job: string): z.infer<typeof stored> {
  try {
    const found = stored.safeParse(JSON.parse(text))
    if (found.success) return found.data
  } catch {
    // no JSON: told below
  }
  throw new SluiceError('STORE-BAD', `reading job ${job}`)
}

/** A record's text as this program writes them; what older ones wrote is brought up to it. Throws STORE-NEWER, STORE-BAD. */
export function readStamped(text: string, job: string): Stored {
  const { schema, program, ...record } = parsed(text, job)
  if (schema > SCHEMA) throw newer(`reading job ${job}`, { schema, program })
  return UPGRADES.slice(schema - 1).reduce<Stored>((older, upgrade) => upgrade(older), record)
}

const markOf = ({ schema, program }: Stamp): string => `${schema} ${program}`

function readMark(text: string | null): Stamp | undefined {
  const [, schema, program = SILENT] = /^(\d+) (.+)$/.exec(text ?? '') ?? []
  return schema === undefined ? undefined : { schema: Number(schema), program }
}

/**
 * Never lowered: what a newer program wrote stays there when an older one comes. Nothing is written while a backup is being restored, nor where it stands already: a
 * store without room, or without its replicas, is no reason not to start. Each start writes it again should it be lost.
 */
const ENTER = script(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 'restoring' end
local was = redis.call('GET', KEYS[1]) or ''
if was ~= ARGV[2] and (tonumber(string.match(was, '^%d+')) or 0) <= tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[2]) end
return was`)

const OPENING = 'opening the store'
function refuse(was: Stamp | undefined): void {
  if (was !== undefined && was.schema > SCHEMA) throw newer(OPENING, was)
}

/** Before a program takes up work: writes down that it has been here. Throws STORE-NEWER when a newer one was here before, STORE-RESTORING. */
export async function enterStore(redis: Client): Promise<void> {
  // the script answers with the mark as it was
  const was = String(
    await ENTER(redis, [keys.schema, keys.restoring], [SCHEMA, markOf(STAMP)]).catch((error: unknown) => {
      throw storeTrouble(error, OPENING) ?? error
    }),
  )
  if (was === 'restoring') throw new SluiceError('STORE-RESTORING', OPENING)
  refuse(readMark(was))
}

/** The same for what works beside a bot and leaves no mark of its own. */
export async function mayRead(redis: Client): Promise<void> {
  const [mark, restoring] = await redis.mget(keys.schema, keys.restoring)
  if (typeof restoring === 'string') throw new SluiceError('STORE-RESTORING', OPENING)
  refuse(readMark(mark ?? null))
}

const OPEN = kept(`
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1`)

/** A restored store is whole: from here on a Sluice may start on it. */
export async function openAfterRestore(redis: Client): Promise<void> {
  await OPEN(redis, [keys.schema, keys.restoring], [markOf(STAMP)])
}
