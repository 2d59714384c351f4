import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

export type Asked = {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly atMs: number
}
export type Given = { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }
/**
 * What becomes of a request: to the server, never answered, answered like this, or its connection reset: before the server had it
 * (`reset`), or after it has carried it out (`lost`).
 */
export type Way = 'pass' | 'hang' | 'reset' | 'lost' | Given
export type Front = {
  readonly url: string
  /** From now on; requests that hang already go on hanging. */
  readonly decide: (way: (asked: Asked) => Way) => void
  /** Every request, oldest first. */
  readonly asked: readonly Asked[]
  /** What the server answered to what passed. */
  readonly answers: readonly (Asked & Given)[]
  readonly stop: () => Promise<void>
}

/** An HTTP server before an HTTP server, that fails as proxies and servers in trouble do. On 127.0.0.1. */
export async function frontTo(target: string): Promise<Front> {
  const asked: Asked[] = []
  const answers: (Asked & Given)[] = []
  let way: (asked: Asked) => Way = () => 'pass'
  const take = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const one = { method: from.method ?? '', path: from.url ?? '', atMs: performance.now() }
    asked.push(one)
    const chosen = way(one)
    if (chosen === 'hang') return
    if (chosen === 'reset') return void from.socket.resetAndDestroy()
    const given = typeof chosen === 'string' ? await pass(target, from, to) : chosen
    if (typeof chosen === 'string') answers.push({ ...one, ...given })
    if (chosen === 'lost') return void from.socket.resetAndDestroy()
    to.writeHead(given.status, given.headers ?? {}).end(given.body)
  }
  const server = createServer((from, to) => {
    take(from, to).catch(() => to.destroy())
  })
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    decide: (chosen) => {
      way = chosen
    },
    asked,
    answers,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer) // a stream without encoding
  return Buffer.concat(parts)
}

async function pass(target: string, from: IncomingMessage, to: ServerResponse): Promise<Given> {
  const body = await bytesOf(from)
  const options = { method: from.method, headers: { ...from.headers, host: new URL(target).host } }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(new URL(from.url ?? '', target), options, resolve).on('error', reject)
    to.on('close', () => call.destroy())
    call.end(body)
  })
  const type = answer.headers['content-type']
  return {
    status: answer.statusCode ?? 500,
    headers: type === undefined ? {} : { 'content-type': type },
    body: (await bytesOf(answer)).toString(),
  }
}
