import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { createServer as createDoor, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, type Dispatcher, request } from 'undici'
import { parse, stringify } from 'yaml'
import { makeServerIdentity, type ServerIdentity } from '../../../src/practice/x509.ts'

export type Asked = {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly watch: boolean
}
/**
 * What becomes of a request. `reset`, `hang`: it never reaches the server, and the connection is reset, or nothing is ever said;
 * `lost`, `mute`: the same, but the server has carried it out.
 */
export type Way =
  | 'pass'
  | 'reset'
  | 'hang'
  | 'lost'
  | 'mute'
  | { readonly delayMs: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }

export type KubeFront = {
  /** The lab's, but for the server: this front, with a CA of its own. */
  readonly kubeconfig: string
  /** From now on; called once for each request, in order. */
  readonly decide: (way: (asked: Asked) => Way) => void
  /** Told what the server answered, before whoever asked hears of it. */
  readonly onAnswer: (told: (asked: Asked, status: number) => void) => void
  /** Ends the watches that are open now, as the server does after their time. */
  readonly endWatches: () => void
  /** The watches that are open now carry nothing any more and nobody is told. */
  readonly freezeWatches: () => void
  /** Closes every connection and refuses new ones. */
  readonly cut: () => Promise<void>
  /** Undoes cut. */
  readonly restore: () => Promise<void>
  readonly stop: () => Promise<void>
}

type Config = {
  readonly clusters: readonly [{ readonly cluster: Record<string, string> }]
  readonly users: readonly [{ readonly user: Record<string, string> }]
}
type Upstream = { readonly server: string; readonly agent: Agent }
type Watch = { readonly to: ServerResponse; frozen: boolean }

const decoded = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString()

function upstreamOf({ clusters, users }: Config): Upstream {
  const { cluster } = clusters[0]
  const { user } = users[0]
  const connect = {
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  }
  return { server: cluster['server'] ?? '', agent: new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 }) }
}

/** Headers of one hop, and those the body brings itself. */
const OWN = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive'])
const headersOf = (from: IncomingMessage): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(from.headersDistinct).flatMap(([name, all]) =>
      OWN.has(name) || all === undefined ? [] : [[name, all]],
    ),
  )

/** Asks the server. A watch ends with whoever asked; everything else is carried out to its end, even when nobody waits. */
async function ask({ server, agent }: Upstream, asked: Asked, from: IncomingMessage, to: ServerResponse) {
  const body = (await from.toArray()).join('')
  const over = new AbortController()
  if (asked.watch) to.on('close', () => over.abort())
  return request(server + asked.path, {
    method: asked.method,
    headers: headersOf(from),
    dispatcher: agent,
    signal: over.signal,
    ...(body === '' ? {} : { body }),
  })
}

async function stream(reply: Dispatcher.ResponseData, watch: Watch): Promise<void> {
  for await (const part of reply.body) if (!watch.frozen && !watch.to.writableEnded) watch.to.write(part)
  if (!watch.frozen) watch.to.end()
}

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The sockets come through a door of our own, so that it can be shut and a connection be reset below its TLS. */
async function openDoor(enter: (socket: Socket) => void) {
  const sockets = new Map<number, Socket>()
  let [server, port]: [Server | undefined, number] = [undefined, 0]
  const open = async (): Promise<void> => {
    if (server !== undefined) return
    const made = createDoor((socket) => {
      const id = socket.remotePort ?? 0
      sockets.set(id, socket)
      enter(socket.on('error', () => {}).on('close', () => sockets.delete(id)))
    })
    server = made
    await new Promise<void>((resolve, reject) => made.on('error', reject).listen(port, '::1', resolve))
    port = portOf(made)
  }
  await open()
  return {
    port,
    open,
    reset: (id: number | undefined): void => void sockets.get(id ?? 0)?.resetAndDestroy(),
    shut: async (): Promise<void> => {
      const shutting = server
      server = undefined
      const closed = new Promise((resolve) => (shutting === undefined ? resolve(undefined) : shutting.close(resolve)))
      for (const socket of sockets.values()) socket.destroy()
      await closed
    },
  }
}

function writeKubeconfig(file: string, config: Config, port: number, { caPem }: ServerIdentity): void {
  const [one] = config.clusters
  const cluster = {
    ...one.cluster,
    server: `https://[::1]:${port}`,
    'certificate-authority-data': Buffer.from(caPem).toString('base64'),
  }
  writeFileSync(file, stringify({ ...config, clusters: [{ ...one, cluster }] }), { mode: 0o600 })
}

/** The real API server behind a front on [::1] that fails as a test decides. `file`: where its kubeconfig is written. */
export async function kubeFront(kubeconfig: string, file: string): Promise<KubeFront> {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as Config // made by kubeadm
  const upstream = upstreamOf(config)
  const identity = makeServerIdentity('front', ['::1'])
  const watches = new Set<Watch>()
  let decide: (asked: Asked) => Way = () => 'pass'
  let told: (asked: Asked, status: number) => void = () => {}
  const take = async (asked: Asked, way: Way, from: IncomingMessage, to: ServerResponse): Promise<void> => {
    if (way === 'hang') return
    if (way === 'reset') return door.reset(from.socket.remotePort)
    if (typeof way === 'object' && 'status' in way)
      return void to.writeHead(way.status, { 'content-type': 'application/json', ...way.headers }).end(way.body)
    const reply = await ask(upstream, asked, from, to)
    told(asked, reply.statusCode)
    if (way === 'lost' || way === 'mute') {
      if (!asked.watch) await reply.body.dump()
      return way === 'lost' ? door.reset(from.socket.remotePort) : undefined
    }
    if (typeof way === 'object') await pause(way.delayMs)
    const watch = { to, frozen: false }
    if (asked.watch) watches.add(watch)
    const { 'transfer-encoding': _own, 'content-length': _size, ...headers } = reply.headers
    to.writeHead(reply.statusCode, headers).flushHeaders()
    await stream(reply, watch).finally(() => watches.delete(watch))
  }
  const server = createServer({ cert: identity.certPem, key: identity.keyPem, keepAliveTimeout: 0 }, (from, to) => {
    const path = from.url ?? ''
    const asked = { method: from.method ?? '', path, watch: /[?&]watch=/.test(path) }
    take(asked, decide(asked), from, to).catch(() => to.destroy())
  })
  const door = await openDoor((socket) => void server.emit('connection', socket))
  writeKubeconfig(file, config, door.port, identity)
  return {
    kubeconfig: file,
    decide: (chosen) => {
      decide = chosen
    },
    onAnswer: (chosen) => {
      told = chosen
    },
    endWatches: () => {
      for (const { to } of watches) to.end()
    },
    freezeWatches: () => {
      for (const watch of watches) watch.frozen = true
    },
    cut: door.shut,
    restore: door.open,
    stop: async () => {
      await door.shut()
      await upstream.agent.destroy()
    },
  }
}
