import { connect, createServer, type Server, type Socket } from 'node:net'

export type Relay = {
  readonly port: number
  /** Closes every connection and refuses new ones. */
  readonly cut: () => Promise<void>
  /** Connections stay open and carry nothing, as behind a dead router; new ones too. */
  readonly hang: () => void
  /** The connections that are open now carry nothing any more and nobody is told; new ones work: the peer went away without a word. */
  readonly freeze: () => void
  /** Undoes cut and hang; hung connections go on. */
  readonly restore: () => Promise<void>
  readonly stop: () => Promise<void>
}

type Target = { readonly host: string; readonly port: number } | { readonly path: string }

/** A line to a server that a test may cut or let hang, on 127.0.0.1. */
export async function relayTo(target: Target): Promise<Relay> {
  const sockets = new Set<Socket>()
  let hung = false
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    // a line adds no time of its own
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    return socket.on('close', () => sockets.delete(socket))
  }
  const accept = (client: Socket): void => {
    const server = keep('path' in target ? connect(target.path) : connect(target.port, target.host))
    keep(client).pipe(server).pipe(client)
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
    if (hung) for (const socket of [client, server]) socket.pause()
  }
  let server: Server | undefined
  let port = 0
  const open = async (): Promise<void> => {
    if (server !== undefined) return
    const opened = createServer(accept)
    server = opened
    await new Promise<void>((resolve, reject) => opened.on('error', reject).listen(port, '127.0.0.1', resolve))
    const address = opened.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
  }
  const cut = async (): Promise<void> => {
    const closing = server
    server = undefined
    const closed = new Promise((resolve) => (closing === undefined ? resolve(undefined) : closing.close(resolve)))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await open()
  return {
    get port() {
      return port
    },
    cut,
    hang: () => {
      hung = true
      for (const socket of sockets) socket.pause()
    },
    freeze: () => {
      for (const socket of sockets) socket.pause()
    },
    restore: async () => {
      hung = false
      for (const socket of sockets) socket.resume()
      await open()
    },
    stop: cut,
  }
}
