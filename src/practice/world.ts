import { randomBytes } from 'node:crypto'
import {
  createServer as createHttp,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import { PracticeApi } from './api.ts'
import { C2 } from './c2.ts'
import { SimulatedCluster } from './cluster.ts'
import { handleControl } from './control.ts'
import { Faults } from './faults.ts'
import type { PracticeCluster, PracticeFile } from './file.ts'
import { type Hosts, openHosts } from './hosts.ts'
import { Idle } from './idle.ts'
import { TIMING, type Timing } from './kubelet.ts'
import { listen } from './listen.ts'
import { P10 } from './p10.ts'
import { PracticeRedmine } from './redmine.ts'
import { RequestLog } from './requests.ts'
import { makeServerIdentity } from './x509.ts'

export type WorldOptions = {
  /** Where keys and the hosts' files lie. */
  readonly home: string
  readonly offsetMs: number
  readonly idleLimitMs: number
  readonly timing: Partial<Timing>
  /** Whether nobody can find this world any more; looked at now and then. */
  readonly isOrphan: () => boolean
  /** Called once when nobody came for `idleLimitMs`, or can come, or when a client said stop. */
  readonly onEnd: (why: 'idle' | 'orphan' | 'told') => void
}
export type OpenWorld = { readonly file: PracticeFile; readonly stop: () => Promise<void> }

type Running = {
  readonly api: PracticeApi
  readonly cluster: SimulatedCluster
  readonly server: HttpsServer
  readonly file: PracticeCluster
}
type Shared = { readonly faults: Faults; readonly requests: RequestLog; readonly touch: () => void }

const secret = (): string => randomBytes(24).toString('base64url')

async function openCluster(
  of: typeof P10,
  options: WorldOptions,
  { faults, requests, touch }: Shared,
): Promise<Running> {
  const { name, host, version, kubeSystemUid } = of
  const cluster = new SimulatedCluster(name, { ...TIMING, ...options.timing }, options.offsetMs)
  of.seed(cluster.store)
  const { caPem, certPem, keyPem } = makeServerIdentity(`practice ${name}`, ['::1', 'localhost', host])
  const token = secret()
  const api = new PracticeApi({ cluster, token, version, faults, onRequest: touch })
  const server = createHttps({ cert: certPem, key: keyPem, keepAliveTimeout: 60_000 }, (request, response) => {
    requests.note(name, request, response)
    api.handle(request, response)
  })
  const port = await listen(server)
  cluster.start()
  return { api, cluster, server, file: { server: `https://[::1]:${port}`, caPem, token, uid: kubeSystemUid } }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A plain HTTP server; what a handler cannot answer ends the connection. */
const httpServer = (touch: () => void, handle: Handler): HttpServer =>
  createHttp((request, response) => {
    touch()
    handle(request, response).catch(() => response.destroy())
  })

/** Stops listening and drops what is still connected. */
const close = (server: HttpServer | HttpsServer): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const hostSeeds = [P10, C2].flatMap(({ name, nodes }) => nodes.map((node) => ({ ...node, cluster: name })))

/** Starts clusters, hosts, tickets and the control endpoint. Throws Error when a port cannot be had. */
export async function openWorld(options: WorldOptions): Promise<OpenWorld> {
  const faults = new Faults()
  const requests = new RequestLog()
  const redmine = new PracticeRedmine(secret())
  const open: { clusters: Running[]; hosts?: Hosts } = { clusters: [] }
  const isBusy = (): boolean =>
    open.clusters.some(({ api }) => api.openWatches > 0) || (open.hosts?.openConnections() ?? 0) > 0
  const idle = new Idle(options.idleLimitMs, isBusy, options.isOrphan)
  const touch = (): void => idle.touch()
  open.clusters = await Promise.all([P10, C2].map((of) => openCluster(of, options, { faults, requests, touch })))
  const hosts = await openHosts({ home: options.home, seeds: hostSeeds, onRequest: touch })
  open.hosts = hosts
  const tickets = httpServer(touch, (request, response) => redmine.handle(request, response))
  const token = secret()
  const clusters = new Map(open.clusters.map(({ cluster, api }) => [cluster.name, { cluster, api }]))
  const stage = { clusters, faults, redmine, setHostDown: hosts.setDown }
  const stop = (): void => options.onEnd('told')
  const controls = { token, stage, requests: () => requests.all(), stop }
  const control = httpServer(touch, (request, response) => handleControl(controls, request, response))
  const [ticketPort, controlPort] = await Promise.all([listen(tickets), listen(control)])
  idle.start(options.onEnd)
  return {
    file: {
      pid: process.pid,
      startedAtMs: Date.now(),
      controlUrl: `http://[::1]:${controlPort}`,
      controlToken: token,
      clusters: Object.fromEntries(open.clusters.map(({ cluster, file }) => [cluster.name, file])),
      ssh: hosts.file,
      redmine: { url: `http://[::1]:${ticketPort}`, apiKey: redmine.apiKey },
    },
    stop: async () => {
      idle.stop()
      hosts.stop()
      for (const { cluster } of open.clusters) cluster.stop()
      await Promise.all([tickets, control, ...open.clusters.map(({ server }) => server)].map(close))
    },
  }
}
