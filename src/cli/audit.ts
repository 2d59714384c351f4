import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { SluiceError } from '../errors.ts'
import { type AuditCheck, verifyAudit } from '../jobs/audit.ts'
import { openExport, writeExport } from '../jobs/audit-file.ts'
import { exportsIn, findWords, forgetWords, type Found, textsIn } from '../jobs/audit-forget.ts'
import { baseOf, headOf, pages } from '../jobs/audit-log.ts'
import { mayRead } from '../jobs/schema.ts'
import { makeLog } from '../log.ts'
import { openStore } from '../store/open.ts'
import type { Client } from '../store/store.ts'
import { auditDir } from './keep-audit.ts'
import { readConfig } from './read-config.ts'
import { storeAt } from './redis.ts'

export type AuditOptions = { readonly config: string; readonly data: string; readonly with?: readonly string[] }
export const print = (text: string): void => void process.stdout.write(`${text}\n`)

const OK = 0
const NO = 1

/** Where the log is: the configured Redis, or the embedded one of the data folder, which must be there already: an empty new one would look well. */
export async function withLog<T>(
  { config, data }: AuditOptions,
  signal: AbortSignal,
  work: (redis: Client, config: Config) => Promise<T>,
): Promise<T> {
  const read = readConfig(config)
  const at = storeAt(read.redis, process.env)
  if (Object.keys(at).length === 0 && !existsSync(join(data, 'appendonlydir')))
    throw new SluiceError('STORE-MISSING', `looking for the store of ${data}`, {
      text: 'this folder holds none, and neither `redis` of the configuration nor REDIS_URL names one',
      next: 'Name the data folder of the bot with --data.',
    })
  const store = await openStore({ dir: data, log: makeLog('error'), signal, ...at })
  try {
    await mayRead(store.redis)
    return await work(store.redis, read)
  } finally {
    await store.close()
  }
}

/** Exports that were named, those of a folder each by each. */
export async function files(named: readonly string[] = []): Promise<readonly string[]> {
  const all = await Promise.all(
    named.map(async (path) => ((await readdir(path).catch(() => undefined)) === undefined ? [path] : exportsIn(path))),
  )
  return [...new Set(all.flat().map((path) => resolve(path)))]
}

export const counted = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`
const texts = (n: number): string => counted(n, 'text')

/** What verifying found, in a sentence. */
export function verdict(check: AuditCheck): string {
  if (!check.ok) return `AUDIT-BROKEN: entry ${check.at} ${check.why}.`
  const { entries, head, trimmed, forgotten } = check
  const gone = forgotten === 0 ? '' : ` ${texts(forgotten)} taken away on request.`
  const files = trimmed === 0 ? '' : ` Entries 1 to ${trimmed} were exported and trimmed: name their files with --with.`
  return `ok: ${entries} entries, up to number ${head.n}, ${head.hash === '' ? 'none yet' : head.hash}.${gone}${files}`
}

/** `sluice audit verify`: 0 when the chain holds, 1 when it does not. */
export async function runVerify(options: AuditOptions, signal: AbortSignal): Promise<number> {
  return withLog(options, signal, async (redis) => {
    const exported = await Promise.all((await files(options.with)).map(openExport))
    const check = await verifyAudit(redis, exported)
    print(verdict(check))
    return check.ok ? OK : NO
  })
}

/** `sluice audit export FILE`: everything that is in the log, with the heads; nothing is trimmed. */
export async function runExport(file: string, options: AuditOptions, signal: AbortSignal): Promise<number> {
  return withLog(options, signal, async (redis) => {
    const [from, head] = [await baseOf(redis), await headOf(redis)]
    await writeExport(file, { from, head }, pages(redis, from), Date.now())
    print(`${head.n - from.n} entries, ${from.n + 1} to ${head.n}, head ${head.hash}: ${file}`)
    return OK
  })
}

const found = (person: string, { entries, files: exported, jobs, open }: Found): string => {
  const inFiles = [...exported].flatMap(([file, n]) => (n === 0 ? [] : [`${texts(n)} in ${file}`]))
  const parts = [`${texts(entries.length)} in the log`, ...inFiles, counted(jobs.length, 'finished job')]
  const later =
    open.length === 0 ? '' : ` Jobs that have not ended keep theirs (${open.join(', ')}): run it again later.`
  return `${person}: ${parts.join(', ')}.${later}`
}

export type ForgetOptions = AuditOptions & { readonly yes?: boolean }

/** `sluice audit forget PERSON --yes`: takes away what the person typed; without --yes it only says how much that is. */
export async function runForget(person: string, options: ForgetOptions, signal: AbortSignal): Promise<number> {
  return withLog(options, signal, async (redis) => {
    const exported = await files([...(await exportsIn(auditDir(options.data))), ...(options.with ?? [])])
    const words = await findWords(redis, person, exported)
    print(found(person, words))
    if (options.yes !== true) {
      print('Nothing was taken away. Say it with --yes if it shall be; it cannot be brought back.')
      return NO
    }
    await forgetWords(redis, person, words, `command line of ${userInfo().username}`, Date.now())
    print(
      `Taken away: ${texts(textsIn(words))} beside the audit log, and the words in ${counted(words.jobs.length, 'finished job')}.`,
    )
    return OK
  })
}
