import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Hold = {
  readonly url: string
  /** From now on /sync brings no keys; `release` hands over what was held back with the next answer. */
  readonly hold: () => void
  readonly release: () => void
  readonly stop: () => Promise<void>
}
type Sync = { to_device?: { events: unknown[] } }

/** A homeserver whose messages between devices may be late, as they are between servers: everything else goes through. */
export async function holdKeys(homeserver: string): Promise<Hold> {
  let holding = false
  let held: unknown[] = []
  const late = (body: string): string => {
    const answer = JSON.parse(body) as Sync // the lab's homeserver
    const events = [...held, ...(answer.to_device?.events ?? [])]
    held = holding ? events : []
    return JSON.stringify({ ...answer, to_device: { events: holding ? [] : events } })
  }
  const server = createServer(async (request, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    try {
      const body = await bytesOf(request)
      const answer = await fetch(homeserver + request.url, {
        method: request.method ?? 'GET',
        // Else an answer that nobody waits for any more would take keys along.
        signal: gone.signal,
        headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      })
      const text = await answer.text()
      const isSync = answer.ok && request.url?.includes('/v3/sync') === true
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(isSync ? late(text) : text)
    } catch {
      response.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    hold: () => void (holding = true),
    release: () => void (holding = false),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer) // no encoding is set
  return Buffer.concat(parts)
}
