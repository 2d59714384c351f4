import { readdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { kubectlWith, untilNodesReady } from './kube/api.ts'
import { readAudit } from './kube/audit.ts'
import { buildKube } from './kube/build.ts'
import { AUDIT_LOG, kubeadmInit, kubeadmJoin } from './kube/kubeadm.ts'
import { attachKeeper, startKeeper } from './kube/keep.ts'
import type { KubeData, P10Lab } from './kube/lab.ts'
import { P10_NODES } from './kube/nodes.ts'
import { API_NAME, apiSocket, hostDown, hostUp, on, type Site, siteUp } from './kube/site.ts'

export type BringP10 = {
  /** Empty or absent directory; the lab removes it in stop(). Keep it short: it holds Unix sockets. */
  readonly dir: string
  /** Host names of the workers; default: p10's eleven. */
  readonly workers?: readonly string[]
  /** Until a silent node is NotReady; default 40_000, as Kubernetes has it. */
  readonly graceMs?: number
  readonly log?: (line: string) => void
}

const CONTROL_PLANES = P10_NODES.filter((entry) => entry.endsWith(':cp')).map((entry) => entry.replace(':cp', ''))
const WORKERS = P10_NODES.filter((entry) => !entry.endsWith(':cp'))

/** Why p10 cannot be brought on this machine; undefined when it can. */
export function p10Hindrance(): string | undefined {
  if (process.platform !== 'linux') return 'p10 is made of Linux namespaces'
  if (process.getuid?.() !== 0) return 'p10 is made of namespaces, which needs root'
  const missing = ['unshare', 'nsenter', 'ip'].filter(
    (name) => !['/usr/bin', '/bin', '/usr/sbin', '/sbin'].some((at) => existsSync(join(at, name))),
  )
  return missing.length > 0 ? `p10 needs ${missing.join(', ')} (packages util-linux and iproute2)` : undefined
}

async function kubeconfig(site: Site, first: string, port: number): Promise<string> {
  const made = await readFile(join(site.dir, 'hosts', first, 'etc/kubernetes/admin.conf'), 'utf8')
  const file = join(site.dir, 'admin.conf')
  const here = made.replace(/^( *)server: .*/m, `$1server: https://[::1]:${port}\n$1tls-server-name: ${API_NAME}`)
  await writeFile(file, here, { mode: 0o600 })
  return file
}

type Wanted = { readonly workers: readonly string[]; readonly version: string; readonly graceMs: number }

async function cluster(site: Site, { workers, version, graceMs }: Wanted, log: (line: string) => void): Promise<void> {
  const [first = '', ...others] = CONTROL_PLANES
  await siteUp(site)
  for (const name of [...CONTROL_PLANES, ...workers]) await hostUp(site, name)
  log(`p10: kubeadm init on ${first}`)
  await kubeadmInit(site, first, { version, graceMs })
  for (const name of others) {
    log(`p10: kubeadm join of ${name} as a control plane`)
    await kubeadmJoin(site, first, name, { controlPlane: true })
  }
  log(`p10: kubeadm join of ${workers.length} workers at once`)
  await Promise.all(workers.map((name) => kubeadmJoin(site, first, name)))
}

/**
 * p10 itself: three control planes by real `kubeadm init` and `join`, and workers, IPv6 only, in namespace hosts; about 45 s
 * on idle cores. Its API is on [::1] by a relay. Everything dies with this process. Throws the hindrance, or what failed.
 */
export async function bringP10(options: BringP10): Promise<P10Lab> {
  const hindrance = p10Hindrance()
  if (hindrance !== undefined) throw new Error(hindrance)
  const log = options.log ?? (() => {})
  const { bin, versions } = await buildKube({ log })
  const workers = options.workers ?? WORKERS
  const keeper = await startKeeper(options.dir)
  const site = { dir: options.dir, bin, keeper }
  try {
    await cluster(site, { workers, version: versions['kubernetes'] ?? '', graceMs: options.graceMs ?? 40_000 }, log)
    const port = await keeper.relay(0, apiSocket(site))
    const config = await kubeconfig(site, CONTROL_PLANES[0] ?? '', port)
    await untilNodesReady(kubectlWith(bin, config), CONTROL_PLANES.length + workers.length)
    log('p10: all nodes Ready')
    return attachP10({ dir: options.dir, bin, kubeconfig: config, server: `https://[::1]:${port}`, versions })
  } catch (error) {
    await keeper.end()
    throw error
  }
}

/** The same lab from another process (which needs root, too, for its hosts). */
export function attachP10(data: KubeData): P10Lab {
  const { dir, bin, kubeconfig: config, server, versions } = data
  const keeper = attachKeeper(dir)
  const site = { dir, bin, keeper }
  return {
    data,
    kubeconfig: config,
    server,
    versions,
    kubectl: kubectlWith(bin, config),
    auditEvents: async () => {
      const hosts = await readdir(join(dir, 'hosts'))
      return readAudit(hosts.map((host) => join(dir, 'hosts', host, 'log', AUDIT_LOG)))
    },
    pids: keeper.pids,
    stop: keeper.end,
    powerOff: (host) => hostDown(site, host),
    powerOn: (host) => hostUp(site, host),
    on: (host, argv, stdin) => on(site, host, argv, stdin),
  }
}

// By hand: node test/lab/p10.ts DIR [WORKER...]  brings p10, prints where it is, and stops it when it is interrupted.
if (import.meta.main) {
  const [dir = '/tmp/p10-lab', ...workers] = process.argv.slice(2)
  const lab = await bringP10({ dir, ...(workers.length > 0 ? { workers } : {}), log: (line) => console.error(line) })
  console.log(JSON.stringify({ ...lab.data, pids: await lab.pids() }))
  process.once('SIGINT', () => void lab.stop().then(() => process.exit(0)))
  setInterval(() => {}, 60_000)
}
