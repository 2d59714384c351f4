import { type Refusal, refuse } from '../errors.ts'
import type { Stop } from '../steps/step.ts'
import { DAY_S, keys } from '../store/keys.ts'
import { kept, keptValue } from '../store/script.ts'
import type { Client } from '../store/store.ts'
import { keepWords, wordsDigest } from './audit-chain.ts'
import { addLink } from './audit-log.ts'
import type { Answer, Args, Change, Speaker, Stopped } from './job.ts'
import type { Fence, JobRecord } from './record.ts'

/** The stop of everything as it lies in Redis, what it holds back, and how it is told. */

export function asStop(fields: Readonly<Record<string, string>>): Stop | undefined {
  const { id, by = '?', atMs, reason, upTo } = fields
  if (id === undefined) return undefined
  return { id, by, atMs: Number(atMs), upTo: Number(upTo), ...(reason === undefined ? {} : { reason }) }
}

export const readStop = async (redis: Client): Promise<Stop | undefined> => asStop(await redis.hgetall(keys.stopped))

const disturbs = (risk: string): boolean => risk === 'disruptive' || risk === 'destructive'

/** Does the stop hold this job back? What was open then, whatever it is; of what came later, what would disturb. Never a cancel, nor what changes Sluice itself. */
export function holdsBack(stop: Stop | undefined, { revision, inner }: JobRecord): stop is Stop {
  const { job, plan } = revision
  if (stop === undefined || inner.cancel !== undefined || plan?.target.scope === 'sluice') return false
  return Number(job) <= stop.upTo || plan === undefined || disturbs(plan.risk)
}

/** Is this request refused that came later? Without a number it is not submitted yet. */
export const refuses = (stop: Stop, job: string | undefined, change: Change | undefined, args: Args): boolean =>
  (job === undefined || Number(job) > stop.upTo) &&
  change !== undefined &&
  change.scope !== 'sluice' &&
  disturbs(change.risk(args))

/** `nico stopped everything at 2026-11-21 02:13 UTC: smoke in rack 4`. */
export function stopText({ by, atMs, reason }: Stopped): string {
  const at = new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
  return `${by} stopped everything at ${at} UTC${reason === undefined ? '' : `: ${reason}`}`
}

export const stoppedNo = (stop: Stopped): Refusal => refuse('STOPPED', `${stopText(stop)}. Nothing was done.`)

export const markOf = ({ id, by, atMs, reason }: Stop): Stopped => ({
  id,
  by,
  atMs,
  ...(reason === undefined ? {} : { reason }),
})

/** The event first: the same one again, after everything went on, must not stop it once more. */
const STOP = kept(`
local m = cjson.decode(ARGV[1])
local p = '{sluice}'
local known = redis.call('GET', KEYS[1])
if known then return {'known'} end
if redis.call('EXISTS', p..':stopped') == 1 then
  redis.call('SET', KEYS[1], m.already, 'EX', m.onceS)
  return {'already'}
end
local head = redis.call('GET', p..':audit-head') or ''
if head ~= ARGV[2] then return {'head', head} end
redis.call('XADD', p..':audit', '*', 'entry', ARGV[3], 'hash', ARGV[4])
redis.call('SET', p..':audit-head', ARGV[5])
if m.words ~= '' then redis.call('HSET', p..':audit-words', ARGV[6], m.words) end
redis.call('HSET', p..':stopped', 'id', m.id, 'by', m.by, 'atMs', m.atMs, 'upTo', redis.call('GET', p..':job-count') or '0')
if m.reason ~= '' then redis.call('HSET', p..':stopped', 'reason', m.reason) end
redis.call('SET', KEYS[1], m.done, 'EX', m.onceS)
return {'ok'}`)

const DONE: Answer = {
  ok: true,
  text: 'Everything is stopped: running jobs halt at their next safe point, and nothing disruptive begins until `start again`.',
}
const ALREADY: Answer = { ok: true, text: 'Everything was stopped already.' }

type Word = Pick<Speaker, 'person' | 'event'> & { readonly reason?: string }

/** Stops everything, once for each event; a stop that stands stays as it is. `reason` is redacted. */
export async function writeStop(redis: Client, word: Word, atMs: number): Promise<Answer> {
  const { person, event, reason } = word
  const words = reason === undefined ? undefined : keepWords({ by: person, text: reason })
  const said = words === undefined ? {} : { words: { by: person, digest: wordsDigest(words) } }
  const request = {
    id: event,
    by: person,
    atMs: String(atMs),
    reason: reason ?? '',
    words: words === undefined ? '' : JSON.stringify(words),
    done: JSON.stringify(DONE),
    already: JSON.stringify(ALREADY),
    onceS: 90 * DAY_S,
  }
  const entry = { atMs, what: 'stop all', by: person, event, ...said }
  const [answer] = await addLink(redis, entry, (link) =>
    STOP(redis, [keys.answered(event)], [JSON.stringify(request), ...link]),
  )
  if (answer === 'ok') return DONE
  if (answer === 'known') {
    const known = await keptValue(redis, keys.answered(event))
    // our own JSON, written above; gone where the server that had it is gone
    return known === undefined ? writeStop(redis, word, atMs) : (JSON.parse(known) as Answer)
  }
  const stop = await readStop(redis)
  return stop === undefined ? ALREADY : { ok: true, text: `Everything is stopped already: ${stopText(stop)}.` }
}

const LIFT = kept(`
local p = '{sluice}'
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lost'} end
if redis.call('HGET', p..':stopped', 'id') ~= ARGV[2] then redis.call('INCR', KEYS[2]) return {'gone'} end
local head = redis.call('GET', p..':audit-head') or ''
if head ~= ARGV[3] then return {'head', head} end
redis.call('XADD', p..':audit', '*', 'entry', ARGV[4], 'hash', ARGV[5])
redis.call('SET', p..':audit-head', ARGV[6])
redis.call('DEL', p..':stopped')
return {'ok'}`)

/** Lifts the stop with this id; `gone` when there is none such any more, `lost` when the worker no longer holds its job. */
export async function liftStop(
  redis: Client,
  { id, by, job, atMs }: { readonly id: string; readonly by: string; readonly job: string; readonly atMs: number },
  fence: Fence,
): Promise<'ok' | 'gone' | 'lost'> {
  const entry = { atMs, what: 'start again', by, job, state: 'running' as const, code: null }
  const [answer] = await addLink(redis, entry, (link) =>
    LIFT(redis, [fence.key, keys.confirmed], [fence.token, id, ...link.slice(0, 4)]),
  )
  return answer === 'ok' || answer === 'gone' ? answer : 'lost'
}
