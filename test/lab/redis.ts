import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { cacheDir } from './cache.ts'
import { born, stop, until } from './process.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

export type RedisData = { readonly socket: string; readonly program: string; readonly version: string }

/** A server of one test's own, which it may kill. */
export type OwnRedis = RedisData & {
  readonly pid: number
  /** SIGKILL: what a crash does. Resolves when it is gone. */
  readonly kill9: () => Promise<void>
  /** Starts it again on the same data; resolves when it answers. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

const cached = (program: string): string => join(cacheDir('valkey'), 'usr', 'bin', program)

/** Where a program of Redis or Valkey is.
 * @throws NotHere when it is not installed */
export function find(program: string): string {
  const paths = (process.env.PATH ?? '').split(':').map((dir) => join(dir, program))
  const path = [...paths, cached(program)].find((candidate) => existsSync(candidate))
  if (path === undefined) throw new NotHere(`${program} is not installed: make setup`)
  return path
}

export function versionOf(path: string): string {
  const text = execFileSync(path, ['--version'], { encoding: 'utf8' })
  return /v=(\S+)/.exec(text)?.[1] ?? text.trim()
}

function ping(socket: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => connection.write('PING\r\n'))
    connection.on('error', () => resolve(undefined))
    connection.on('data', (data) => {
      connection.destroy()
      resolve(data.toString().startsWith('+PONG') ? true : undefined)
    })
  })
}

async function start(lab: Lab, path: string, dir: string): Promise<ChildProcess> {
  const log = openSync(join(dir, 'log'), 'a')
  const settings = ['--port', '0', '--unixsocket', join(dir, 's'), '--unixsocketperm', '700', '--dir', dir]
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction']
  const child = spawn(path, [...settings, ...durable, '--daemonize', 'no'], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.unref()
  const { pid } = child
  if (pid === undefined) throw new Error(`${path} did not start`)
  lab.own(pid, path)
  await until(`${path} answers`, 15_000, () => {
    if (born(pid) === undefined) throw new Error(`${path} ended at once, see ${dir}/log`)
    return ping(join(dir, 's'))
  })
  return child
}

const pidOf = (child: ChildProcess): number => child.pid ?? 0 // start() has thrown when there is none

/** A Redis or Valkey with AOF `always` on a Unix socket of its own; the caller stops it.
 * @throws NotHere when the program is not installed */
export async function startRedis(
  lab: Lab,
  program: 'redis-server' | 'valkey-server' = 'redis-server',
): Promise<OwnRedis> {
  const path = find(program)
  const dir = mkdtempSync(join(lab.dir, 'r'))
  let child = await start(lab, path, dir)
  const kill9 = async (): Promise<void> => {
    const pid = pidOf(child)
    if (born(pid) !== undefined) process.kill(pid, 'SIGKILL')
    await until('redis is gone', 5000, () => (born(pid) === undefined ? true : undefined))
  }
  return {
    socket: join(dir, 's'),
    program,
    version: versionOf(path),
    get pid() {
      return pidOf(child)
    },
    kill9,
    restart: async () => {
      await kill9()
      child = await start(lab, path, dir)
    },
    stop: () => stop(pidOf(child), program),
  }
}

async function bring(lab: Lab, program: 'redis-server' | 'valkey-server'): Promise<Brought<RedisData>> {
  const { socket, version, stop } = await startRedis(lab, program)
  return { data: { socket, program, version }, version, stop }
}

export const bringRedis = (lab: Lab): Promise<Brought<RedisData>> => bring(lab, 'redis-server')
export const bringValkey = (lab: Lab): Promise<Brought<RedisData>> => bring(lab, 'valkey-server')
