import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '../store/store.ts'
import { SluiceError } from '../errors.ts'
import { keys } from '../store/keys.ts'
import { script } from '../store/script.ts'
import { openExport, writeExport } from './audit-file.ts'
import { type Head, headText } from './audit-chain.ts'
import { readLink } from './audit-entry.ts'
import { append, baseOf, headOf, type LogLine, pages } from './audit-log.ts'
import { endsAt, walk } from './audit-walk.ts'

/** How much of the log stays in Redis. Both bounds count; what is beyond them is exported into `dir` first. */
export type Keeping = { readonly keepForMs: number; readonly keepEntries: number; readonly dir: string }
export type Trimmed = { readonly file: string; readonly from: Head; readonly upTo: Head }

/** Only so much beyond a bound is worth a file: not one for each entry. */
const SLACK = 0.1

/** The newest entry to go, or undefined while the log is within its bounds. */
async function cutOf(redis: Client, base: Head, keeping: Keeping, nowMs: number): Promise<LogLine | undefined> {
  const head = await headOf(redis)
  const { keepForMs, keepEntries } = keeping
  const crowded = head.n - base.n > keepEntries * (1 + SLACK)
  let cut: LogLine | undefined
  for await (const page of pages(redis, base)) {
    for (const line of page) {
      const atMs = readLink(line.entry)?.atMs ?? nowMs
      const old = atMs < nowMs - keepForMs * (cut === undefined ? 1 + SLACK : 1)
      if (!old && !(crowded && line.n <= head.n - keepEntries)) return cut
      cut = line
    }
  }
  return cut
}

const TRIM = script(`
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[3])
for n = tonumber(ARGV[4]), tonumber(ARGV[5]) do redis.call('HDEL', KEYS[3], string.format('%d', n)) end
return 1`)

const behind = (id: string): string => {
  const [ms, sequence] = id.split('-')
  return `${ms}-${BigInt(sequence ?? 0) + 1n}`
}

/** `audit-000000001-000000900.jsonl`: in the order of their names. */
const nameOf = (from: number, to: number): string =>
  `audit-${String(from).padStart(9, '0')}-${String(to).padStart(9, '0')}.jsonl`

/** Reads the file back the way `sluice audit verify` does. Entries are trimmed from Redis after it held there. Throws AUDIT-BROKEN. */
async function proven(file: string): Promise<void> {
  const written = await openExport(file)
  const walked = await walk(written, new Map())
  const wrong = walked.ok ? endsAt(walked, written.head) : walked
  if (wrong !== undefined)
    throw new SluiceError('AUDIT-BROKEN', 'exporting the audit log', { text: `entry ${wrong.at} ${wrong.why}` })
}

/**
 * Exports what is beyond the bounds, reads the file back, writes into the chain that it was exported, and only then takes it out of Redis.
 * May be cut off anywhere, and run beside itself: an export too many is the worst of it. Throws AUDIT-BROKEN, AUDIT-FILE.
 */
export async function trimAudit(redis: Client, keeping: Keeping, nowMs: number): Promise<Trimmed | undefined> {
  const from = await baseOf(redis)
  const cut = await cutOf(redis, from, keeping, nowMs)
  if (cut === undefined) return undefined
  const upTo: Head = { n: cut.n, hash: cut.hash }
  await mkdir(keeping.dir, { recursive: true, mode: 0o700 })
  const name = nameOf(from.n + 1, upTo.n)
  const file = join(keeping.dir, name)
  await writeExport(file, { from, head: upTo }, pages(redis, from), nowMs)
  await proven(file)
  await append(redis, { atMs: nowMs, what: 'exported', exported: { ...upTo, file: name } })
  const args = [headText(from), headText(upTo), behind(cut.id), from.n + 1, upTo.n]
  const done = await TRIM(redis, [keys.audit, keys.auditBase, keys.auditWords], args)
  return done === 1 ? { file, from, upTo } : undefined
}
