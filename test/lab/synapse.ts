import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDir } from './cache.ts'
import { freePort } from './port.ts'
import { born, stop, until } from './process.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

const VERSION = '1.163.2'
const SECRET = 'lab-shared-secret'
const run = promisify(execFile)

export type SynapseData = {
  readonly url: string
  readonly serverName: string
  /** For registering users: see attachSynapse in matrix-user.ts. */
  readonly registrationSecret: string
  readonly limits: 'off' | 'default'
  readonly version: string
}

/** A homeserver of one test's own. */
export type OwnSynapse = SynapseData & {
  readonly kill9: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

const FREE = { per_second: 10_000, burst_count: 10_000 }
const NO_LIMITS = {
  rc_message: FREE,
  rc_registration: FREE,
  rc_login: { address: FREE, account: FREE, failed_attempts: FREE },
  rc_joins: { local: FREE, remote: FREE },
  rc_joins_per_room: FREE,
  rc_invites: { per_room: FREE, per_user: FREE, per_issuer: FREE },
  rc_admin_redaction: FREE,
  rc_room_creation: FREE,
}

/** `syncCache`: as Synapse is delivered, it answers the same /sync from memory for two minutes, and a restarted bot sees old answers. */
type More = { readonly syncCache?: boolean }

function settings(
  dir: string,
  port: number,
  limits: SynapseData['limits'],
  { syncCache = false }: More,
): Record<string, unknown> {
  const resources = [{ names: ['client'], compress: false }]
  return {
    server_name: 'lab.test',
    public_baseurl: `http://127.0.0.1:${port}/`,
    listeners: [{ port, bind_addresses: ['127.0.0.1'], type: 'http', tls: false, x_forwarded: false, resources }],
    database: { name: 'sqlite3', args: { database: join(dir, 'hs.db') } },
    log_config: join(dir, 'log.yaml'),
    media_store_path: join(dir, 'media'),
    signing_key_path: join(dir, 'signing.key'),
    registration_shared_secret: SECRET,
    macaroon_secret_key: 'lab-macaroon',
    form_secret: 'lab-form',
    report_stats: false,
    trusted_key_servers: [],
    federation_domain_whitelist: [],
    presence: { enabled: false },
    url_preview_enabled: false,
    bcrypt_rounds: 4,
    suppress_key_server_warning: true,
    ...(syncCache ? {} : { caches: { sync_response_cache_duration: '0s' } }),
    ...(limits === 'off' ? NO_LIMITS : {}),
  }
}

const logging = (dir: string): Record<string, unknown> => ({
  version: 1,
  formatters: { plain: { format: '%(asctime)s %(name)s %(levelname)s %(message)s' } },
  handlers: { file: { class: 'logging.FileHandler', formatter: 'plain', filename: join(dir, 'hs.log') } },
  root: { level: 'WARNING', handlers: ['file'] },
  disable_existing_loggers: false,
})

function python(): string {
  const path = join(cacheDir(), `synapse-${VERSION}`, 'bin', 'python')
  if (!existsSync(path)) throw new NotHere('Synapse is not installed: make setup')
  return path
}

const argv = (dir: string, ...more: readonly string[]) => [
  '-m',
  'synapse.app.homeserver',
  '-c',
  join(dir, 'hs.yaml'),
  ...more,
]

async function start(lab: Lab, dir: string, url: string): Promise<number> {
  const out = openSync(join(dir, 'out.log'), 'a')
  const server = spawn(python(), argv(dir), { cwd: dir, detached: true, stdio: ['ignore', out, out] })
  server.unref()
  const { pid } = server
  if (pid === undefined) throw new NotHere('Synapse did not start')
  lab.own(pid, 'synapse')
  await until('Synapse answers', 60_000, async () => {
    if (born(pid) === undefined)
      throw new Error(`Synapse ended at once: ${readFileSync(join(dir, 'out.log'), 'utf8').slice(-2000)}`)
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    return answer?.ok === true ? true : undefined
  })
  return pid
}

/** A Synapse of one test's own, with or without its default rate limits.
 * @throws NotHere when set-up has not installed it */
export async function startSynapse(
  lab: Lab,
  limits: SynapseData['limits'] = 'off',
  more: More = {},
): Promise<OwnSynapse> {
  const path = python()
  const dir = mkdtempSync(join(lab.dir, 'm'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  writeFileSync(join(dir, 'hs.yaml'), JSON.stringify(settings(dir, port, limits, more)))
  writeFileSync(join(dir, 'log.yaml'), JSON.stringify(logging(dir)))
  await run(path, argv(dir, '--generate-keys'), { cwd: dir, timeout: 60_000 })
  let pid = await start(lab, dir, url)
  const kill9 = async (): Promise<void> => {
    if (born(pid) !== undefined) process.kill(pid, 'SIGKILL')
    await until('Synapse is gone', 5000, () => (born(pid) === undefined ? true : undefined))
  }
  return {
    url,
    serverName: 'lab.test',
    registrationSecret: SECRET,
    limits,
    version: VERSION,
    kill9,
    restart: async () => {
      await kill9()
      pid = await start(lab, dir, url)
    },
    stop: () => stop(pid, 'synapse'),
  }
}

async function bring(lab: Lab, limits: SynapseData['limits']): Promise<Brought<SynapseData>> {
  const { stop, restart: _r, kill9: _k, ...data } = await startSynapse(lab, limits)
  return { data, version: `${VERSION}, limits ${limits}`, stop }
}

export const bringSynapse = (lab: Lab): Promise<Brought<SynapseData>> => bring(lab, 'off')
export const bringSynapseLimited = (lab: Lab): Promise<Brought<SynapseData>> => bring(lab, 'default')
