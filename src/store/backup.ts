import { Redis } from 'ioredis'
import { SluiceError } from '../errors.ts'
import { isOurKey, keys, PREFIX } from './keys.ts'
import { script } from './script.ts'
import type { Client } from './store.ts'

/**
 * A key, or a page of one, by its values: so that one server's backup goes into any other. A row is [text] of a string, [item] of a list or set, [field, value],
 * [member, score], or [id, field, value ...] of a stream. `more`: it goes on from what came before of this key, else it stands in the place of that.
 */
export type Part = {
  readonly key: string
  readonly type: 'string' | 'list' | 'set' | 'hash' | 'zset' | 'stream'
  readonly rows: readonly (readonly string[])[]
  /** When it ends by itself, ms since 1970. */
  readonly until?: number
  readonly more?: true
}

const PAGE = 500
const DOING = 'making a backup'
const STREAMS: readonly string[] = [keys.audit, keys.transitions]
/** Made anew from the records: who is in which state, and what was not dispatched yet. */
const REMADE = (key: string): boolean => key.startsWith(keys.jobsIn('')) || key === keys.effects
/** Read in one moment at the end. */
const LAST: readonly string[] = [
  keys.jobCount,
  keys.auditHead,
  keys.auditBase,
  keys.locksHeld,
  keys.locksSince,
  keys.locksWaiting,
  keys.locksAsked,
  keys.locksSets,
  keys.lockLine,
  keys.releases,
  keys.stopped,
  keys.stoppedJobs,
  keys.due('inbox'),
  keys.due('outbox'),
]
/** Who is at work at this moment, and under which name clusters know this Redis: a copy is another one. */
const OWN: readonly string[] = [
  keys.lease(''),
  keys.begun('inbox', ''),
  keys.begun('outbox', ''),
  keys.installation,
  keys.restoring,
]
const isWalked = (key: string): boolean =>
  isOurKey(key) &&
  !REMADE(key) &&
  !STREAMS.includes(key) &&
  !LAST.includes(key) &&
  !OWN.some((one) => key === one || (one.endsWith(':') && key.startsWith(one)))

/** Every key of ours, BullMQ's too; some may come twice. In a Cluster one node has them all, two while their slot moves. */
export async function* namesOf(redis: Client): AsyncGenerator<readonly string[]> {
  const nodes: readonly Redis[] = redis instanceof Redis ? [redis] : redis.nodes('master')
  for (const node of nodes) {
    let cursor = '0'
    do {
      const [next, found] = await node.scan(cursor, 'MATCH', `${PREFIX}*`, 'COUNT', PAGE)
      cursor = next
      if (found.length > 0) yield found
    } while (cursor !== '0')
  }
}

const chunked = (flat: readonly string[], size: number): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(flat.length / size) }, (_, i) => flat.slice(i * size, (i + 1) * size))

type Page = { readonly rows: Part['rows']; readonly next?: string }
const scanned = ([cursor, flat]: readonly [string, readonly string[]], size: number): Page => ({
  rows: chunked(flat, size),
  ...(cursor === '0' ? {} : { next: cursor }),
})
type RawEntry = readonly [id: string, fields: readonly string[]]
const streamPage = (found: readonly RawEntry[]): Page => {
  const last = found.length < PAGE ? undefined : found.at(-1)?.[0]
  return { rows: found.map(([id, fields]) => [id, ...fields]), ...(last === undefined ? {} : { next: `(${last}` }) }
}

/** The rows of a key from `from` on (undefined: its begin), and where to go on; `type` is what TYPE said. */
async function pageOf(redis: Client, key: string, type: Part['type'], from: string | undefined): Promise<Page> {
  const at = from ?? '0'
  if (type === 'hash') return scanned(await redis.hscan(key, at, 'COUNT', PAGE), 2)
  if (type === 'zset') return scanned(await redis.zscan(key, at, 'COUNT', PAGE), 2)
  if (type === 'set') return scanned(await redis.sscan(key, at, 'COUNT', PAGE), 1)
  if (type === 'stream') return streamPage(await redis.xrange(key, from ?? '-', '+', 'COUNT', PAGE))
  if (type === 'string') {
    const text = await redis.get(key)
    return { rows: text === null ? [] : [[text]] }
  }
  const first = Number(at)
  const items = await redis.lrange(key, first, first + PAGE - 1)
  return {
    rows: chunked(items, 1),
    ...(items.length < PAGE ? {} : { next: String(first + PAGE) }),
  }
}

const TYPES: ReadonlySet<string> = new Set(['string', 'list', 'set', 'hash', 'zset', 'stream'])
const isType = (text: string): text is Part['type'] => TYPES.has(text)

const ending = (leftMs: number, nowMs: number): { readonly until?: number } =>
  leftMs < 0 ? {} : { until: nowMs + leftMs }

async function* partsOf(redis: Client, key: string, nowMs: number): AsyncGenerator<Part> {
  const [type, leftMs] = await Promise.all([redis.type(key), redis.pttl(key)])
  // it is gone again
  if (!isType(type)) return
  let from: string | undefined
  let first = true
  do {
    const { rows, next } = await pageOf(redis, key, type, from)
    if (rows.length > 0) {
      yield { key, type, rows, ...ending(leftMs, nowMs), ...(first ? {} : { more: true as const }) }
      first = false
    }
    from = next
  } while (from !== undefined)
}

/** The first part of each key side by side: most have no other. */
async function* together(redis: Client, names: readonly string[], nowMs: number): AsyncGenerator<Part> {
  const walks = names.map((key) => partsOf(redis, key, nowMs))
  const firsts = await Promise.all(walks.map((walk) => walk.next()))
  for (const [i, found] of firsts.entries()) {
    if (found.done === true) continue
    yield found.value
    yield* walks[i] ?? []
  }
}

/**
 * In one moment: every job that is not over or that changed since the audit log was read, with its journal and what makes its events count once; the tails of
 * the streams, with the words beside; locks, the stop of everything, counters, the inbox. So jobs, chain and locks are of one moment, however long the rest took.
 * Answers {parts {key, type, ms left, flat values}, tail of the audit log, its words, tail of the transitions}.
 */
const MOMENT = script(`
local p, parts, seen = '{sluice}', {}, {}
local function add(key)
  if seen[key] then return end
  seen[key] = true
  local t, v = redis.call('TYPE', key).ok, {}
  if t == 'string' then v = {redis.call('GET', key)}
  elseif t == 'hash' then v = redis.call('HGETALL', key)
  elseif t == 'list' then v = redis.call('LRANGE', key, 0, -1)
  elseif t == 'zset' then v = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if t ~= 'none' then parts[#parts + 1] = {key, t, redis.call('PTTL', key), v} end
end
local function job(id)
  add(p..':job:'..id)
  add(p..':journal:'..id)
end
local spec = cjson.decode(ARGV[1])
for _, key in ipairs(spec.keys) do add(key) end
for _, state in ipairs(spec.open) do
  for _, id in ipairs(redis.call('ZRANGE', p..':jobs-in:'..state, 0, -1)) do job(id) end
end
local function after(id) return id == '' and '-' or '('..id end
local tail = redis.call('XRANGE', p..':audit', after(spec.audit), '+')
local words = {}
for _, link in ipairs(tail) do
  local entry = cjson.decode(link[2][2])
  if entry.n then
    local said = redis.call('HGET', p..':audit-words', string.format('%d', entry.n))
    if said then words[#words + 1] = {string.format('%d', entry.n), said} end
  end
  if entry.event then
    add(p..':answered:'..entry.event)
    add(p..':submitted:'..entry.event)
  end
  if entry.job then
    job(entry.job)
    local text = redis.call('HGET', p..':job:'..entry.job, 'record')
    local message = text and cjson.decode(text).revision.asked.message
    if message then add(p..':asked-by:'..message) end
  end
end
for _, room in ipairs(redis.call('HKEYS', p..':due:inbox')) do
  add(p..':room:'..room)
  for _, item in ipairs(redis.call('LRANGE', p..':room:'..room, 0, -1)) do add(p..':accepted:'..cjson.decode(item).event) end
end
return {parts, tail, words, redis.call('XRANGE', p..':transitions', after(spec.moves), '+')}`)

type Moment = readonly [
  parts: readonly (readonly [key: string, type: string, leftMs: number, flat: readonly string[]])[],
  tail: readonly RawEntry[],
  words: readonly (readonly [string, string])[],
  moves: readonly RawEntry[],
]
const WIDTH: Readonly<Record<string, number>> = { hash: 2, zset: 2 }

const streamPart = (key: string, found: readonly RawEntry[]): readonly Part[] =>
  chunkedRows(found.map(([id, fields]) => [id, ...fields])).map((rows) => ({ key, type: 'stream', rows, more: true }))

const chunkedRows = (rows: Part['rows']): readonly Part['rows'][] =>
  Array.from({ length: Math.ceil(rows.length / PAGE) }, (_, i) => rows.slice(i * PAGE, (i + 1) * PAGE))

function momentParts([parts, tail, words, moves]: Moment, nowMs: number): readonly Part[] {
  const whole = parts.flatMap(([key, type, leftMs, flat]) => {
    if (!isType(type)) return []
    const pages = chunkedRows(chunked(flat, WIDTH[type] ?? 1))
    return pages.map(
      (rows, i): Part => ({ key, type, rows, ...ending(leftMs, nowMs), ...(i === 0 ? {} : { more: true }) }),
    )
  })
  const said: readonly Part[] =
    words.length === 0 ? [] : [{ key: keys.auditWords, type: 'hash', rows: words, more: true }]
  return [...whole, ...streamPart(keys.audit, tail), ...said, ...streamPart(keys.transitions, moves)]
}

/** Words that were taken away, or entries that were trimmed, since they were read would come back with the backup. */
const rewritten = (tail: readonly RawEntry[], before: string | null, parts: readonly Part[]): boolean =>
  tail.some(([, fields]) => (fields[1] ?? '').includes('"forgot":')) ||
  parts.find(({ key }) => key === keys.auditBase)?.rows[0]?.[0] !== (before ?? undefined)

/**
 * Everything of ours but what BullMQ holds and what is made anew from the records. Jobs, journals, locks, inbox and audit log are of the one moment at its
 * end; the rest, what the bot remembers of messages, is as old as the walk is long. Throws BACKUP-MOVED when the audit log was trimmed, or words were
 * taken away, meanwhile: to be made again. `open`: the states that are not final.
 */
export async function* backupParts(redis: Client, open: readonly string[], now: () => number): AsyncGenerator<Part> {
  const base = await redis.get(keys.auditBase)
  const last = new Map<string, string>()
  for (const key of STREAMS)
    for await (const part of partsOf(redis, key, now())) {
      last.set(key, part.rows.at(-1)?.[0] ?? '')
      yield part
    }
  for await (const names of namesOf(redis)) yield* together(redis, names.filter(isWalked), now())
  const spec = { keys: LAST, open, audit: last.get(keys.audit) ?? '', moves: last.get(keys.transitions) ?? '' }
  // the script answers as its comment says
  const moment = (await MOMENT(redis, [keys.audit], [JSON.stringify(spec)])) as Moment
  const parts = momentParts(moment, now())
  if (rewritten(moment[1], base, parts)) throw new SluiceError('BACKUP-MOVED', DOING)
  yield* parts
}
