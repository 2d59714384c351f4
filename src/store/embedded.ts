import { spawn } from 'node:child_process'
import { constants, openSync, writeSync } from 'node:fs'
import { access, chmod, lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'

/** A server of our own. `release` stops it unless somebody else still uses it. */
export type Embedded = { readonly socket: string; readonly release: (redis: Redis) => Promise<void> }

/** sockaddr_un holds 107 bytes on Linux and 103 on macOS. */
const SOCKET_PATH_BYTES = 100

async function onPath(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const dir of (process.env['PATH'] ?? '').split(path.delimiter)) {
      const file = path.join(dir, name)
      if (
        dir !== '' &&
        (await access(file, constants.X_OK).then(
          () => true,
          () => false,
        ))
      )
        return file
    }
  }
  return undefined
}

/** The socket in `dir`, or where that is too long, in a private folder of the OS's temporary one. */
async function socketPath(dir: string): Promise<string> {
  const near = path.join(dir, 'redis.sock')
  if (Buffer.byteLength(near) <= SOCKET_PATH_BYTES) return near
  const uid = process.getuid?.() ?? 0
  const folder = path.join(Buffer.byteLength(tmpdir()) < 40 ? tmpdir() : '/tmp', `sluice-${uid}`)
  await mkdir(folder, { mode: 0o700, recursive: true })
  const stat = await lstat(folder)
  // the temporary folder is everybody's: a folder prepared by another user must not be trusted
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0) {
    throw new SluiceError('STORE-MISSING', 'preparing the socket of Redis', { text: `${folder} is not ours alone` })
  }
  return path.join(folder, `${createHash('sha1').update(dir).digest('hex').slice(0, 12)}.sock`)
}

/** True when a server answers PING on the socket. */
function pings(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket)
    const end = (answer: boolean) => {
      connection.destroy()
      resolve(answer)
    }
    connection.setTimeout(1_000, () => end(false))
    connection.once('error', () => end(false))
    // a server that is just ending takes the connection and closes it without a word; the time-out alone would not keep the process alive
    connection.once('close', () => end(false))
    connection.once('connect', () => connection.write('PING\r\n'))
    // a server that still loads its AOF answers -LOADING: it lives, but is not ready
    connection.once('data', (bytes) => end(bytes.toString().startsWith('+PONG')))
  })
}

const serverArgs = (dir: string, socket: string): readonly string[] => [
  '--port',
  '0',
  '--unixsocket',
  socket,
  '--unixsocketperm',
  '700',
  '--dir',
  dir,
  '--appendonly',
  'yes',
  '--appendfsync',
  'always',
  '--save',
  '',
  '--maxmemory-policy',
  'noeviction',
  '--daemonize',
  'no',
  '--logfile',
  path.join(dir, 'redis.log'),
]

function detach(
  command: string,
  args: readonly string[],
  cwd: string,
): { readonly pid: number | undefined; readonly ended: () => number | undefined } {
  let code: number | undefined
  const child = spawn(command, [...args], { cwd, detached: true, stdio: 'ignore' })
  child.once('exit', (exitCode) => {
    code = exitCode ?? -1
  })
  child.once('error', () => {
    code = -1
  })
  child.unref()
  return { pid: child.pid, ended: () => code }
}

/**
 * Two servers on one folder would both append to one AOF. flock's descriptor lives exactly as long as the server;
 * where there is no flock (macOS) a file made with O_EXCL holds the pid of the server.
 */
async function startOnce(server: string, dir: string, socket: string): Promise<ReturnType<typeof detach>> {
  const flock = await onPath(['flock'])
  const lock = path.join(dir, 'redis.lock')
  if (flock !== undefined) return detach(flock, ['-n', '-E', '75', '-F', lock, server, ...serverArgs(dir, socket)], dir)
  const pid = Number(await readFile(lock, 'utf8').catch(() => '0'))
  if (pid > 0 && !alive(pid)) await rm(lock, { force: true })
  try {
    const file = openSync(lock, 'wx', 0o600)
    const started = detach(server, serverArgs(dir, socket), dir)
    writeSync(file, String(started.pid ?? 0))
    return started
  } catch {
    return { pid: undefined, ended: () => 75 }
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * Ends a server that has had no client for `$4` rounds of `$3` seconds. It waits inside the server (BLPOP), so it ends with it
 * and leaves no `sleep` behind. connected_clients counts this loop's own look, therefore 1.
 */
const WATCH = `idle=0
while "$1" -s "$2" BLPOP "{sluice}:nobody" "$3" >/dev/null 2>&1; do
  n=$("$1" -s "$2" INFO clients | tr -d '\\r' | sed -n 's/^connected_clients://p')
  if [ "\${n:-2}" -le 1 ]; then idle=$((idle+1)); else idle=0; fi
  if [ "$idle" -ge "$4" ]; then
    pid=$("$1" -s "$2" INFO server | tr -d '\\r' | sed -n 's/^process_id://p')
    kill -TERM "$pid"
    exit 0
  fi
done`

async function watch(server: string, dir: string, socket: string, idleMs: number, log: Log): Promise<void> {
  const cli = await onPath([path.basename(server).replace('-server', '-cli'), 'redis-cli', 'valkey-cli'])
  if (cli === undefined)
    return log.warn({ server }, 'no redis-cli: the embedded server will not end by itself when it is left alone')
  const roundS = Math.max(1, Math.min(15, Math.floor(idleMs / 4_000)))
  detach(
    '/bin/sh',
    ['-c', WATCH, 'sluice-watch', cli, socket, String(roundS), String(Math.max(1, Math.round(idleMs / 1000 / roundS)))],
    dir,
  )
}

async function processId(redis: Redis): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1] ?? 0)
}

/** Whether the process lives; a zombie that nobody has collected does not. */
async function runs(pid: number): Promise<boolean> {
  if (!alive(pid)) return false
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
}

/** SIGTERM to the pid; never SHUTDOWN through ioredis, which sends it again to the next server on the same socket. */
async function stopServer(redis: Redis): Promise<void> {
  const pid = await processId(redis)
  if (pid <= 1) return
  redis.disconnect()
  try {
    process.kill(pid, 'SIGTERM')
  } catch {
    return // another one that left at the same time was faster
  }
  // until it has gone, not only fallen silent: it still writes to its folder while it ends
  for (let waitedMs = 0; waitedMs < 5_000 && (await runs(pid)); waitedMs += 10) await pause(10)
}

/** Clients that will go on: not ours, not the watcher's, not those that are leaving too. */
async function strangers(redis: Redis, user: string): Promise<number> {
  // said before the count: of two that leave at once, the second (or both) finds nobody
  await redis.client('SETNAME', `sluice-leaving:${user}`)
  const list = String(await redis.client('LIST'))
  const users = (name: string) =>
    new Set([...list.matchAll(new RegExp(` name=${name}:(\\S+) `, 'g'))].map(([, id]) => id))
  const leaving = users('sluice-leaving')
  return [...users('sluice-store')].filter((id) => !leaving.has(id)).length
}

/** Finds the living server of `dir`, or starts one. Throws STORE-MISSING | STORE-UNREACHABLE. */
export async function ensureServer(options: {
  readonly dir: string
  readonly log: Log
  readonly signal: AbortSignal
  readonly idleMs: number
  /** Unique for one open store: clients are named after it. */
  readonly user: string
}): Promise<Embedded> {
  const dir = path.resolve(options.dir)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  const socket = await socketPath(dir)
  const release = async (redis: Redis): Promise<void> => {
    if ((await strangers(redis, options.user)) === 0) await stopServer(redis)
  }
  if (await pings(socket)) return { socket, release }
  const server = await onPath(['valkey-server', 'redis-server'])
  if (server === undefined) throw new SluiceError('STORE-MISSING', 'starting the embedded store')
  let started = await startOnce(server, dir, socket)
  while (!(await pings(socket))) {
    const code = started.ended()
    // the lock was held by a server that was just ending: it will not answer any more, so try again
    if (code === 75) {
      await pause(20)
      started = await startOnce(server, dir, socket)
    }
    if (options.signal.aborted || (code !== undefined && code !== 75)) {
      throw new SluiceError('STORE-UNREACHABLE', 'starting the embedded store', {
        text: `${server} did not answer (see redis.log in the data folder)`,
      })
    }
    await pause(3)
  }
  if (started.ended() === undefined) await watch(server, dir, socket, options.idleMs, options.log)
  return { socket, release }
}
