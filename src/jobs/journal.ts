import { SluiceError } from '../errors.ts'
import { keys } from '../store/keys.ts'
import { kept } from '../store/script.ts'
import type { Client } from '../store/store.ts'
import type { StepJournal, Stop } from '../steps/step.ts'
import type { JobsDeps } from './deps.ts'
import { redacted } from './plan.ts'
import type { Fence } from './record.ts'
import { asStop } from './stop.ts'

/**
 * Writes only while BullMQ's lock still carries our token: a worker that was stopped too long changes nothing here. What needs room comes first,
 * so that a server without room refuses all of it.
 */
const WRITE = kept(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local gone = tonumber(ARGV[2])
for i = 3 + gone, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 3, 2 + gone do redis.call('HDEL', KEYS[2], ARGV[i]) end
return 1`)
const LOST = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end`
const GO = `
if redis.call('HGET', KEYS[2], 'cancel') == '1' then return 'cancel' end
if redis.call('EXISTS', KEYS[3]) == 1 then return redis.call('HGETALL', KEYS[3]) end
return 'go'`
/** A master that was replaced without knowing it still says that the lock is ours: where there are replicas, one has to confirm a write. */
const HOLDS = kept(`${LOST}\n${GO}`, `${LOST}\nredis.call('HINCRBY', KEYS[2], 'points', 1)\n${GO}`)

type Data = Readonly<Record<string, unknown>>
export type Kind = 'intent' | 'evidence' | 'undo' | 'undone'
export type Entry = { readonly intent?: Data; readonly evidence?: Data; readonly undo?: Data; readonly undone?: Data }
type Line = { readonly step: string; readonly key: string; readonly kind: Kind; readonly data?: Data }

export type Journal = {
  /** Lock-checked. Lines written in one turn of the event loop, or while a write is under way, are one write. Throws JOB-LOST. */
  readonly write: (lines: readonly Line[]) => Promise<void>
  /** Takes a step's own intent back: its run ended in an orderly way without evidence (a gate). */
  readonly forget: (step: string) => Promise<void>
  readonly step: (step: string) => Entry
  /** Sub-entries of a step: key -> intent and evidence. */
  readonly entries: (step: string) => ReadonlyMap<string, Entry>
  readonly of: (step: string) => StepJournal
  /** `cancel` when somebody asked for it, the stop when everything is stopped. Throws JOB-LOST. */
  readonly check: () => Promise<'go' | 'cancel' | Stop>
}
type Waiting = {
  readonly set: readonly Line[]
  readonly gone: readonly string[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const KINDS: readonly Kind[] = ['intent', 'evidence', 'undo', 'undone']
const field = (step: string, key: string, kind: Kind): string => JSON.stringify([step, key, kind])

type JournalDeps = Pick<JobsDeps, 'onJournalWrite'> & {
  readonly redis: Client
  readonly job: string
  readonly fence: Fence
}
type Enqueue = (set: readonly Line[], gone: readonly string[]) => Promise<void>

/** A hash as a script answers with it. */
const pairs = (flat: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])))

const lost = (job: string) => new SluiceError('JOB-LOST', `writing the journal of job ${job}`)

async function send(
  { redis, job, fence, onJournalWrite }: JournalDeps,
  known: Map<string, Data>,
  batch: readonly Waiting[],
): Promise<void> {
  const gone = batch.flatMap((b) => b.gone)
  const set = batch.flatMap((b) => b.set)
  const what = set.map((l) => `${l.kind} ${l.step}${l.key === '' ? '' : ` / ${l.key}`}`).join(', ') || 'forget'
  onJournalWrite?.('before', what)
  const pairs = set.flatMap((l) => [field(l.step, l.key, l.kind), JSON.stringify(redacted(l.data ?? {}))])
  const args = [fence.token, gone.length, ...gone, ...pairs]
  if ((await WRITE(redis, [fence.key, keys.journal(job)], args)) !== 1) throw lost(job)
  for (const name of gone) known.delete(name)
  for (const l of set) known.set(field(l.step, l.key, l.kind), l.data ?? {})
  onJournalWrite?.('after', what)
}

/** Group commit: what comes while a write is under way goes out with the next one. */
function groupWriter(deps: JournalDeps, known: Map<string, Data>): Enqueue {
  let waiting: Waiting[] = []
  let flushing = false
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await send(deps, known, batch).then(
        () => batch.forEach((b) => b.resolve()),
        (error: unknown) => batch.forEach((b) => b.reject(error)),
      )
    }
    flushing = false
  }
  return (set, gone) =>
    new Promise((resolve, reject) => {
      waiting.push({ set, gone, resolve, reject })
      if (flushing) return
      flushing = true
      setImmediate(() => void flush())
    })
}

/** The journal of one job for one worker; what earlier attempts wrote is read once. */
export async function openJournal(deps: JournalDeps): Promise<Journal> {
  const { redis, job, fence } = deps
  const known = new Map<string, Data>()
  for (const [name, text] of Object.entries(await redis.hgetall(keys.journal(job)))) known.set(name, JSON.parse(text))
  const enqueue = groupWriter(deps, known)
  const entry = (step: string, key: string): Entry =>
    Object.fromEntries(
      KINDS.flatMap((kind) => {
        const data = known.get(field(step, key, kind))
        return data === undefined ? [] : [[kind, data]]
      }),
    )
  const entries = (step: string): ReadonlyMap<string, Entry> => {
    const names = [...known.keys()]
      .map((name): readonly string[] => JSON.parse(name))
      .filter(([s, key]) => s === step && key !== '')
    return new Map(names.map(([, key = '']) => [key, entry(step, key)]))
  }
  const write = (lines: readonly Line[]): Promise<void> => (lines.length === 0 ? Promise.resolve() : enqueue(lines, []))

  return {
    write,
    forget: (step) => enqueue([], [field(step, '', 'intent')]),
    step: (step) => entry(step, ''),
    entries,
    of: (step) => ({
      intent: (list) => write(list.map((e) => ({ ...e, step, kind: 'intent' as const }))),
      evidence: (list) => write(list.map((e) => ({ ...e, step, kind: 'evidence' as const }))),
      read: () => Promise.resolve(entries(step)),
    }),
    check: async () => {
      const answer = await HOLDS(redis, [fence.key, keys.job(job), keys.stopped], [fence.token])
      if (answer === 'lost') throw lost(job)
      const stop = Array.isArray(answer) ? asStop(pairs(answer.map(String))) : undefined
      return stop ?? (answer === 'cancel' ? 'cancel' : 'go')
    },
  }
}
