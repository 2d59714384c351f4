import { setTimeout as pause } from 'node:timers/promises'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Topology } from './connect.ts'
import { keys } from './keys.ts'
import type { Keep, Source } from './script.ts'
import type { Client } from './store.ts'

/** At least one replica has it, within so long. */
const REPLICAS = 1
const WAIT_MS = 200
/** Many writes share one wait; more than this at once would hold up their answers. */
const BATCH = 200
const TRIES = 5
const DOING = 'storing what must not be lost'
const LOOK_AGAIN_MS = 5_000
/** Any key of ours: all are in one slot. */
const ANY_KEY = '{sluice}:job-count'

/**
 * What the node that has our slot says of itself. Not as `CLUSTER ...`: ioredis sends that also while it holds back the words beside it, so that of
 * a pipeline no byte goes out, and every answer on that connection is taken for the one before it from then on.
 */
const ofNode = (word: 'MYID' | 'NODES'): string => `return redis.call('CLUSTER', '${word}')`

export type Replicas = {
  /** Whether there is a replica to wait for, as of the last look. */
  readonly wanted: () => boolean
  /** Runs kept scripts on this connection: writes and `WAIT` go down one line together, because a `WAIT` on another connection proves nothing. */
  readonly keeper: (client: Client) => Keep
  readonly close: () => void
}
type Item = {
  readonly source: Source
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
  tries: number
}
/** What one server says of itself: its id in the Cluster, and how many replicas it should have. */
type View = { readonly id: string; readonly replicas: number }

async function viewOfServer(client: Client): Promise<View> {
  const text = await client.info('replication')
  return { id: '', replicas: Number(/connected_slaves:(\d+)/.exec(text)?.[1] ?? 0) }
}

/**
 * The master of our slot, and its replicas but for those that the majority of masters has given up (`fail`; a node that is cut off alone gets
 * no further than `fail?`). So a master that was promoted and has nobody left is told from one that is cut off.
 */
async function viewOfCluster(client: Client): Promise<View> {
  const text = await client.eval(ofNode('NODES'), 1, ANY_KEY)
  const nodes = String(text)
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([id = '', , flags = '', master = '']) => ({ id, flags: flags.split(','), master }))
  const me = nodes.find((node) => node.flags.includes('myself'))?.id ?? ''
  const mine = nodes.filter((n) => n.master === me && n.flags.includes('slave') && !n.flags.includes('fail'))
  return { id: me, replicas: mine.length }
}

type Outcome = {
  readonly answers: readonly (readonly [Error | null, unknown])[]
  readonly acks: number
  readonly id: string
}

async function exec(client: Client, batch: readonly Item[], told: ReadonlySet<string>): Promise<Outcome> {
  const line = client.pipeline()
  for (const { source, keys: on, args } of batch)
    if (told.has(source.sha)) line.evalsha(source.sha, on.length, ...on, ...args)
    else line.eval(source.lua, on.length, ...on, ...args)
  // a wait answers for the last write of its own connection: for one that wrote nothing yet, any replica that was ever there says yes
  line.incr(keys.confirmed)
  line.wait(REPLICAS, WAIT_MS)
  if (client.isCluster) line.eval(ofNode('MYID'), 1, ANY_KEY)
  const answers = (await line.exec()) ?? []
  const [failed, acks] = answers[batch.length + 1] ?? []
  const [, id] = answers[batch.length + 2] ?? []
  return {
    answers,
    acks: failed === null || failed === undefined ? Number(acks) : 0,
    id: typeof id === 'string' ? id : '',
  }
}

/** It was not run there: the server is new to the script, or the slot has moved. */
const again = (error: Error): boolean => /^(NOSCRIPT|MOVED|ASK|TRYAGAIN) /.test(error.message)

async function whereNow(client: Client): Promise<void> {
  if (!client.isCluster) return
  // a command with a key follows the slot to where it is
  await client.exists(ANY_KEY).catch(() => {})
  await pause(20)
}

type Judge = (client: Client, id: string) => Promise<boolean>

/** Group commit: what comes while a wait is under way goes out with the next one. */
function groupKeeper(client: Client, isAlone: Judge): Keep {
  const told = new Set<string>()
  let waiting: Item[] = []
  let busy = false
  const send = async (batch: readonly Item[]): Promise<void> => {
    const { answers, acks, id } = await exec(client, batch, told)
    const safe = acks >= REPLICAS || (await isAlone(client, id).catch(() => false))
    const missed: Item[] = []
    for (const [i, item] of batch.entries()) {
      const [error, answer] = answers[i] ?? [new Error('Connection is closed.'), undefined]
      if (error === null) told.add(item.source.sha)
      if (error !== null && again(error) && ++item.tries < TRIES) {
        told.delete(item.source.sha)
        missed.push(item)
      } else if (error !== null) item.reject(error)
      else if (safe) item.resolve(answer)
      else item.reject(new SluiceError('STORE-NOT-REPLICATED', DOING))
    }
    if (missed.length === 0) return
    await whereNow(client)
    waiting = [...missed, ...waiting]
  }
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      await send(batch).catch((error: unknown) => batch.forEach((item) => item.reject(error)))
    }
    busy = false
  }
  return (source, on, args) =>
    new Promise((resolve, reject) => {
      waiting.push({ source, keys: on, args, resolve, reject, tries: 0 })
      if (busy) return
      busy = true
      queueMicrotask(() => void flush())
    })
}

/**
 * Waiting for replicas. `required`: without one nothing is kept (the default behind Sentinels: a master that sees no replica may be one that was replaced).
 * Else a server on its own, or one the Cluster's majority leaves alone, keeps by itself, and says so in the log.
 * `client` looks every 5 s how it is.
 */
export async function watchReplicas(client: Client, at: Topology, required: boolean, log: Log): Promise<Replicas> {
  const view = at.kind === 'cluster' ? viewOfCluster : viewOfServer
  let replicas = 0
  const look = async (on: Client): Promise<View> => {
    const seen = await view(on)
    if (replicas > 0 && seen.replicas === 0)
      log.warn({ code: 'STORE-ALONE' }, 'Redis has no replica any more: what is accepted now is on one server only')
    replicas = seen.replicas
    return seen
  }
  // by the server that wrote: another one, that took over meanwhile, knows nothing of that write
  const isAlone: Judge = async (on, id) => {
    if (required) return false
    const seen = await look(on)
    return seen.replicas === 0 && seen.id === id
  }
  if (!required) await look(client)
  const timer = required ? undefined : setInterval(() => void look(client).catch(() => {}), LOOK_AGAIN_MS).unref()
  return {
    wanted: () => required || replicas > 0,
    keeper: (on) => groupKeeper(on, isAlone),
    close: () => clearInterval(timer),
  }
}
