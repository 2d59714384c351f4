import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, loadConfig, readSecret } from '../config.ts'
import type { Clock } from '../duration.ts'
import { SluiceError } from '../errors.ts'
import { makeLog } from '../log.ts'
import type { Parts } from '../main.ts'
import { openStore } from '../store/open.ts'
import { openTickets } from '../systems/redmine/adapter.ts'
import type { Tickets } from '../systems/redmine/port.ts'
import { configuredHosts } from './hosts.ts'
import { readConfig } from './read-config.ts'
import { storeAt } from './redis.ts'

export type WorldOptions = {
  readonly configDir: string
  readonly dataDir?: string
  readonly practice: boolean
  readonly now?: string
  /** A real cluster that plays p10: the demo on the lab. */
  readonly kubeconfig?: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** Where lines of the log go; stderr. */
  readonly logTo?: (line: string) => void
}

/** What every long-running sub-command stands on: configuration, store, clock, systems; closed in reverse. */
export type World = Pick<Parts, 'config' | 'store' | 'clock' | 'log' | 'practice' | 'tickets' | 'host'> & {
  /** Re-reads people, policies and clusters; false (and the old ones kept) when they are not valid. */
  readonly reload: () => boolean
  readonly close: () => Promise<void>
}

/** Opens the world. Without a data folder a temporary one is used and removed at the end. */
export async function openWorld(options: WorldOptions): Promise<World> {
  let config = readConfig(options.configDir)
  const log = makeLog(config.logLevel, options.logTo)
  const dir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'sluice-'))
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const clock = clockOf(dir, options)
  const [store, practice] = await Promise.all([
    openStore({ ...storeAt(config.redis, options.env), dir, log, signal: options.signal }),
    options.practice
      ? import('./practice-world.ts').then(({ joinPractice }) => joinPractice(dir, clock, options.signal))
      : undefined,
  ])
  const lab =
    options.kubeconfig === undefined
      ? undefined
      : await (await import('./lab-world.ts')).labOverlay(options.kubeconfig, clock)
  const overlay = (c: Config): Config => practice?.overlay(c) ?? lab?.(c) ?? c
  config = overlay(config)
  const hosts = practice?.hosts ?? configuredHosts(() => config, options.env)
  const tickets = practice?.tickets ?? ticketsOf(config, options.env)
  return {
    config: () => config,
    store,
    clock,
    log,
    practice: options.practice,
    ...(tickets === undefined ? {} : { tickets }),
    host: hosts.open,
    reload: () => {
      const loaded = loadConfig(options.configDir)
      if (loaded.ok) config = overlay(loaded.config)
      else
        for (const c of loaded.complaints)
          log.error({ code: 'CONFIG-BAD' }, `${c.file}:${c.line} ${c.field}: ${c.text}`)
      return loaded.ok
    },
    close: async () => {
      await hosts.close()
      await practice?.leave()
      await store.close()
      if (options.dataDir === undefined) rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}

const ticketsOf = (config: Config, env: NodeJS.ProcessEnv): Tickets | undefined =>
  config.redmine === undefined
    ? undefined
    : openTickets({ url: config.redmine.url, apiKey: readSecret(config.redmine.apiKey, env) })

/** The clock runs on from a starting point, also after a restart with the same folder: time never goes back. */
function clockOf(dir: string, options: WorldOptions): Clock {
  const file = join(dir, 'clock.json')
  const offsetMs =
    options.now !== undefined
      ? Date.parse(options.now) - Date.now()
      : options.practice || options.kubeconfig !== undefined
        ? (savedOffset(file) ?? nextWednesday(Date.now()) - Date.now())
        : 0
  if (Number.isNaN(offsetMs))
    throw new SluiceError('EVENT-BAD', 'setting the clock', { text: `--now ${options.now} is not an ISO 8601 time` })
  if (offsetMs !== 0) writeFileSync(file, JSON.stringify({ offsetMs }))
  return { now: () => Date.now() + offsetMs }
}

function savedOffset(file: string): number | undefined {
  try {
    const saved: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof saved === 'object' && saved !== null && 'offsetMs' in saved && typeof saved.offsetMs === 'number'
      ? saved.offsetMs
      : undefined
  } catch {
    return undefined
  }
}

/** The next Wednesday, 10:00 in Zurich: a quiet moment for practice, whatever day it really is. */
export function nextWednesday(nowMs: number): number {
  const zurich = (ms: number): string =>
    new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Zurich',
      weekday: 'short',
      hour: '2-digit',
      hourCycle: 'h23',
    }).format(ms)
  const hour = 3_600_000
  let at = Math.ceil((nowMs + 1) / hour) * hour
  while (!(zurich(at).startsWith('Wed') && zurich(at).includes('10'))) at += hour
  return at
}
