import { createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { connect } from '../../src/store/connect.ts'
import { type Address, makeMember } from '../lab/member.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { find } from '../lab/redis.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const bulk = (...texts: readonly string[]): string =>
  `*${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`

/** A Sentinel that names `master`, and whose second word of it comes after the news that there is another one: as in a failover. */
async function sentinel(master: Address): Promise<Address & { readonly asked: () => number }> {
  const listeners = new Set<Socket>()
  let asked = 0
  const answer = (socket: Socket, words: readonly string[]): void => {
    const [command = '', sub = ''] = words.map((word) => word.toLowerCase())
    const port = String(master.port)
    if (command === 'subscribe') {
      listeners.add(socket)
      socket.write(`*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n`)
    } else if (sub === 'get-master-addr-by-name') {
      asked++
      const news = bulk('message', '+switch-master', `sluice ${master.host} ${port} ${master.host} ${port}`)
      if (asked > 1) for (const listener of listeners) listener.write(news)
      // the news is on its way on other connections: the answer comes after it
      setTimeout(() => socket.write(bulk(master.host, port)), asked > 1 ? 100 : 0)
    } else if (sub === 'sentinels') socket.write('*0\r\n')
    else if (command === 'hello') socket.write(`-ERR unknown command 'HELLO'\r\n`)
    else socket.write('+OK\r\n')
  }
  const server = createServer((socket) => {
    let rest = ''
    socket.on('error', () => {}).on('close', () => listeners.delete(socket))
    socket.on('data', (bytes) => {
      rest += bytes.toString()
      // whole commands only: `*n`, then n times `$length` and the word
      for (let match = /^\*(\d+)\r\n/.exec(rest); match !== null; match = /^\*(\d+)\r\n/.exec(rest)) {
        const lines = rest.slice(match[0].length).split('\r\n')
        const count = 2 * Number(match[1])
        if (lines.length <= count) return
        answer(
          socket,
          lines.slice(0, count).filter((_, i) => i % 2 === 1),
        )
        rest = lines.slice(count).join('\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    for (const listener of listeners) listener.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { host: '127.0.0.1', port, asked: () => asked }
}

await real(['redis'], 'a failover', () => {
  test('news of another master that come while one is looked for do not end the connection', async () => {
    const member = await makeMember(lab(), find('redis-server'), () => [])
    closing.push(() => member.stop())
    const { asked, ...node } = await sentinel(member.announced)
    const client = connect({ kind: 'sentinel', master: 'sluice', nodes: [node] }, 'patient', 'test')
    client.on('error', () => {})
    closing.push(async () => client.disconnect())
    expect(await client.ping()).toBe('PONG')
    await member.kill9()
    await until('the Sentinel is asked again', 10_000, () => (asked() > 1 ? true : undefined))
    await member.start()
    expect(await client.ping()).toBe('PONG')
    expect(client.status).toBe('ready')
  })
})
