import { userInfo } from 'node:os'
import { basename } from 'node:path'
import { SluiceError } from '../errors.ts'
import { verifyAudit } from '../jobs/audit.ts'
import { openRecords } from '../jobs/record.ts'
import { OPEN, type Settled, settleRestored } from '../jobs/restored.ts'
import { newer, openAfterRestore, SCHEMA, STAMP } from '../jobs/schema.ts'
import { makeLog } from '../log.ts'
import { backupParts } from '../store/backup.ts'
import { type Header, partsIn, proveBackup, type Sum, writeBackup } from '../store/backup-file.ts'
import { openStore } from '../store/open.ts'
import { restoreParts, shutForRestore } from '../store/restore.ts'
import type { Client } from '../store/store.ts'
import { type AuditOptions, counted, print, verdict, withLog } from './audit.ts'
import { readConfig } from './read-config.ts'
import { storeAt } from './redis.ts'

const clock = { now: Date.now }
const TRIES = 3

/** Ends between two of them when the process is told to stop. */
async function* until<T>(signal: AbortSignal, all: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const one of all) {
    signal.throwIfAborted()
    yield one
  }
}

/** Writes everything of ours into a file; again when the audit log was trimmed, or words were taken away, meanwhile. Throws BACKUP-BAD, BACKUP-MOVED. */
export async function backUp(file: string, redis: Client, signal: AbortSignal): Promise<Sum> {
  const header = { ...STAMP, atMs: Date.now() }
  for (let tries = 1; ; tries++) {
    try {
      return await writeBackup(file, header, () => until(signal, backupParts(redis, OPEN, Date.now)), Date.now)
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'BACKUP-MOVED' || tries === TRIES) throw error
    }
  }
}

const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** `sluice backup FILE`: everything of ours in one file; the bot may run meanwhile. */
export async function runBackup(file: string, options: AuditOptions, signal: AbortSignal): Promise<number> {
  return withLog(options, signal, async (redis) => {
    const { bytes, jobs } = await backUp(file, redis, signal)
    print(`${counted(jobs, 'job')}, ${size(bytes)}: ${file}`)
    return 0
  })
}

/** Throws STORE-NEWER when a newer program made the backup. */
const readable =
  (file: string) =>
  ({ schema, program }: Header): void => {
    if (schema > SCHEMA) throw newer(`reading ${file}`, { schema, program })
  }

export type Restored = Settled & { readonly takenAtMs: number }

/**
 * Reads the file to its end, then writes it into an empty Redis, and says what becomes of jobs that were not over. Throws BACKUP-BAD and STORE-NEWER before
 * anything is written, STORE-NOT-EMPTY, STORE-RESTORING; whatever else it throws, no Sluice starts on what is half restored.
 */
export async function restoreFrom(file: string, redis: Client, moved: boolean, signal: AbortSignal): Promise<Restored> {
  const { end } = await proveBackup(file, readable(file))
  const by = `command line of ${userInfo().username}`
  await shutForRestore(redis, by)
  await restoreParts(redis, until(signal, partsIn(file)), Date.now())
  // what follows a write is taken up by the bot's first sweep
  const records = openRecords({ redis, clock, policy: () => '', after: () => {} })
  const since = { takenAtMs: end.atMs, moved, by, file: basename(file) }
  const settled = await settleRestored(redis, records, clock, since)
  await openAfterRestore(redis)
  return { ...settled, takenAtMs: end.atMs }
}

export type RestoreOptions = AuditOptions & { readonly moved?: boolean }

/** `sluice restore FILE`: onto an empty Redis, or into a new data folder. */
export async function runRestore(file: string, options: RestoreOptions, signal: AbortSignal): Promise<number> {
  const at = storeAt(readConfig(options.config).redis, process.env)
  // before a new data folder is made for nothing
  await proveBackup(file, readable(file))
  const store = await openStore({ dir: options.data, log: makeLog('error'), signal, ...at })
  try {
    const { jobs, takenAtMs, told } = await restoreFrom(file, store.redis, options.moved === true, signal)
    print(`Restored: ${counted(jobs, 'job')}, as of ${new Date(takenAtMs).toISOString()}.`)
    for (const [what, of] of Map.groupBy(told, (one) => one.what))
      print(`${what}: ${of.map(({ job }) => job).join(', ')}`)
    const check = await verifyAudit(store.redis)
    print(`audit ${verdict(check)}`)
    return check.ok ? 0 : 1
  } finally {
    await store.close()
  }
}
