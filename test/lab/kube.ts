import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freeBase, kubectlWith, untilNodesReady, untilReady } from './kube/api.ts'
import { AUDIT_POLICY, readAudit } from './kube/audit.ts'
import { buildKube } from './kube/build.ts'
import { attachKeeper, type Keeper, startKeeper } from './kube/keep.ts'
import type { KubeData, KubeLab } from './kube/lab.ts'
import { nodeList, P10_NODES } from './kube/nodes.ts'
import { must, until } from './kube/run.ts'
import { advertised, kubeadmConfig, type Shape, servers } from './kube/servers.ts'

export type BringKube = {
  /** Empty or absent directory; the lab removes it in stop(). Keep it short: it holds Unix sockets. */
  readonly dir: string
  /** base..base+5 on [::1]; default: free ones, chosen at random. */
  readonly basePort?: number
  /** Node names, `:cp` behind a control plane; default: the 14 of p10. */
  readonly nodes?: readonly string[]
  /** Default true. */
  readonly auditLog?: boolean
  /** Until a silent node is NotReady; default 40_000. */
  readonly graceMs?: number
  readonly log?: (line: string) => void
}

const shapeFile = (dir: string) => join(dir, 'shape.json')

async function prepare(shape: Shape, version: string): Promise<void> {
  const { dir, bin, port } = shape
  for (const part of ['pki', 'conf', 'log']) await mkdir(join(dir, part), { recursive: true })
  const config = join(dir, 'kubeadm.yaml')
  await writeFile(config, kubeadmConfig(shape, version))
  await writeFile(join(dir, 'audit-policy.json'), AUDIT_POLICY)
  await writeFile(shapeFile(dir), JSON.stringify(shape))
  const kubeadm = [join(bin, 'kubeadm'), 'init', 'phase']
  await must([...kubeadm, 'certs', 'all', '--config', config])
  await must([...kubeadm, 'kubeconfig', 'all', '--config', config, '--kubeconfig-dir', join(dir, 'conf')])
  for (const name of ['admin', 'super-admin', 'controller-manager', 'scheduler']) {
    const file = join(dir, 'conf', `${name}.conf`)
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(advertised(port), `https://[::1]:${port}`))
  }
}

async function apiserverReady(keeper: Keeper, { dir, port }: Shape): Promise<void> {
  await untilReady(port, join(dir, 'pki'), async () => {
    const pids = await keeper.pids()
    const gone = ['etcd', 'kube-apiserver'].find((name) => pids[name] === undefined)
    if (gone === undefined) return undefined
    const log = await readFile(join(dir, 'log', `${gone}.log`), 'utf8').catch(() => '')
    return `${gone} ended: ${log.slice(-600)}`
  })
}

async function start(keeper: Keeper, shape: Shape, nodes: readonly string[], version: string): Promise<void> {
  const { etcd, apiserver, others } = servers(shape)
  await keeper.start(etcd)
  await keeper.start(apiserver)
  await apiserverReady(keeper, shape)
  const superuser = kubectlWith(shape.bin, join(shape.dir, 'conf/super-admin.conf'))
  // kubeadm's admin.conf is of this group; kubeadm itself binds it in `init`, which is not run here.
  const binding = ['kubeadm:cluster-admins', '--clusterrole=cluster-admin', '--group=kubeadm:cluster-admins']
  await superuser(['create', 'clusterrolebinding', ...binding])
  for (const other of others) await keeper.start(other)
  const applied = await superuser(['apply', '--server-side', '-f', '-'], nodeList(nodes, version))
  if (applied.code !== 0) throw new Error(`the nodes could not be created: ${applied.stderr.slice(-600)}`)
  const account = async () =>
    (await superuser(['-n', 'default', 'get', 'serviceaccount', 'default'])).code === 0 ? true : undefined
  await until('the default ServiceAccount', account, { everyMs: 100 })
  await untilNodesReady(superuser, nodes.length)
}

/** The ports may be taken between looking and listening; then another six are tried. */
async function brought(options: BringKube, bin: string, version: string): Promise<KubeData['server']> {
  const nodes = options.nodes ?? P10_NODES
  for (let attempt = 1; ; attempt++) {
    const port = options.basePort ?? (await freeBase())
    const shape = {
      dir: options.dir,
      bin,
      port,
      auditLog: options.auditLog ?? true,
      graceMs: options.graceMs ?? 40_000,
    }
    const keeper = await startKeeper(options.dir)
    try {
      await prepare(shape, version)
      await start(keeper, shape, nodes, version)
      return `https://[::1]:${port}`
    } catch (error) {
      await keeper.end()
      const taken = error instanceof Error && error.message.includes('address already in use')
      if (!taken || options.basePort !== undefined || attempt === 3) throw error
    }
  }
}

/**
 * The quick shape: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok on [::1] only, nodes Ready in
 * about 5 s. Everything dies with this process. Throws when it cannot be built or does not become ready.
 */
export async function bringKube(options: BringKube): Promise<KubeLab> {
  const { bin, versions } = await buildKube(options.log ? { log: options.log } : {})
  const server = await brought(options, bin, versions['kubernetes'] ?? '')
  return attachKube({ dir: options.dir, bin, kubeconfig: join(options.dir, 'conf/admin.conf'), server, versions })
}

/** The same lab from another process. */
export function attachKube(data: KubeData): KubeLab {
  const { dir, bin, kubeconfig, server, versions } = data
  const keeper = attachKeeper(dir)
  const kubectl = kubectlWith(bin, kubeconfig)
  const shape = async (): Promise<Shape> => JSON.parse(await readFile(shapeFile(dir), 'utf8'))
  return {
    data,
    kubeconfig,
    server,
    versions,
    kubectl,
    auditEvents: () => readAudit([join(dir, 'audit.log')]),
    pids: keeper.pids,
    stop: keeper.end,
    killApiserver: () => keeper.stop('kube-apiserver', 'SIGKILL'),
    startApiserver: async () => {
      const now = await shape()
      await keeper.start(servers(now).apiserver)
      await apiserverReady(keeper, now)
    },
    setKubelet: async (node, state) => {
      const label = state === 'up' ? 'kubelab/kubelet=up' : 'kubelab/kubelet-'
      const ran = await kubectl(['label', 'node', node, label, '--overwrite'])
      if (ran.code !== 0) throw new Error(`kubelet of ${node} ${state}: ${ran.stderr}`)
    },
  }
}

// By hand: node test/lab/kube.ts DIR  brings a lab, prints where it is, and stops it when it is interrupted.
if (import.meta.main) {
  const lab = await bringKube({ dir: process.argv[2] ?? '/tmp/kube-lab', log: (line) => console.error(line) })
  console.log(JSON.stringify({ ...lab.data, pids: await lab.pids() }))
  process.once('SIGINT', () => void lab.stop().then(() => process.exit(0)))
  setInterval(() => {}, 60_000)
}
