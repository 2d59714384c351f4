import { createServer, request } from 'node:http'

export type Counting = {
  readonly url: string
  /** Each event that was sent (message, edit, reaction, redaction) and how it was answered. */
  readonly sends: { readonly status: number; readonly type: string }[]
  readonly stop: () => Promise<void>
}

/** A line to a homeserver that counts what the bot sends and what it is answered. */
export async function countSends(homeserver: string): Promise<Counting> {
  const sends: { status: number; type: string }[] = []
  const { hostname, port } = new URL(homeserver)
  const server = createServer((asked, answer) => {
    const { method = 'GET', url: path = '/', headers } = asked
    const onward = request({ hostname, port, method, path, headers }, (response) => {
      const status = response.statusCode ?? 0
      const type = /\/rooms\/[^/]+\/(?:send\/([\w.]+)|redact)\//.exec(path)
      if (method === 'PUT' && type !== null) sends.push({ status, type: type[1] ?? 'redaction' })
      answer.writeHead(status, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    asked.on('error', () => onward.destroy())
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    sends,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
