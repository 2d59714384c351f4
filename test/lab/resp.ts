import { createServer, type Socket } from 'node:net'

export type RespServer = {
  readonly port: number
  readonly stop: () => Promise<void>
}

/** A server that speaks Redis' protocol (RESP2) on the loopback; `answer` writes what it says to a command, its first two words in small letters. */
export async function startResp(
  answer: (socket: Socket, words: readonly string[]) => void,
  onClose: (socket: Socket) => void = () => {},
): Promise<RespServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    let rest = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      onClose(socket)
    })
    socket.on('data', (bytes) => {
      rest += bytes.toString()
      // whole commands only: `*n`, then n times `$length` and the word
      for (let match = /^\*(\d+)\r\n/.exec(rest); match !== null; match = /^\*(\d+)\r\n/.exec(rest)) {
        const lines = rest.slice(match[0].length).split('\r\n')
        const count = 2 * Number(match[1])
        if (lines.length <= count) return
        const words = lines.slice(0, count).filter((_, i) => i % 2 === 1)
        answer(
          socket,
          words.map((word, i) => (i < 2 ? word.toLowerCase() : word)),
        )
        rest = lines.slice(count).join('\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
export const list = (...texts: readonly string[]): string => `*${texts.length}\r\n${texts.map(bulk).join('')}`
