import type { Redis } from 'ioredis'
import type { Engine } from '../../src/jobs/deps.ts'
import { keys } from '../../src/store/keys.ts'
import type { Client, Store } from '../../src/store/store.ts'
import type { Member } from '../lab/member.ts'

/** What a failure of the load says of itself: short, because a report shows the beginning of a message. */
export type Look = (job?: string) => Promise<string>
export type Watched = { readonly name: string; readonly client: Client }
type Inside = {
  readonly commandQueue?: { toArray: () => readonly { readonly command: { readonly name: string } }[] }
  readonly offlineQueue?: { toArray: () => readonly { readonly command: { readonly name: string } }[] }
}

const LIMIT_MS = 2_000

async function within<T>(work: Promise<T>): Promise<T | string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('no answer'), LIMIT_MS)
  return Promise.race([work.catch((error: unknown) => String(error).slice(0, 60)), promise]).finally(() =>
    clearTimeout(timer),
  )
}

/** A store whose further connections, and those that BullMQ makes of them, are known by name. */
export function watched(store: Store): { readonly store: Store; readonly clients: readonly Watched[] } {
  const clients: Watched[] = [{ name: 'redis', client: store.redis }]
  const watch = (name: string, client: Client): Client => {
    clients.push({ name, client })
    let copies = 0
    // the two kinds of clients are copied with different arguments; both pass them on
    const copy = client.duplicate.bind(client) as (...given: unknown[]) => Client
    return Object.assign(client, { duplicate: (...given: unknown[]) => watch(`${name}/${++copies}`, copy(...given)) })
  }
  let lines = 0
  return { store: { ...store, blocking: () => watch(`line${++lines}`, store.blocking()) }, clients }
}

function inFlight(client: object): string {
  // private in ioredis; only looked at
  const { commandQueue, offlineQueue } = client as Inside
  const names = (queue: Inside['commandQueue']) => queue?.toArray().map(({ command }) => command.name) ?? []
  const [sent, held] = [names(commandQueue), names(offlineQueue)]
  const list = (of: readonly string[]) => `${of.slice(0, 3).join('+')}${of.length > 3 ? `+${of.length - 3}` : ''}`
  return `${sent.length === 0 ? '' : ` sent ${list(sent)}`}${held.length === 0 ? '' : ` held ${list(held)}`}`
}

/** Only what is not as usual: ready, and nothing but a wait for work. */
function lineOf({ name, client }: Watched): string {
  const nodes = 'nodes' in client ? client.nodes('all') : []
  const parts = nodes.map((node) => `${node.options.port} ${node.status}${inFlight(node)}`)
  const odd = parts.filter((part) => !/ (ready|wait)( sent bzpopmin)?$/.test(part))
  const own = `${client.status}${inFlight(client)}`
  const isUsual =
    /^ready( sent bzpopmin)?$/.test(own) && odd.length === 0 && (nodes.length === 0) === !('nodes' in client)
  return isUsual
    ? ''
    : `${name} ${own}${'nodes' in client ? ` (${nodes.length} nodes${odd.length > 0 ? `: ${odd.join(', ')}` : ''})` : ''}`
}

async function queued(redis: Redis, queue: 'reads' | 'work', id: string): Promise<string> {
  const at = `{sluice}:${queue}`
  const [lists, delayed, lock, marks] = await Promise.all([
    Promise.all(
      ['wait', 'active', 'paused'].map(async (list) => ((await redis.lpos(`${at}:${list}`, id)) === null ? '' : list)),
    ),
    redis.zscore(`${at}:delayed`, id),
    redis.pttl(`${at}:${id}:lock`),
    redis.zcard(`${at}:marker`),
  ])
  const where = [...lists, delayed === null ? '' : 'delayed'].filter((one) => one !== '').join('+')
  return `${id} ${where === '' ? 'nowhere' : where}, lock ${lock} ms, marker ${marks}`
}

async function onServer(member: Member, job: string | undefined): Promise<string> {
  const redis = member.ask()
  try {
    const text = await redis.info('replication')
    const field = (name: string) => new RegExp(`${name}:(\\S+)`).exec(text)?.[1] ?? '?'
    const is = `${member.announced.port} ${field('role')} ${field('master_repl_offset')}`
    if (job === undefined || (field('role') === 'slave' && text.includes('cluster'))) return is
    const [record, release] = await redis.hmget(keys.job(job), 'record', 'release')
    const now = typeof record === 'string' ? JSON.parse(record).revision : undefined
    const has = now === undefined ? 'no job' : `${now.state} rev ${now.revision}`
    const [count, effects] = [await redis.get(keys.jobCount), await redis.hkeys(keys.effects)]
    return `${is} ${has} of ${count}, ${await (typeof release === 'string' ? queued(redis, 'work', release) : queued(redis, 'reads', `plan-${job}`))}, effects ${effects.length}`
  } catch (error) {
    const said = String(error)
    return `${member.announced.port} ${/MOVED/.test(said) ? 'replica' : said.slice(0, 60)}`
  } finally {
    redis.disconnect()
  }
}

type Bot = {
  readonly name: string
  readonly engine: Engine
  readonly clients: readonly Watched[]
  readonly refused: ReadonlySet<string>
}

/** The word of every server about a job, what each bot thinks is under way, and its connections that are not as usual. */
export const lookAt =
  (bots: readonly Bot[], servers: readonly Member[]): Look =>
  async (job) => {
    const said = await Promise.all(servers.map((one) => within(onServer(one, job))))
    const of = await Promise.all(
      bots.map(async ({ name, engine, clients, refused }) => {
        const idle = await within(engine.idle())
        const lines = clients.map(lineOf).filter((line) => line !== '')
        const busy =
          typeof idle === 'string'
            ? idle
            : `effects ${idle.effects}, reads ${idle.reads}, outbox ${idle.outbox}, busy ${idle.busyJobs.join(' ')}`
        return `${name}: ${lines.length === 0 ? 'lines fine' : lines.join('; ')}; ${busy}; told ${[...refused].map((code) => code.slice(-40)).join(' / ')}`
      }),
    )
    return [...said.map(String), ...of].join(' | ')
  }
