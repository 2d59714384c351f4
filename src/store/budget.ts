import { script } from './script.ts'
import type { Store } from './store.ts'

/**
 * Token buckets over all replicas: at most `burst` at once, and one more in each `everyMs`. Without a rate a bucket only knows pauses. `learned`: it is
 * kept to once the platform has asked to slow down, for an hour. Keys, owner bot/: `{sluice}:bucket:NAME` (hash, 2 h), `{sluice}:bucket-line:NAME`
 * (hash key -> rank, since, until; 2 h): who waits for it.
 */
export type Bucket = {
  readonly name: string
  readonly rate?: { readonly burst: number; readonly everyMs: number; readonly learned?: true }
}
/** Who asks. The lower rank goes first, within a rank who came first. `keep`: so many sends are left to others. */
export type Asking = { readonly who: string; readonly rank: number; readonly keep: number }
/**
 * 0 = it may be sent now, and was counted. `probe`: it goes beyond what the platform is known to take; tell `probed` when it took it. It is a `proof`
 * that the platform takes more once it goes so far beyond that a slow line cannot be why it was taken.
 */
export type Grant = { readonly waitMs: number; readonly probe?: 'step' | 'proof' }

const LEARNED_MS = 3_600_000
const KEPT_MS = 7_200_000
/** Whoever was told to wait asks again within so long: ranks change while one waits. */
const ASK_AGAIN_MS = 5_000
/** A waiter that does not come back (its process died) stands in nobody's way after this. */
const GRACE_MS = 10_000
const PROBE_MS = 100
const PROBE_LIMIT_MS = 30_000
const PROOF_SENDS = 3
/** A platform that counts a moment later than we do must not see us early. */
const MARGIN_MS = 250
/** More than this is an outage, not a pace. */
const PACE_LIMIT_MS = 60_000

const NOW = `
local now = tonumber(ARGV[1])
if now < 0 then local t = redis.call('TIME') now = t[1] * 1000 + math.floor(t[2] / 1000) end
local function numbers(key)
  local all, raw = {}, redis.call('HGETALL', key)
  for j = 1, #raw, 2 do all[raw[j]] = tonumber(raw[j + 1]) end
  return all
end`

/**
 * Generic cell rate: \`tat\` is when the bucket will be full again. A send is let through when, after those who stand before it took theirs, as many
 * are left as it has to keep. A bucket of a learned rate is \`paced\` (the platform asked), \`free\` (it took more than the rate) or neither: then what is
 * over the rate goes one at a time, as a probe, and what should be kept for others goes at half the pace's pause.
 */
const TAKE = script(`${NOW}
local who, rank, keep = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local wait, probing, plan, lines = 0, 0, {}, {}
local function ahead(line)
  local count, since, others = 0, now, {}
  local raw = redis.call('HGETALL', line)
  for j = 1, #raw, 2 do
    local r, s, till = string.match(raw[j + 1], '(%d+) (%d+) (%d+)')
    if raw[j] == who then since = tonumber(s)
    elseif tonumber(till) < now then redis.call('HDEL', line, raw[j])
    else others[#others + 1] = { tonumber(r), tonumber(s), raw[j] } end
  end
  for _, o in ipairs(others) do
    if o[1] < rank or (o[1] == rank and (o[2] < since or (o[2] == since and o[3] < who))) then count = count + 1 end
  end
  return count, since
end
local function ask(i, burst, every, learned)
  local s = numbers(KEYS[i])
  wait = math.max(wait, (s.pause or 0) - now)
  if burst == 0 then return end
  local paced = not learned or (s.paced or 0) > now
  local e = (learned and paced and s.every) or every
  local tat = math.max(s.tat or 0, now)
  local before, since = ahead(KEYS[i + 1])
  lines[#lines + 1] = { KEYS[i + 1], since }
  local over = tat - now - (burst - 1) * e
  local short = over + (before + math.min(keep, burst - 1)) * e
  local set = { 'tat', math.min(tat + e, now + burst * e) }
  if learned and (s.free or 0) > now then short = 0
  elseif not paced and over > 0 then
    if before == 0 and (s.probe or 0) <= now then
      short, probing = 0, over > ${PROOF_SENDS - 1} * e and 2 or 1
      set[2] = tat + e
      set[3], set[4] = 'probe', now + ${PROBE_LIMIT_MS}
    else short = ${PROBE_MS} end
  elseif not paced and short > 0 then
    short = rank < 2 and 0 or (s.soft or 0) - now
    set[3], set[4] = 'soft', now + math.floor(e / 2)
  end
  wait = math.max(wait, short)
  plan[#plan + 1] = { KEYS[i], set }
end
for i = 1, #KEYS, 2 do
  local a = 5 + (i - 1) / 2 * 3
  ask(i, tonumber(ARGV[a]), tonumber(ARGV[a + 1]), ARGV[a + 2] == '1')
end
if wait > 0 then
  wait = math.ceil(math.min(wait, ${ASK_AGAIN_MS}))
  for _, l in ipairs(lines) do
    redis.call('HSET', l[1], who, string.format('%d %d %d', rank, l[2], now + wait + ${GRACE_MS}))
    redis.call('PEXPIRE', l[1], ${KEPT_MS})
  end
  return { wait, 0 }
end
for _, p in ipairs(plan) do
  redis.call('HSET', p[1], unpack(p[2]))
  redis.call('PEXPIRE', p[1], ${KEPT_MS})
end
for _, l in ipairs(lines) do redis.call('HDEL', l[1], who) end
return { 0, probing }`)

const LIMITED = script(`${NOW}
local after = tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local a = 3 + (i - 1) * 3
  local burst, every, learned = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), ARGV[a + 2] == '1'
  local s = numbers(key)
  local pause = math.max(s.pause or 0, now + after)
  if learned then every = math.max(every, math.min(after, ${PACE_LIMIT_MS})) end
  redis.call('HSET', key, 'pause', pause, 'probe', 0, 'free', 0)
  if burst > 0 then redis.call('HSET', key, 'every', every, 'paced', now + ${LEARNED_MS}, 'tat', pause + ${MARGIN_MS} + (burst - 1) * every) end
  redis.call('PEXPIRE', key, math.max(${KEPT_MS}, pause - now))
end
return 0`)

const PROBED = script(`${NOW}
for _, key in ipairs(KEYS) do
  redis.call('HSET', key, 'probe', 0)
  if ARGV[2] == '1' and tonumber(redis.call('HGET', key, 'paced') or 0) <= now then redis.call('HSET', key, 'free', now + ${LEARNED_MS}) end
end
return 0`)

const state = (store: Store, { name }: Bucket): string => `${store.prefix}:bucket:${name}`
const line = (store: Store, { name }: Bucket): string => `${store.prefix}:bucket-line:${name}`
const rates = (buckets: readonly Bucket[]): readonly number[] =>
  buckets.flatMap(({ rate }) => [rate?.burst ?? 0, rate?.everyMs ?? 0, rate?.learned === true ? 1 : 0])
/** Without a time given, all replicas go by the clock of Redis. */
const REDIS_TIME = -1

/** Takes one send out of every bucket, or none: then `waitMs` (at most 5 s) says when to ask again. */
export async function takeSend(
  store: Store,
  buckets: readonly Bucket[],
  { who, rank, keep }: Asking,
  nowMs = REDIS_TIME,
): Promise<Grant> {
  const keys = buckets.flatMap((bucket) => [state(store, bucket), line(store, bucket)])
  // the script answers with two integers
  const [waitMs, probe] = (await TAKE(store.redis, keys, [nowMs, who, rank, keep, ...rates(buckets)])) as [
    number,
    number,
  ]
  return { waitMs, ...(probe === 0 ? {} : { probe: probe === 1 ? 'step' : 'proof' }) }
}

/** The platform asked to slow down: nothing more goes into these buckets before `retryAfterMs` has passed, and then at their pace. */
export async function sendLimited(
  store: Store,
  buckets: readonly Bucket[],
  retryAfterMs: number,
  nowMs = REDIS_TIME,
): Promise<void> {
  const keys = buckets.map((bucket) => state(store, bucket))
  await LIMITED(store.redis, keys, [nowMs, Math.ceil(retryAfterMs), ...rates(buckets)])
}

/** A probe was taken: after a proof that the platform takes more than the learned rate, nobody waits for an hour. */
export async function probed(
  store: Store,
  buckets: readonly Bucket[],
  probe: 'step' | 'proof',
  nowMs = REDIS_TIME,
): Promise<void> {
  const learned = buckets.filter(({ rate }) => rate?.learned === true)
  await PROBED(
    store.redis,
    learned.map((bucket) => state(store, bucket)),
    [nowMs, probe === 'proof' ? 1 : 0],
  )
}
