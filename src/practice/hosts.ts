import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import type { Connection, Server as SshServer, ServerChannel } from 'ssh2'
import { writePrivate, type PracticeFile } from './file.ts'
import { parseJson, textAt } from './json.ts'
import { listen } from './listen.ts'
import { makeSshKey, type SshKey } from './sshkeys.ts'

export type HostSeed = {
  readonly name: string
  readonly cluster: string
  readonly address: string
  readonly version: string
}
export type Hosts = {
  readonly file: PracticeFile['ssh']
  /** Cuts a host's connections and refuses new ones, or lets it come back on the same port. */
  readonly setDown: (host: string, down: boolean) => void
  readonly openConnections: () => number
  readonly stop: () => void
}
type HostOptions = { readonly home: string; readonly seeds: readonly HostSeed[]; readonly onRequest: () => void }

/** A key kept in a file, so that a world that starts again in the same folder has the same hosts. */
function keptKey(path: string, comment: string): SshKey {
  if (existsSync(path)) {
    const kept = parseJson(readFileSync(path, 'utf8'))
    const [privateKey, publicKey, fingerprint] = ['privateKey', 'publicKey', 'fingerprint'].map((name) =>
      textAt(kept, name),
    )
    if (privateKey && publicKey && fingerprint) return { privateKey, publicKey, fingerprint }
  }
  const key = makeSshKey(comment)
  writePrivate(path, JSON.stringify(key))
  return key
}

/** Commands of a host that must not be this machine's: small scripts that stand first in its PATH. */
function furnish(root: string, seed: HostSeed): void {
  const bin = join(root, 'bin')
  mkdirSync(bin, { recursive: true, mode: 0o700 })
  mkdirSync(join(root, 'etc'), { recursive: true, mode: 0o700 })
  const release = `NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.14.2\nPRETTY_NAME="Alpine Linux v3.14"\n`
  writeFileSync(join(root, 'etc', 'os-release'), release)
  writeFileSync(join(root, 'etc', 'hostname'), `${seed.name}\n`)
  const says: Record<string, string> = {
    hostname: `echo ${seed.name}`,
    uptime: `echo ' 10:00:00 up 52 days,  3:11,  0 users,  load average: 0.23, 0.18, 0.15'`,
    kubeadm: `echo ${seed.version}`,
    reboot: 'exit 1',
    poweroff: 'exit 1',
    shutdown: 'exit 1',
  }
  for (const [name, script] of Object.entries(says)) {
    const path = join(bin, name)
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o700)
  }
}

const OWN_FOLDERS = /(?<![\w./-])\/(?:var\/lib\/sluice|run\/sluice|etc\/(?:os-release|hostname))(?![\w-])/g

/** A host has no file system of its own: the few paths Sluice uses are looked for in its folder. */
export const inside = (root: string, text: string): string => text.replace(OWN_FOLDERS, (path) => root + path)

/** A script that comes by stdin (`sh -s`) is looked through line by line; bytes that are no path stay as they are. */
function scriptInside(root: string): Transform {
  let rest = ''
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      done(null, Buffer.from(lines.map((line) => `${inside(root, line)}\n`).join(''), 'latin1'))
    },
    flush(done) {
      done(null, Buffer.from(inside(root, rest), 'latin1'))
    },
  })
}

/** Runs a command as this process's user, in the host's folder; exit status and signal go back as sshd sends them. */
function run(root: string, command: string, channel: ServerChannel): void {
  const child = spawn('/bin/sh', ['-c', inside(root, command)], {
    cwd: root,
    env: { PATH: `${join(root, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: root, LANG: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const isScript = /\bsh -s\b/.test(command)
  const input = isScript ? channel.pipe(scriptInside(root)) : channel
  input.pipe(child.stdin)
  child.stdin.on('error', () => {})
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  channel.on('close', () => child.kill('SIGHUP'))
  child.on('close', (code, signal) => {
    if (signal === null) channel.exit(code ?? 255)
    else channel.exit(signal.replace(/^SIG/, ''), false)
    channel.end()
  })
}

function greet(connection: Connection, root: string, allowed: string, onRequest: () => void): void {
  connection.on('error', () => {})
  connection.on('authentication', (context) => {
    const isKey =
      context.method === 'publickey' && `${context.key.algo} ${context.key.data.toString('base64')}` === allowed
    if (isKey) context.accept()
    else context.reject(['publickey'])
  })
  connection.on('session', (accept) => {
    const session = accept()
    session.on('exec', (acceptExec, _reject, info) => {
      onRequest()
      run(root, info.command, acceptExec())
    })
  })
}

class PracticeHost {
  readonly seed: HostSeed
  readonly key: SshKey
  readonly server: Server
  readonly sockets = new Set<Socket>()
  isDown = false
  #ssh: Promise<SshServer> | undefined
  readonly #greet: (connection: Connection) => void

  constructor(seed: HostSeed, home: string, allowed: string, onRequest: () => void) {
    this.seed = seed
    const root = join(home, 'hosts', seed.name)
    mkdirSync(root, { recursive: true, mode: 0o700 })
    this.key = keptKey(join(root, 'key.json'), seed.name)
    this.#greet = (connection) => {
      furnish(root, seed)
      greet(connection, root, allowed, onRequest)
    }
    this.server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    if (this.isDown) {
      socket.destroy()
      return
    }
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    socket.on('error', () => {})
    // ssh2 is loaded when somebody comes: most practice never does.
    this.#ssh ??= import('ssh2').then(
      ({ default: { Server: Ssh } }) => new Ssh({ hostKeys: [this.key.privateKey] }, this.#greet),
    )
    this.#ssh.then((ssh) => ssh.injectSocket(socket)).catch(() => socket.destroy())
  }
}

/** An SSH server per host, each on a port of its own with a host key of its own; the user is root, the key in `privateKeyPath`. */
export async function openHosts({ home, seeds, onRequest }: HostOptions): Promise<Hosts> {
  const client = keptKey(join(home, 'client.json'), 'practice')
  const privateKeyPath = join(home, 'id_ed25519')
  writePrivate(privateKeyPath, client.privateKey)
  const hosts = seeds.map((seed) => new PracticeHost(seed, home, client.publicKey, onRequest))
  const ports = await Promise.all(hosts.map((host) => listen(host.server)))
  const entries = hosts.map(({ seed, key }, i) => {
    const port = ports[i] ?? 0
    return [
      seed.name,
      { address: '::1', port, hostKey: key.publicKey, fingerprint: key.fingerprint, cluster: seed.cluster },
    ] as const
  })
  return {
    file: {
      user: 'root',
      privateKeyPath,
      hosts: Object.fromEntries(entries),
      knownHosts: entries.map(([, host]) => `[::1]:${host.port} ${host.hostKey}`),
    },
    setDown: (name, down) => {
      const host = hosts.find((one) => one.seed.name === name)
      if (!host) throw new Error(`no host ${name}`)
      host.isDown = down
      if (down) host.cut()
    },
    openConnections: () => hosts.reduce((sum, host) => sum + host.sockets.size, 0),
    stop: () => {
      for (const host of hosts) {
        host.cut()
        host.server.close()
      }
    },
  }
}
