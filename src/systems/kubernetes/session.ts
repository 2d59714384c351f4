import {
  AppsV1Api,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  createConfiguration,
  type HttpLibrary,
  type RequestContext,
  ResponseContext,
  ServerConfiguration,
  wrapHttpLibrary,
} from '@kubernetes/client-node'
import type { ClusterOptions } from './options.ts'
import { sender } from './sender.ts'
import { errorOf, type Reply } from './status.ts'

/** One request of ours: a path below the server, checked and answered as text. */
export type Ask = {
  readonly doing: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With query. Every variable part went through encodeURIComponent. */
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export type Session = {
  /** The reply whatever its status, but of reads the transient ones. Throws K8S-UNREACHABLE | K8S-TIMEOUT | K8S-CREDENTIALS, reads also K8S-BUSY | K8S-FAULT. */
  readonly send: (ask: Ask) => Promise<Reply>
  /** The reply's JSON; throws the error of a status that is not 2xx. */
  readonly json: (ask: Ask) => Promise<unknown>
  /** Reads a watch line by line until it ends; ends with the reply when the status is not 200. `onOpen`: it was 200. */
  readonly lines: (
    ask: Ask & { readonly idleMs: number; readonly onOpen?: () => void },
    onLine: (line: string) => void,
  ) => Promise<Reply | undefined>
  readonly core: CoreV1Api
  readonly apps: AppsV1Api
  readonly batch: BatchV1Api
  readonly coordination: CoordinationV1Api
  /** Options of a generated call: its signal, and what it does in words. */
  readonly options: (doing: string, signal: AbortSignal | undefined) => { httpApi: HttpLibrary }
  readonly close: () => Promise<void>
}

const contentType = (method: string): string =>
  method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'

/** The generated calls' way out: through our connections, limits and errors. */
const libraryOf =
  (name: string, patiently: ReturnType<typeof sender>['patiently']) =>
  (doing: string, signal: AbortSignal | undefined): HttpLibrary =>
    wrapHttpLibrary({
      async send(request: RequestContext): Promise<ResponseContext> {
        const body = request.getBody()
        const reply = await patiently({
          doing: `${doing} (${name})`,
          method: request.getHttpMethod(),
          // The generated path is absolute; what stands before it in the server's URL was kept by client-node.
          url: request.getUrl(),
          headers: request.getHeaders(),
          body: typeof body === 'string' ? body : undefined,
          signal,
        })
        if (reply.status >= 300) throw errorOf(reply, `${doing} (${name})`)
        const headers = Object.fromEntries(Object.entries(reply.headers).map(([k, v]) => [k, v ?? '']))
        const bytes = async (): Promise<Buffer> => Buffer.from(reply.text)
        return new ResponseContext(reply.status, headers, {
          text: async () => reply.text,
          binary: bytes,
          stream: () => null,
        })
      },
    })

/** Opens nothing yet: connections are made by the first request and kept. Throws K8S-CREDENTIALS. */
export function openSession(options: ClusterOptions): Session {
  const { name } = options
  const { server, pool, prepare, patiently } = sender(options)
  const wireOf = (ask: Ask) => ({
    doing: `${ask.doing} (${name})`,
    method: ask.method,
    url: server() + ask.path,
    headers: {
      accept: 'application/json',
      ...(ask.body === undefined ? {} : { 'content-type': contentType(ask.method) }),
    },
    body: ask.body === undefined ? undefined : JSON.stringify(ask.body),
    signal: ask.signal,
  })
  const send = (ask: Ask): Promise<Reply> => patiently(wireOf(ask))

  const library = libraryOf(name, patiently)
  // Credentials are added in `prepare`, where they can be renewed: the generated calls carry none.
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(server(), {}),
    httpApi: library('calling the API', undefined),
  })

  return {
    send,
    async json(ask) {
      const reply = await send(ask)
      if (reply.status >= 300) throw errorOf(reply, `${ask.doing} (${name})`)
      return JSON.parse(reply.text)
    },
    async lines(ask, onLine) {
      const { wire } = await prepare(wireOf(ask), true)
      return pool.readLines({ ...wire, idleMs: ask.idleMs, onOpen: ask.onOpen }, onLine)
    },
    core: new CoreV1Api(configuration),
    apps: new AppsV1Api(configuration),
    batch: new BatchV1Api(configuration),
    coordination: new CoordinationV1Api(configuration),
    options: (doing, signal) => ({ httpApi: library(doing, signal) }),
    close: () => pool.close(),
  }
}
