import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { connect } from '../../src/store/connect.ts'
import { type Address, makeMember } from '../lab/member.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { find } from '../lab/redis.ts'
import { list, startResp } from '../lab/resp.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A Sentinel that names `master`, and whose second word of it comes after the news that there is another one: as in a failover. */
async function sentinel(master: Address): Promise<Address & { readonly asked: () => number }> {
  const listeners = new Set<Socket>()
  let asked = 0
  const answer = (socket: Socket, [command = '', sub = '']: readonly string[]): void => {
    const port = String(master.port)
    if (command === 'subscribe') {
      listeners.add(socket)
      socket.write(`*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n`)
    } else if (sub === 'get-master-addr-by-name') {
      asked++
      const news = list('message', '+switch-master', `sluice ${master.host} ${port} ${master.host} ${port}`)
      if (asked > 1) for (const listener of listeners) listener.write(news)
      // the news is on its way on other connections: the answer comes after it
      setTimeout(() => socket.write(list(master.host, port)), asked > 1 ? 100 : 0)
    } else if (sub === 'sentinels') socket.write('*0\r\n')
    else if (command === 'hello') socket.write(`-ERR unknown command 'HELLO'\r\n`)
    else socket.write('+OK\r\n')
  }
  const server = await startResp(answer, (socket) => void listeners.delete(socket))
  closing.push(server.stop)
  return { host: '127.0.0.1', port: server.port, asked: () => asked }
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
