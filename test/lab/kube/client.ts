import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'

type Config = {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }]
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }]
}

export type Said = { readonly code: number; readonly body: string }

/** A bare client of the API, for what must be quick or repeated: kubectl takes 0.1 s of a core per call. */
export type Client = {
  readonly call: (method: string, path: string, body?: unknown, type?: string) => Promise<Said>
  /** The items of a list. Throws when the API does not answer 200. */
  readonly list: <T>(path: string) => Promise<readonly T[]>
  /** Each event of a watch, until `onEvent` answers true, the signal aborts or the server ends the stream. */
  readonly watch: (path: string, onEvent: (event: WatchEvent) => boolean, signal: AbortSignal) => Promise<void>
  readonly close: () => void
}

export type WatchEvent = { readonly type: string; readonly object: { readonly metadata: { readonly uid: string } } }

/** Reads a kubeconfig of the lab (one cluster, one user, certificates inside). */
export function client(kubeconfig: string): Client {
  const { clusters, users }: Config = parse(readFileSync(kubeconfig, 'utf8'))
  const { cluster } = clusters[0]
  const { user } = users[0]
  const bytes = (text = '') => Buffer.from(text, 'base64')
  const server = new URL(cluster['server'] ?? '')
  const host = server.hostname.replace(/[[\]]/g, '')
  const tls = {
    ca: bytes(cluster['certificate-authority-data']),
    cert: bytes(user['client-certificate-data']),
    key: bytes(user['client-key-data']),
    ...(cluster['tls-server-name'] === undefined ? {} : { servername: cluster['tls-server-name'] }),
  }
  const agent = new Agent({ keepAlive: true, ...tls })
  // A watch is long: on a connection of its own no time limit of an earlier call can end it.
  const watching = new Agent(tls)
  const call = (method: string, path: string, body?: unknown, type = 'application/json'): Promise<Said> => {
    const { promise, resolve, reject } = Promise.withResolvers<Said>()
    const options = {
      agent,
      method,
      host,
      port: server.port,
      path,
      timeout: 15_000,
    }
    const asking = request({ ...options, headers: { 'content-type': type } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body: text }))
      response.on('error', reject)
    })
    asking.on('timeout', () => asking.destroy(new Error(`${method} ${path}: no answer in 15 s`)))
    asking.on('error', reject)
    asking.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }
  const watch: Client['watch'] = (path, onEvent, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error: Error) => (signal.aborted ? resolve() : reject(error))
    const asking = request({ agent: watching, method: 'GET', host, port: server.port, path, signal }, (response) => {
      const lines = createInterface({ input: response }).on('error', fail)
      lines.on('line', (line) => {
        if (!onEvent(JSON.parse(line))) return
        resolve()
        asking.destroy()
      })
      lines.on('close', resolve)
    })
    asking.on('error', fail)
    asking.end()
    return promise
  }
  return {
    call,
    watch,
    list: async <T>(path: string) => {
      const said = await call('GET', path)
      if (said.code !== 200) throw new Error(`GET ${path}: ${said.code} ${said.body.slice(0, 300)}`)
      const { items }: { items: readonly T[] } = JSON.parse(said.body)
      return items
    },
    close: () => agent.destroy(),
  }
}
