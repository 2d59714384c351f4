import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { keys } from '../store/keys.ts'

export type AuditCheck =
  | { readonly ok: true; readonly entries: number; readonly head: string }
  | { readonly ok: false; readonly at: string; readonly why: string }

const PAGE = 1_000

/**
 * Walks the chain: every entry names the hash of the one before, and the last one is the head. `from` = the hash the first entry must
 * name: `` for the whole chain, an exported head after a trim.
 */
export async function verifyAudit(redis: Redis, from = ''): Promise<AuditCheck> {
  let prev = from
  let after = '-'
  let entries = 0
  for (;;) {
    const page = await redis.xrange(keys.audit, after, '+', 'COUNT', PAGE)
    for (const [id, fields] of page) {
      const entry = fields[fields.indexOf('entry') + 1] ?? ''
      const claimed: unknown = JSON.parse(entry)
      const named = typeof claimed === 'object' && claimed !== null && 'prev' in claimed ? claimed.prev : undefined
      if (named !== prev) return { ok: false, at: id, why: 'the entry before it is missing or was changed' }
      prev = `sha256:${createHash('sha256').update(entry).digest('hex')}`
      entries++
      after = `(${id}`
    }
    if (page.length < PAGE) break
  }
  const head = (await redis.get(keys.auditHead)) ?? ''
  return head === prev
    ? { ok: true, entries, head }
    : { ok: false, at: 'head', why: 'the newest entry is missing or was changed' }
}
