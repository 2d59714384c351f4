import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { Agent, request } from 'undici'
import { parse } from 'yaml'

/** The API server without any of our code between: what a test sets up and looks at. Loopback, the lab's admin certificate. */
export type Raw = {
  readonly get: (path: string) => Promise<{ status: number; body: Any }>
  readonly create: (path: string, body: object) => Promise<Any>
  readonly patch: (path: string, body: object, type?: string) => Promise<Any>
  readonly remove: (path: string, body?: object) => Promise<number>
  readonly close: () => Promise<void>
  readonly server: string
  readonly agent: Agent
}
// what the API server answers is looked at by tests only, field by field
// oxlint-disable-next-line typescript/no-explicit-any -- see above
export type Any = Record<string, any>

type KubeConfig = {
  readonly clusters: readonly { cluster: Record<string, string> }[]
  readonly users: readonly { user: Record<string, string> }[]
}

const decoded = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString()

/** Opens the lab's API server by its kubeconfig. */
export function openRaw(kubeconfig: string): Raw {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as KubeConfig // made by kubeadm
  const { cluster } = config.clusters[0]!
  const { user } = config.users[0]!
  const server = cluster['server'] ?? ''
  const connect = {
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  }
  const agent = new Agent({ connect, connections: 16 })
  const send = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    type = 'application/json',
  ) => {
    const reply = await request(server + path, {
      method,
      dispatcher: agent,
      headers: { 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: reply.statusCode, body: JSON.parse(await reply.body.text()) as Any }
  }
  const must = async (method: 'POST' | 'PATCH', path: string, body: object, type?: string): Promise<Any> => {
    const reply = await send(method, path, body, type)
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }
  return {
    server,
    agent,
    get: (path) => send('GET', path),
    create: (path, body) => must('POST', path, body),
    patch: (path, body, type = 'application/merge-patch+json') => must('PATCH', path, body, type),
    remove: async (path, body) => (await send('DELETE', path, body)).status,
    close: () => agent.close(),
  }
}

export type Seen = {
  readonly method: string
  readonly path: string
  readonly body: string
  /** What the real server answered. */
  status?: number
}
/** What a tampering proxy answers itself; undefined = the real API server does. */
type Own = { readonly status: number; readonly body: object; readonly headers?: Record<string, string> } | undefined
export type Tamper = (seen: Seen) => Own | Promise<Own>

/** The real API server behind a loopback proxy that notes each request and may answer some of them itself. */
export async function openProxy(
  raw: Raw,
  tamper: Tamper,
  rewrite = (path: string) => path,
): Promise<{ readonly server: string; readonly seen: Seen[]; readonly close: () => Promise<void> }> {
  const seen: Seen[] = []
  const proxy: Server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += String(chunk)
    const one: Seen = { method: incoming.method ?? '', path: incoming.url ?? '', body }
    seen.push(one)
    const own = await tamper(one)
    if (own !== undefined) {
      outgoing
        .writeHead(own.status, { 'content-type': 'application/json', ...own.headers })
        .end(JSON.stringify(own.body))
      return
    }
    const cut = new AbortController()
    outgoing.on('close', () => cut.abort())
    try {
      const reply = await request(raw.server + rewrite(one.path), {
        // a method that came over HTTP
        method: one.method as 'GET',
        dispatcher: raw.agent,
        signal: cut.signal,
        headers: {
          'content-type': incoming.headers['content-type'] ?? 'application/json',
          ...Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => name.startsWith('impersonate-'))),
        },
        bodyTimeout: 0,
        ...(body === '' ? {} : { body }),
      })
      one.status = reply.statusCode
      outgoing.writeHead(reply.statusCode, { 'content-type': 'application/json' })
      outgoing.flushHeaders()
      pipeline(reply.body, outgoing, () => {})
    } catch {
      outgoing.destroy()
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '::1', resolve))
  const { port } = proxy.address() as AddressInfo // listening on TCP
  return {
    server: `http://[::1]:${port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        proxy.closeAllConnections()
        proxy.close(() => resolve())
      }),
  }
}

/** Waits for a condition of the cluster; fails after 20 s. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const end = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`did not come: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
