import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect, type Topology } from '../../src/store/connect.ts'
import { silentLog } from '../../src/log.ts'
import { Settling } from '../../src/store/settling.ts'
import { watchReplicas } from '../../src/store/replicas.ts'
import type { Client } from '../../src/store/store.ts'
import { storeTrouble } from '../../src/store/trouble.ts'
import { until } from '../lab/process.ts'
import { bulk, startResp } from '../lab/resp.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

type Node = { readonly port: number; down: boolean; asked: number; readonly held: Socket[]; isSlow: boolean }

/** The only node of a Cluster, which says that the Cluster is down, or thinks about it. GET answers with the name of the key. */
async function startNode(): Promise<Node> {
  const answer = (socket: Socket, [command = '', sub = '', ...rest]: readonly string[]): void => {
    if (command === 'cluster' && sub === 'slots') {
      const owner = `*3\r\n${bulk('127.0.0.1')}:${node.port}\r\n${bulk('a'.repeat(40))}`
      socket.write(`*1\r\n*3\r\n:0\r\n:16383\r\n${owner}`)
    } else if (command === 'cluster' && sub === 'info') {
      node.asked++
      if (node.isSlow) node.held.push(socket)
      else socket.write(bulk(`cluster_state:${node.down ? 'fail' : 'ok'}\r\n`))
    } else if (command === 'cluster')
      socket.write(bulk(`${'a'.repeat(40)} :1@2 myself,master - 0 0 1 connected 0-16383\n`))
    else if (command === 'hello') socket.write(`-ERR unknown command 'HELLO'\r\n`)
    else if (command === 'info')
      socket.write(bulk('redis_version:7.0.15\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n'))
    else if (command === 'get') socket.write(bulk(sub))
    else if (command === 'exists') socket.write(':0\r\n')
    else if (command === 'bzpopmin') socket.write('*-1\r\n')
    else if (rest.length >= 0) socket.write('+OK\r\n')
  }
  const server = await startResp(answer)
  closing.push(server.stop)
  const node: Node = { port: server.port, down: false, asked: 0, held: [], isSlow: false }
  return node
}

function open(node: Node, profile: 'patient' | 'commands'): Client {
  const client = connect({ kind: 'cluster', nodes: [{ host: '127.0.0.1', port: node.port }] }, profile, 'test')
  client.on('error', () => {})
  closing.push(() => client.disconnect())
  return client
}

/** As BullMQ does for its blocking line. */
function copy(client: Client): Client {
  if (!('nodes' in client)) throw new Error('not a Cluster')
  return client.duplicate().on('error', () => {})
}

const code = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => storeTrouble(error, 'testing')?.code ?? error)

const becomes = (client: Client, status: string): Promise<true> =>
  until(`the connection is ${status}, not ${client.status}`, 10_000, () =>
    client.status === status ? true : undefined,
  )

let node: Node
beforeEach(async () => {
  node = await startNode()
})

test('who connects to a Cluster that is down is told so, and may wait for it to be back', async () => {
  const given = open(node, 'patient')
  await becomes(given, 'ready')
  for (const client of [given, copy(given)]) {
    closing.push(() => client.disconnect())
    await becomes(client, 'ready')
    client.disconnect()
    await becomes(client, 'end')
    node.down = true
    await expect(client.connect()).rejects.toThrow('Connection is closed')
    node.down = false
    await becomes(client, 'ready')
    expect(await client.get('{sluice}:a')).toBe('{sluice}:a')
  }
})

test('a connection that is given up between two attempts ends, and what it held is answered', async () => {
  node.down = true
  const client = open(node, 'patient')
  await becomes(client, 'reconnecting')
  const held = client.get('{sluice}:a')
  const ended = new Promise((resolve) => client.once('end', resolve))
  await becomes(client, 'reconnecting')
  client.disconnect()
  await ended
  expect(await code(held)).toBe('STORE-UNREACHABLE')
  expect(await code(client.get('{sluice}:a'))).toBe('STORE-UNREACHABLE')
  expect(client.status).toBe('end')
})

test('a command that is held back until the Cluster is ready has a limit', async () => {
  node.down = true
  const client = new Settling([{ host: '127.0.0.1', port: node.port }], { redisOptions: { commandTimeout: 200 } })
  client.on('error', () => {})
  closing.push(() => client.disconnect())
  expect(await code(client.get('{sluice}:a'))).toBe('STORE-UNREACHABLE')
})

test.each(['commands', 'patient'] as const)('on every kind of store a command has a limit: %s', (profile) => {
  const nodes = [{ host: '127.0.0.1', port: node.port }]
  const topologies: readonly Topology[] = [
    { kind: 'url', url: `redis://127.0.0.1:${node.port}` },
    { kind: 'sentinel', master: 'sluice', nodes },
    { kind: 'cluster', nodes },
  ]
  for (const at of topologies) {
    const client = connect(at, profile, 'test').on('error', () => {})
    closing.push(() => client.disconnect())
    const options = 'nodes' in client ? client.options.redisOptions : client.options
    expect(options?.commandTimeout, at.kind).toBeGreaterThan(0)
    expect(options?.socketTimeout, at.kind).toBeGreaterThan(0)
  }
})

test('a look at a Cluster that is not ready does not shift the answers that come after it', async () => {
  node.isSlow = true
  const client = open(node, 'commands')
  await until('it is asked how it is', 10_000, () => (node.held.length > 0 ? true : undefined))
  const look = watchReplicas(client, { kind: 'cluster', nodes: [] }, false, silentLog)
  look.catch(() => {})
  node.isSlow = false
  for (const socket of node.held.splice(0)) socket.write(bulk('cluster_state:ok\r\n'))
  await becomes(client, 'ready')
  expect(await Promise.all(['{sluice}:a', '{sluice}:b'].map((key) => client.get(key)))).toEqual([
    '{sluice}:a',
    '{sluice}:b',
  ])
  await expect(look).rejects.toThrow()
})
