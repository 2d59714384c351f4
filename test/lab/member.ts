import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './port.ts'
import { born, stop, until } from './process.ts'
import { type Relay, relayTo } from './relay.ts'
import type { Lab } from './server.ts'

export type Address = { readonly host: string; readonly port: number }

/** A server of a set, which a test may kill, freeze or cut off. */
export type Member = {
  /** Under which the others and the clients know it. */
  readonly announced: Address
  /** Past the relay: whoever is on the same side as a member that is cut off. */
  readonly direct: Address
  readonly pid: () => number
  /** SIGKILL: what a crash does. Resolves when it is gone. */
  readonly kill9: () => Promise<void>
  /** Starts it on the same data; resolves when it answers. */
  readonly start: () => Promise<void>
  /** SIGSTOP and SIGCONT: the process hangs, its sockets stay. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** A partition: what goes to its announced address hangs, from the others and from clients. */
  readonly cutOff: () => void
  readonly heal: () => Promise<void>
  /** A client for the test to ask with, past the relay; the caller disconnects it. */
  readonly ask: () => Redis
  readonly stop: () => Promise<void>
}

const HOST = '127.0.0.1'

async function answers(port: number): Promise<true | undefined> {
  const redis = new Redis({ host: HOST, port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return (await redis.ping()) === 'PONG' ? true : undefined
  } catch {
    return undefined
  } finally {
    redis.disconnect()
  }
}

/** A member of a set. `settings` are lines of its file, which is written once: Sentinel and the Cluster keep what they learn beside it.
 * With `isRelayed` its announced address is a relay, so that it can be cut off. */
export async function makeMember(
  lab: Lab,
  program: string,
  settings: (at: { readonly announced: Address; readonly dir: string }) => readonly string[],
  { flags = [], isRelayed = false }: { readonly flags?: readonly string[]; readonly isRelayed?: boolean } = {},
): Promise<Member> {
  const dir = mkdtempSync(join(lab.dir, 'm'))
  const port = await freePort()
  const relay: Relay | undefined = isRelayed ? await relayTo({ host: HOST, port }) : undefined
  const announced = { host: HOST, port: relay?.port ?? port }
  const file = join(dir, 'conf')
  writeFileSync(file, [`port ${port}`, `bind ${HOST}`, `dir ${dir}`, ...settings({ announced, dir })].join('\n'))
  let pid = 0
  const start = async (): Promise<void> => {
    const log = openSync(join(dir, 'log'), 'a')
    // a limit of its files (prlimit) shall fail like a full disk, without the signal that comes with it
    const child = spawn('/bin/sh', ['-c', 'trap "" XFSZ; exec "$0" "$@"', program, file, ...flags], {
      detached: true,
      stdio: ['ignore', log, log],
    })
    child.unref()
    pid = child.pid ?? 0
    lab.own(pid, program)
    await until(`${program} answers`, 15_000, () => {
      if (born(pid) === undefined) throw new Error(`${program} ended at once, see ${dir}/log`)
      return answers(port)
    })
  }
  const signal = (name: NodeJS.Signals): void => {
    if (born(pid) !== undefined) process.kill(pid, name)
  }
  await start()
  return {
    announced,
    direct: { host: HOST, port },
    pid: () => pid,
    kill9: async () => {
      signal('SIGKILL')
      await until(`${program} is gone`, 5_000, () => (born(pid) === undefined ? true : undefined))
    },
    start,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    cutOff: () => relay?.hang(),
    heal: async () => relay?.restore(),
    ask: () => new Redis({ host: HOST, port, maxRetriesPerRequest: 1 }).on('error', () => {}),
    stop: async () => {
      signal('SIGCONT')
      await stop(pid, program)
      await relay?.stop()
    },
  }
}
