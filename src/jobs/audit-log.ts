import type { Client } from '../store/store.ts'
import { keys } from '../store/keys.ts'
import { script } from '../store/script.ts'
import { digestOf, type Head, headText, readHead } from './audit-chain.ts'
import { AUDIT_SCHEMA, type AuditEntry } from './audit-entry.ts'

/** The chain as it lies in Redis: a stream of entries, its head, the words beside it, and where it begins after a trim. */

/** An entry as it is stored or exported. `words` is JSON, of KeptWords. */
export type Line = { readonly entry: string; readonly hash: string; readonly words?: string }
/** `id` is the stream's own. */
export type LogLine = Line & { readonly n: number; readonly id: string }

const PAGE = 500
/** Most questions are about the newest entries. */
const FIRST_PAGE = 100

/** The entry before the first one that is still there. */
export async function baseOf(redis: Client): Promise<Head> {
  const { n, hash } = readHead((await redis.get(keys.auditBase)) ?? '')
  return { n: n ?? 0, hash }
}

/** The head, numbered also when schema 0 wrote it: nothing was ever trimmed then. */
export async function headOf(redis: Client, stored?: string): Promise<Head> {
  const { n, hash } = readHead(stored ?? (await redis.get(keys.auditHead)) ?? '')
  return { n: n ?? (await redis.xlen(keys.audit)), hash }
}

const field = (fields: readonly string[], name: string): string => fields[fields.indexOf(name) + 1] ?? ''

type Raw = readonly [id: string, fields: string[]]

/** Stream entries with their numbers and the words beside them. */
async function withWords(redis: Client, found: readonly Raw[], first: number): Promise<readonly LogLine[]> {
  if (found.length === 0) return []
  const words = await redis.hmget(keys.auditWords, ...found.map((_, i) => String(first + i)))
  return found.map(([id, fields], i) => {
    const said = words[i]
    const line = { n: first + i, id, entry: field(fields, 'entry'), hash: field(fields, 'hash') }
    return typeof said === 'string' ? { ...line, words: said } : line
  })
}

/** Entries from the newest back, in pages that are newest first. What is added meanwhile is left out. */
export async function* newest(redis: Client): AsyncGenerator<readonly LogLine[]> {
  let last: number | undefined
  let size = FIRST_PAGE
  for (let to = '+'; ; size = Math.min(2 * size, PAGE)) {
    const head = await headOf(redis)
    const found = await redis.xrevrange(keys.audit, to, '-', 'COUNT', size)
    // the first page is numbered from the head: they have to belong together
    if (last === undefined && (await headOf(redis)).n !== head.n) continue
    if (found.length === 0) return
    last ??= head.n
    const first = last - found.length + 1
    yield (await withWords(redis, found.toReversed(), first)).toReversed()
    last = first - 1
    to = `(${found.at(-1)?.[0] ?? ''}`
  }
}

/** The oldest entry that is still there. */
export async function oldest(redis: Client): Promise<LogLine | undefined> {
  const base = await baseOf(redis)
  return (await withWords(redis, await redis.xrange(keys.audit, '-', '+', 'COUNT', 1), base.n + 1))[0]
}

/** Entries from the oldest on, numbered by their place after `base`, in pages. */
export async function* pages(redis: Client, base: Head, afterId = '-'): AsyncGenerator<readonly LogLine[]> {
  let n = base.n
  for (let from = afterId; ; ) {
    const found = await redis.xrange(keys.audit, from, '+', 'COUNT', PAGE)
    if (found.length === 0) return
    const first = n + 1
    n += found.length
    yield await withWords(redis, found, first)
    from = `(${found.at(-1)?.[0] ?? ''}`
  }
}

const APPEND = script(`
local head = redis.call('GET', KEYS[2]) or ''
if head ~= ARGV[1] then return {'head', head} end
redis.call('XADD', KEYS[1], '*', 'entry', ARGV[2], 'hash', ARGV[3])
redis.call('SET', KEYS[2], ARGV[4])
return {'ok'}`)

/** An entry as a script takes it: head before, text, hash, head after, number. */
export type Sent = readonly [before: string, text: string, hash: string, after: string, n: string]

/** Makes the link behind the head and has it written; again while the answer is `head` and another head. Answers with what else the script said. */
export async function addLink(
  redis: Client,
  entry: Omit<AuditEntry, 'v' | 'n' | 'prev'>,
  send: (link: Sent) => Promise<unknown>,
): Promise<readonly string[]> {
  let stored = (await redis.get(keys.auditHead)) ?? ''
  for (;;) {
    const { hash: prev, n } = await headOf(redis, stored)
    const text = JSON.stringify({ v: AUDIT_SCHEMA, n: n + 1, prev, ...entry })
    const head: Head = { n: n + 1, hash: digestOf(text) }
    // the scripts answer with lists of strings
    const answer = (await send([stored, text, head.hash, headText(head), String(head.n)])) as readonly string[]
    if (answer[0] !== 'head') return answer
    stored = answer[1] ?? ''
  }
}

/** Adds an entry that is about no job. Throws what ioredis throws. */
export async function append(redis: Client, entry: Omit<AuditEntry, 'v' | 'n' | 'prev'>): Promise<void> {
  await addLink(redis, entry, ([stored, text, hash, after]) =>
    APPEND(redis, [keys.audit, keys.auditHead], [stored, text, hash, after]),
  )
}
