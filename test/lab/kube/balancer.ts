/**
 * TCP balancer of the site's API, and its door to the machine: listens on ADDRESS:PORT in the site's network and on a Unix
 * socket, which network namespaces do not hide. FILE has one backend address per line and is read anew each second. A backend
 * that does not take connections is taken out and its connections are closed, as balancers in the field do.
 *   node balancer.ts ADDRESS PORT SOCKET FILE
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'

const CONNECT_MS = 1500

type Backend = { failures: number; readonly open: Set<Socket> }

function dial(host: string, port: number, then: (socket: Socket | undefined) => void): void {
  const socket = connect({ host, port })
  const fail = () => {
    socket.destroy()
    then(undefined)
  }
  const timer = setTimeout(fail, CONNECT_MS)
  socket.once('error', () => {
    clearTimeout(timer)
    fail()
  })
  socket.once('connect', () => {
    clearTimeout(timer)
    socket.removeAllListeners('error')
    then(socket)
  })
}

function check(all: Map<string, Backend>, file: string, port: number): void {
  const wanted = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  for (const address of wanted) if (!all.has(address)) all.set(address, { failures: 0, open: new Set() })
  for (const [address, backend] of all) {
    if (!wanted.includes(address)) all.delete(address)
    dial(address, port, (socket) => {
      socket?.on('error', () => {}).destroy()
      backend.failures = socket ? 0 : backend.failures + 1
      if (backend.failures >= 2) for (const open of backend.open) open.destroy()
    })
  }
}

function join(client: Socket, server: Socket, backend: Backend): void {
  backend.open.add(server)
  server
    .on('error', () => client.destroy())
    .on('close', () => {
      backend.open.delete(server)
      client.destroy()
    })
  client.on('close', () => server.destroy())
  client.pipe(server).pipe(client)
}

function main(address: string, port: number, path: string, file: string): void {
  const all = new Map<string, Backend>()
  let turn = 0
  const serve = (client: Socket) => {
    client.on('error', () => client.destroy())
    const up = [...all].sort(([, a], [, b]) => Math.sign(a.failures) - Math.sign(b.failures))
    const good = up.filter(([, backend]) => backend.failures === 0).length
    const first = good > 0 ? turn++ % good : 0
    const order = [...up.slice(first, good), ...up.slice(0, first), ...up.slice(good)]
    const next = () => {
      const candidate = order.shift()
      if (!candidate || client.destroyed) return client.destroy()
      const [host, backend] = candidate
      dial(host, port, (server) => (server ? join(client, server, backend) : next()))
    }
    next()
  }
  check(all, file, port)
  setInterval(() => check(all, file, port), 1000)
  createServer(serve).listen(port, address)
  createServer(serve).listen(path)
  // The keeper holds our stdin.
  process.stdin.resume().on('end', () => process.exit(0))
}

const [address = '', port = '', path = '', file = ''] = process.argv.slice(2)
main(address, Number(port), path, file)
