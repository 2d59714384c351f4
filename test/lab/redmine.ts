import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDir } from './cache.ts'
import { freePort } from './port.ts'
import { born, stop, until } from './process.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

const HOME = '/usr/share/redmine'
const SEED = join(import.meta.dirname, 'redmine', 'seed.rb')
const ADMIN_KEY = `${'0'.repeat(39)}1`
const BOT_KEY = `${'0'.repeat(39)}2`
const run = promisify(execFile)

export type RedmineData = {
  readonly url: string
  readonly adminKey: string
  /** May write in project `ops`, may not see project `secret`. */
  readonly botKey: string
  readonly project: 'ops'
  readonly version: string
}

export type Journal = { readonly user: string; readonly notes: string }

/** An instance of one test's own. */
export type OwnRedmine = RedmineData & { readonly stop: () => Promise<void>; readonly restart: () => Promise<void> }

/** Rails joins this name to its own folder: by enough `..` an instance may live anywhere, without root. */
const environment = (dir: string) => ({
  ...process.env,
  HOME: dir,
  RAILS_ENV: 'production',
  REDMINE_LANG: 'en',
  SCHEMA: '/dev/null',
  REDMINE_INSTANCE: `../../../../../..${dir}`,
})

function layOut(dir: string): void {
  for (const name of ['config', 'log', 'files', 'tmp', 'public/plugin_assets'])
    mkdirSync(join(dir, name), { recursive: true })
  const database = { production: { adapter: 'sqlite3', database: join(dir, 'db.sqlite3'), timeout: 10_000 } }
  writeFileSync(join(dir, 'config', 'database.yml'), JSON.stringify(database))
  writeFileSync(join(dir, 'config', 'secret_key.txt'), randomBytes(16).toString('hex'), { mode: 0o600 })
}

function version(): string {
  if (!existsSync(join(HOME, 'config.ru')) || !existsSync('/usr/bin/puma'))
    throw new NotHere('Redmine is not installed: make setup')
  const text = readFileSync(join(HOME, 'lib/redmine/version.rb'), 'utf8')
  const part = (name: string) => new RegExp(`${name}\\s*=\\s*(\\d+)`).exec(text)?.[1] ?? '?'
  return `${part('MAJOR')}.${part('MINOR')}.${part('TINY')}`
}

/** The migrated and seeded database, made once (12 s) and kept in the cache. */
async function seeded(lab: Lab): Promise<string> {
  const key = createHash('sha256').update(readFileSync(SEED)).digest('hex').slice(0, 12)
  const kept = join(cacheDir('redmine'), `${version()}-${key}.sqlite3`)
  if (existsSync(kept)) return kept
  const dir = mkdtempSync(join(lab.dir, 'seed'))
  layOut(dir)
  const options = { cwd: HOME, env: environment(dir), timeout: 120_000 }
  await run('bin/rake', ['db:migrate'], options)
  await run('bin/rake', ['redmine:load_default_data'], options)
  await run('bin/rails', ['runner', SEED], options)
  const part = `${kept}.${process.pid}`
  copyFileSync(join(dir, 'db.sqlite3'), part)
  renameSync(part, kept)
  return kept
}

async function start(lab: Lab, dir: string, port: number): Promise<number> {
  const log = openSync(join(dir, 'puma.log'), 'a')
  const argv = ['-e', 'production', '-t', '1:4', '-b', `tcp://127.0.0.1:${port}`, 'config.ru']
  const puma = spawn('puma', argv, { cwd: HOME, env: environment(dir), detached: true, stdio: ['ignore', log, log] })
  puma.unref()
  const pid = puma.pid
  if (pid === undefined) throw new NotHere('puma did not start')
  lab.own(pid, 'redmine')
  const headers = { 'X-Redmine-API-Key': ADMIN_KEY }
  await until('Redmine answers', 60_000, async () => {
    if (born(pid) === undefined)
      throw new Error(`Redmine ended at once: ${readFileSync(join(dir, 'puma.log'), 'utf8').slice(-2000)}`)
    const answer = await fetch(`http://127.0.0.1:${port}/users/current.json`, { headers }).catch(() => undefined)
    return answer?.ok === true ? true : undefined
  })
  return pid
}

/** A Redmine of one test's own, which it may stop and start again on the same data.
 * @throws NotHere when Redmine is not installed */
export async function startRedmine(lab: Lab): Promise<OwnRedmine> {
  const database = await seeded(lab)
  const dir = mkdtempSync(join(lab.dir, 'rm'))
  layOut(dir)
  copyFileSync(database, join(dir, 'db.sqlite3'))
  const port = await freePort()
  let pid = await start(lab, dir, port)
  return {
    url: `http://127.0.0.1:${port}`,
    adminKey: ADMIN_KEY,
    botKey: BOT_KEY,
    project: 'ops',
    version: version(),
    stop: () => stop(pid, 'redmine'),
    restart: async () => {
      await stop(pid, 'redmine')
      pid = await start(lab, dir, port)
    },
  }
}

export async function bringRedmine(lab: Lab): Promise<Brought<RedmineData>> {
  const { stop, restart: _, ...data } = await startRedmine(lab)
  return { data, version: data.version, stop }
}

type Issue = { id: number; status: { name: string }; journals?: { user: { name: string }; notes: string }[] }

/** What a person does in Redmine, as admin. Issue numbers are strings, as in chat. */
export function attachRedmine(data: RedmineData) {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = { 'X-Redmine-API-Key': data.adminKey, 'Content-Type': 'application/json' }
    const answer = await fetch(data.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
    return (text === '' ? undefined : JSON.parse(text)) as T // a test reads its own Redmine
  }
  const status = async (closed: boolean): Promise<number> => {
    const { issue_statuses: all } = await call<{ issue_statuses: { id: number; is_closed: boolean }[] }>(
      'GET',
      '/issue_statuses.json',
    )
    const found = all.find((one) => one.is_closed === closed)
    if (found === undefined) throw new Error(`Redmine has no ${closed ? 'closed' : 'open'} status`)
    return found.id
  }
  return {
    createIssue: async (subject: string, project: 'ops' | 'secret' = 'ops'): Promise<string> => {
      const { issue } = await call<{ issue: Issue }>('POST', '/issues.json', {
        issue: { project_id: project, subject },
      })
      return String(issue.id)
    },
    close: async (id: string): Promise<void> =>
      call('PUT', `/issues/${id}.json`, { issue: { status_id: await status(true) } }),
    reopen: async (id: string): Promise<void> =>
      call('PUT', `/issues/${id}.json`, { issue: { status_id: await status(false) } }),
    /** Where the links of the ticket's page lead, as a browser shows it. */
    linksOf: async (id: string): Promise<readonly string[]> => {
      const page = await fetch(`${data.url}/issues/${id}`, { headers: { 'X-Redmine-API-Key': data.adminKey } })
      return [...(await page.text()).matchAll(/href="(http[^"]+)"/g)].map(([, to]) => to ?? '')
    },
    /** The notes, oldest first; journals without a text are left out. */
    notes: async (id: string): Promise<readonly Journal[]> => {
      const { issue } = await call<{ issue: Issue }>('GET', `/issues/${id}.json?include=journals`)
      return (issue.journals ?? []).filter((j) => j.notes !== '').map((j) => ({ user: j.user.name, notes: j.notes }))
    },
  }
}
