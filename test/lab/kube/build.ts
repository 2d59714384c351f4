import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findGo } from './go.ts'
import { must } from './run.ts'

const HERE = import.meta.dirname
const KUBERNETES = 'v1.36.3'
const VERSIONS = { kubernetes: KUBERNETES, etcd: '3.6.8', kwok: '0.8.0', helm: '4.2.4' }
const PROGRAMS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubeadm',
  'kubectl',
  'kubelet',
  'etcd',
  'etcdctl',
  'kwok',
  'helm',
]

export type Built = { readonly bin: string; readonly versions: Readonly<Record<string, string>> }
type Log = (line: string) => void

/** Where the lab keeps what it built: a fresh clone finds it again. */
export function labCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice-lab')
}

function linkerFlags(): string {
  const flags = ['-s', '-w']
  for (const place of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']) {
    const values = {
      gitVersion: KUBERNETES,
      gitMajor: '1',
      gitMinor: KUBERNETES.split('.')[1] ?? '',
      gitTreeState: 'clean',
      gitCommit: '0'.repeat(40),
      buildDate: '2026-01-01T00:00:00Z',
    }
    for (const [name, value] of Object.entries(values)) flags.push(`-X ${place}.${name}=${value}`)
  }
  flags.push(`-X sigs.k8s.io/kwok/pkg/consts.Version=v${VERSIONS.kwok}`)
  flags.push(`-X helm.sh/helm/v4/internal/version.version=v${VERSIONS.helm}`)
  return flags.join(' ')
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256').update(linkerFlags())
  const files = (await readdir(HERE)).filter((file) => /\.go$|^go\.(mod|sum)$/.test(file)).sort()
  for (const file of files) hash.update(`\0${file}\0`).update(await readFile(join(HERE, file)))
  return hash.digest('hex').slice(0, 16)
}

/** One build at a time on this machine: an abstract Unix socket is let go by the kernel however its holder dies. */
async function held(name: string): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>()
  const server = createServer()
  server.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
  )
  server.listen(`\0${name}`, () => resolve(server))
  return promise
}

async function compile(home: string, log: Log): Promise<void> {
  const { go, version } = await findGo(labCache(), log)
  log(`building the lab's Kubernetes ${KUBERNETES} with Go ${version}, about 6 minutes, once`)
  const part = `${home}.${process.pid}`
  await rm(part, { recursive: true, force: true })
  await mkdir(join(part, 'bin'), { recursive: true })
  const start = Date.now()
  const ticking = setInterval(() => log(`still building: ${Math.round((Date.now() - start) / 1000)} s so far`), 30_000)
  try {
    const argv = [
      go,
      'build',
      '-mod=readonly',
      '-trimpath',
      '-ldflags',
      linkerFlags(),
      '-o',
      join(part, 'bin/kubelab'),
      '.',
    ]
    await must(argv, { cwd: HERE, env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off' }, limitMs: 3_600_000 })
    for (const program of PROGRAMS) await symlink('kubelab', join(part, 'bin', program))
    await writeFile(join(part, 'versions.json'), JSON.stringify({ ...VERSIONS, go: version }))
    await rename(part, home)
  } finally {
    clearInterval(ticking)
    await rm(part, { recursive: true, force: true })
  }
  log(`built in ${Math.round((Date.now() - start) / 1000)} s`)
}

async function buildOnce(home: string, log: Log): Promise<void> {
  let told = false
  while (!existsSync(home)) {
    const lock = await held(`sluice-lab-${home}`.slice(-100))
    if (lock) {
      try {
        if (!existsSync(home)) await compile(home, log)
      } finally {
        lock.close()
      }
    } else {
      if (!told) log("another process builds the lab's Kubernetes; waiting for it")
      told = true
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

/**
 * The lab's Kubernetes: one multi-call binary and a link per program, from Go modules. Found in the cache, else built there
 * (about 6 minutes on 2 cores). Throws when there is no Go and none can be had, or when the build fails.
 */
export async function buildKube({ log = () => {} }: { log?: Log } = {}): Promise<Built> {
  const home = join(labCache(), `kube-${await sourceHash()}`)
  await mkdir(labCache(), { recursive: true })
  await buildOnce(home, log)
  const versions: Record<string, string> = JSON.parse(await readFile(join(home, 'versions.json'), 'utf8'))
  return { bin: join(home, 'bin'), versions }
}

if (import.meta.main) console.log(JSON.stringify(await buildKube({ log: (line) => console.error(line) })))
