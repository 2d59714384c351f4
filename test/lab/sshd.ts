import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { born, stop, until } from './process.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

const HOST = '::1'

export type SshdData = {
  readonly host: string
  readonly port: number
  readonly user: string
  /** The user's key in OpenSSH form, and its file. */
  readonly privateKey: string
  readonly privateKeyFile: string
  /** A key that no account accepts. */
  readonly strangerKey: string
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string
  /** The line for a known_hosts file: `[::1]:PORT ssh-ed25519 AAAA...` */
  readonly knownHosts: string
  /** An empty folder on the "host" for detached commands. */
  readonly stateDir: string
  readonly version: string
}

/** A server of one test's own. */
export type OwnSshd = SshdData & {
  /** kill -9 of every session: what a cut network looks like to the client. Remote commands go on. */
  readonly cut: () => void
  readonly stop: () => Promise<void>
  readonly restart: () => Promise<void>
}

function find(): string {
  const path = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((candidate) => existsSync(candidate))
  if (path === undefined) throw new NotHere('sshd is not installed: make setup')
  return path
}

function makeKey(dir: string, name: string): string {
  const file = join(dir, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file])
  return file
}

const publicKey = (file: string): string => readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')

function configure(dir: string, port: number): string {
  const file = join(dir, 'sshd_config')
  const lines = [
    `ListenAddress [${HOST}]:${port}`,
    `HostKey ${join(dir, 'host_key')}`,
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    `PidFile ${join(dir, 'pid')}`,
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'AcceptEnv SLUICE_*',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

async function start(lab: Lab, path: string, dir: string, port: number): Promise<number> {
  const log = openSync(join(dir, 'log'), 'a')
  // Absolute paths: sshd starts with relative ones and then resets every connection.
  const sshd = spawn(path, ['-D', '-e', '-f', configure(dir, port)], { detached: true, stdio: ['ignore', log, log] })
  sshd.unref()
  const { pid } = sshd
  if (pid === undefined) throw new NotHere('sshd did not start')
  lab.own(pid, 'sshd')
  await until('sshd listens', 10_000, () => {
    if (born(pid) === undefined)
      throw new NotHere(`sshd ended at once: ${readFileSync(join(dir, 'log'), 'utf8').slice(-500)}`)
    return readFileSync(join(dir, 'log'), 'utf8').includes('Server listening') ? true : undefined
  })
  return pid
}

/** The processes that a listening sshd has started: its sessions. */
function sessionsOf(listener: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === listener
    } catch {
      return false
    }
  })
}

function cut(listener: number): void {
  for (const pid of sessionsOf(listener)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {}
  }
}

function prepare(path: string, dir: string, port: number): SshdData {
  const key = makeKey(dir, 'user_key')
  copyFileSync(`${key}.pub`, join(dir, 'authorized_keys'))
  const hostKey = publicKey(makeKey(dir, 'host_key'))
  mkdirSync(join(dir, 'state'))
  const version = /OpenSSH_[^\s,]+/.exec(spawnSync(path, ['-V'], { encoding: 'utf8' }).stderr)?.[0] ?? 'OpenSSH'
  return {
    host: HOST,
    port,
    user: userInfo().username,
    privateKey: readFileSync(key, 'utf8'),
    privateKeyFile: key,
    strangerKey: readFileSync(makeKey(dir, 'stranger_key'), 'utf8'),
    hostKey,
    knownHosts: `[${HOST}]:${port} ${hostKey}`,
    stateDir: join(dir, 'state'),
    version,
  }
}

/** An sshd on [::1] with keys of its own, which a test may cut and restart.
 * @throws NotHere when openssh-server is not installed */
export async function startSshd(lab: Lab): Promise<OwnSshd> {
  const path = find()
  // Privilege separation wants this folder; Debian makes it only when its own service starts.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const dir = mkdtempSync(join(lab.dir, 's'))
  const port = await freePort(HOST)
  const data = prepare(path, dir, port)
  let pid = await start(lab, path, dir, port)
  const end = async (): Promise<void> => {
    const sessions = sessionsOf(pid)
    await stop(pid, 'sshd')
    await Promise.all(sessions.map((session) => stop(session, 'sshd session')))
  }
  return {
    ...data,
    cut: () => cut(pid),
    stop: end,
    restart: async () => {
      await end()
      writeFileSync(join(dir, 'log'), '')
      pid = await start(lab, path, dir, port)
    },
  }
}

export async function bringSshd(lab: Lab): Promise<Brought<SshdData>> {
  const { stop: end, restart: _r, cut: _c, ...data } = await startSshd(lab)
  return { data, version: data.version, stop: end }
}
