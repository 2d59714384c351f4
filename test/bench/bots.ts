import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../lab/cache.ts'
import { freePort } from '../lab/port.ts'
import { born, stop, until } from '../lab/process.ts'
import { type Lab, NotHere } from '../lab/server.ts'

/** A bot under measurement: a process of its own. */
export type Running = { readonly pid: number; readonly log: () => string; readonly stop: () => Promise<void> }
/** An account on the homeserver, made for one bot. */
export type Account = { readonly url: string; readonly user: string; readonly token: string; readonly room: string }

const PEERS = join(import.meta.dirname, 'peers')
const MAUBOT = '0.6.0'
const OPSDROID = '0.31.0'
export const VERSIONS = { maubot: MAUBOT, opsdroid: OPSDROID } as const

type Start = {
  readonly name: string
  readonly argv: readonly [string, ...string[]]
  readonly dir: string
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** Its words go to a file: a pipe that nobody reads would stop it. */
function start(lab: Lab, { name, argv: [program, ...args], dir, env, cwd = dir }: Start): Running {
  const file = join(dir, 'out.log')
  const out = openSync(file, 'a')
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', out, out],
  })
  child.unref()
  const { pid } = child
  if (pid === undefined) throw new NotHere(`${name} did not start`)
  lab.own(pid, name)
  return { pid, log: () => readFileSync(file, 'utf8'), stop: () => stop(pid, name) }
}

async function nodeBot(lab: Lab, name: string, argument: string, env: NodeJS.ProcessEnv): Promise<Running> {
  const dir = mkdtempSync(join(lab.dir, name))
  const argv = [process.execPath, join(PEERS, `${name}-child.ts`), argument] as const
  const bot = start(lab, { name, argv, dir, env })
  await until(`${name} is ready`, 30_000, () => {
    if (born(bot.pid) === undefined) throw new Error(`${name} ended: ${bot.log().slice(-2_000)}`)
    return bot.log().includes('ready') ? true : undefined
  })
  return bot
}

export const startEcho = (lab: Lab, { url, token }: Account): Promise<Running> =>
  nodeBot(lab, 'echo-matrix', url, { ECHO_TOKEN: token })
export const startBolt = (lab: Lab, slack: { apiUrl: string; botToken: string; appToken: string }): Promise<Running> =>
  nodeBot(lab, 'echo-slack', slack.apiUrl, { ECHO_TOKEN: slack.botToken, ECHO_APP_TOKEN: slack.appToken })

function python(name: keyof typeof VERSIONS): string {
  const path = join(cacheDir(), `${name}-${VERSIONS[name]}`, 'bin', 'python')
  if (!existsSync(path)) throw new NotHere(`${name} ${VERSIONS[name]} is not installed: sh scripts/setup.sh bench`)
  return path
}

/** JSON is YAML. */
const configured = (dir: string, config: unknown): string => {
  const file = join(dir, 'config.yaml')
  writeFileSync(file, JSON.stringify(config))
  return file
}

/** maubot without its server: one plugin, one client. It answers from its second sync on. */
export async function startMaubot(lab: Lab, { url, user, token }: Account): Promise<Running> {
  const program = python('maubot')
  const dir = mkdtempSync(join(lab.dir, 'maubot'))
  const credentials = { id: user, homeserver: url, access_token: token, device_id: null }
  const config = configured(dir, {
    user: {
      credentials,
      sync: true,
      autojoin: false,
      displayname: 'disable',
      avatar_url: 'disable',
      ignore_initial_sync: true,
      ignore_first_sync: true,
    },
    database: `sqlite:${join(dir, 'bot.db')}`,
    plugin_config: {},
    logging: { version: 1, root: { level: 'ERROR' } },
  })
  const argv = [program, '-m', 'maubot.standalone', '-c', config, '-m', 'maubot.yaml'] as const
  return start(lab, { name: 'maubot', argv, dir, cwd: join(PEERS, 'maubot'), env: { PYTHONDONTWRITEBYTECODE: '1' } })
}

export async function startOpsdroid(lab: Lab, { url, user, token, room }: Account): Promise<Running> {
  const program = python('opsdroid')
  const dir = mkdtempSync(join(lab.dir, 'opsdroid'))
  const config = configured(dir, {
    logging: { level: 'error', console: true },
    'welcome-message': false,
    web: { host: '127.0.0.1', port: await freePort() },
    parsers: { regex: { enabled: true } },
    connectors: {
      matrix: { mxid: user, access_token: token, homeserver: url, rooms: { main: room }, enable_encryption: false },
    },
    skills: { echo: { path: join(PEERS, 'opsdroid') } },
  })
  const argv = [program, '-m', 'opsdroid', 'start', '-f', config] as const
  // It keeps what it loads in the home folder.
  return start(lab, { name: 'opsdroid', argv, dir, env: { HOME: dir, PYTHONDONTWRITEBYTECODE: '1' } })
}
