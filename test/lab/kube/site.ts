import { appendFile, mkdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Keeper } from './keep.ts'
import type { Ran } from './lab.ts'
import { must, run, until } from './run.ts'

const HERE = import.meta.dirname
export const NET = 'fd00:0:0:1'
export const API_NAME = 'p10-api.k8s.ooo'
export const API_PORT = 6443

/** A network namespace with a bridge, and hosts on it that are namespaces themselves. Needs root. */
export type Site = { readonly dir: string; readonly bin: string; readonly keeper: Keeper }

const hostDir = ({ dir }: Site, name: string) => join(dir, 'hosts', name)
const hostsFile = ({ dir }: Site) => join(dir, 'etc-hosts')
export const backends = ({ dir }: Site): string => join(dir, 'backends')
export const apiSocket = ({ dir }: Site): string => join(dir, 'api.sock')
/** server63 -> fd00:0:0:1::63, as the manual numbers p10. */
export const addressOf = (name: string): string => `${NET}::${/\d+$/.exec(name)?.[0] ?? '2'}`
const linkOf = (name: string) => `v${/\d+$/.exec(name)?.[0] ?? '2'}`

const inSite = (pid: number) => ['nsenter', '-t', String(pid), '-n']

async function sitePid({ keeper }: Site): Promise<number> {
  const pid = (await keeper.pids())['site']
  if (pid === undefined) throw new Error('the site is not up')
  return pid
}

/** Makes the site's network with the bridge, and its name service. */
export async function siteUp(site: Site): Promise<void> {
  const pid = await site.keeper.start({ name: 'site', argv: ['unshare', '-n', 'sleep', 'infinity'] })
  const own = await readlink('/proc/self/ns/net')
  const apart = async () => ((await readlink(`/proc/${pid}/ns/net`).catch(() => own)) === own ? undefined : true)
  await until("the site's network namespace (this needs root)", apart, { limitMs: 10_000, everyMs: 20 })
  const ip = [...inSite(pid), 'ip']
  await must([...ip, 'link', 'set', 'lo', 'up'])
  await must([...ip, 'link', 'add', 'br0', 'type', 'bridge'])
  await must([...ip, 'link', 'set', 'br0', 'up'])
  await must([...ip, '-6', 'addr', 'add', `${NET}::1/64`, 'dev', 'br0', 'nodad'])
  await writeFile(hostsFile(site), `::1 localhost ip6-localhost\n127.0.0.1 localhost\n${NET}::1 ${API_NAME}\n`)
}

/** Starts the balancer for the backends written so far. */
export async function balancerUp(site: Site): Promise<void> {
  const argv = [
    process.execPath,
    join(HERE, 'balancer.ts'),
    `${NET}::1`,
    String(API_PORT),
    apiSocket(site),
    backends(site),
  ]
  await site.keeper.start({ name: 'balancer', argv: [...inSite(await sitePid(site)), ...argv] })
  await until('the balancer', () => (existsSync(apiSocket(site)) ? true : undefined), { limitMs: 20_000 })
}

async function childOf(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return Number(children.trim().split(' ')[0]) || undefined
}

/** Pid (on this machine) of the host's PID 1; undefined when it is off. */
export async function hostPid({ keeper }: Site, name: string): Promise<number | undefined> {
  const pid = (await keeper.pids())[name]
  return pid === undefined ? undefined : childOf(pid)
}

async function cable(site: Site, name: string, pid: number): Promise<void> {
  const ip = [...inSite(await sitePid(site)), 'ip']
  const link = linkOf(name)
  // The end of a host that was powered off may still be on its way out.
  await run([...ip, 'link', 'del', link])
  await must([...ip, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)])
  await must([...ip, 'link', 'set', link, 'master', 'br0', 'up'])
  const inHost = ['nsenter', '-t', String(pid), '-n', 'ip']
  await must([...inHost, 'link', 'set', 'eth0', 'up'])
  await must([...inHost, '-6', 'addr', 'add', `${addressOf(name)}/64`, 'dev', 'eth0', 'nodad'])
  await must([...inHost, '-6', 'route', 'add', 'default', 'via', `${NET}::1`])
}

/** Powers a host on: the first time with an empty disk, later with the one it had. Its kubelet starts if it had joined. */
export async function hostUp(site: Site, name: string): Promise<void> {
  const home = hostDir(site, name)
  for (const part of ['etc', 'etcw', 'lib', 'libw', 'log']) await mkdir(join(home, part), { recursive: true })
  const known = await readFile(hostsFile(site), 'utf8')
  if (!known.includes(` ${name}\n`)) await appendFile(hostsFile(site), `${addressOf(name)} ${name}\n`)
  const namespaces = ['unshare', '--net', '--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const argv = [...namespaces, 'bash', join(HERE, 'host.sh'), name, home, hostsFile(site)]
  const outer = await site.keeper.start({ name, argv, victim: 'child' })
  const booted = async () => {
    const pid = await childOf(outer)
    return pid !== undefined && existsSync(`/proc/${pid}/root/run/ready`) && isOwnRoot(pid) ? pid : undefined
  }
  const pid = await until(`${name} to boot`, booted, { limitMs: 20_000, everyMs: 20 })
  await cable(site, name, pid)
  if (existsSync(join(home, 'lib/kubelet/config.yaml'))) await on(site, name, ['systemctl', 'start', 'kubelet'])
}

/** Before its tmpfs is mounted, /run of the new host is the machine's. */
function isOwnRoot(pid: number): boolean {
  return !existsSync('/run/ready') || existsSync(`/proc/${pid}/root/etc/kubernetes`)
}

/** Power cut: every process of the host is killed at once; the disk stays. */
export async function hostDown({ keeper }: Site, name: string): Promise<void> {
  await keeper.stop(name, 'SIGKILL')
}

/** Runs argv on a host as root. Throws when the host is off. */
export async function on(site: Site, name: string, argv: readonly string[], stdin?: string): Promise<Ran> {
  const pid = await hostPid(site, name)
  if (pid === undefined) throw new Error(`${name} is off`)
  const env = {
    PATH: `${join(HERE, 'hostbin')}:${site.bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: '/root',
    KUBECONFIG: '/etc/kubernetes/admin.conf',
    // fsync protects from a power cut of the machine below, which the lab does not play.
    KUBELAB_ARGS_etcd: '--unsafe-no-fsync',
  }
  const enter = ['nsenter', '-t', String(pid), '-n', '-u', '-m', '-p', '--']
  return run([...enter, ...argv], { env, ...(stdin === undefined ? {} : { stdin }) })
}

/** As on(), but a code other than 0 throws with the end of what it said, and all of it goes to DIR/log. */
export async function mustOn(site: Site, name: string, argv: readonly string[], stdin?: string): Promise<string> {
  const ran = await on(site, name, argv, stdin)
  await appendFile(
    join(site.dir, 'log', `${name}.commands.log`),
    `$ ${argv.slice(0, 4).join(' ')} -> ${ran.code}\n${ran.stdout}${ran.stderr}\n`,
  )
  if (ran.code !== 0)
    throw new Error(`${name}: ${argv.slice(0, 4).join(' ')} ended with ${ran.code}: ${ran.stderr.slice(-800)}`)
  return ran.stdout
}

/** Writes a file on a host, 0600. */
export async function put(site: Site, name: string, path: string, text: string): Promise<void> {
  await mustOn(site, name, ['sh', '-c', 'umask 077; cat >"$1"', 'put', path], text)
}
