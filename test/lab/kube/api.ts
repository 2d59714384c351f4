import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Kubectl } from './lab.ts'
import { run, until } from './run.ts'

/** kubectl with this kubeconfig. */
export function kubectlWith(bin: string, kubeconfig: string): Kubectl {
  const env = { KUBECONFIG: kubeconfig, KUBECTL_KUBERC: 'false' }
  return (argv, stdin) => run([join(bin, 'kubectl'), ...argv], { env, ...(stdin === undefined ? {} : { stdin }) })
}

function readyz(port: number, pki: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const file = (name: string) => readFileSync(join(pki, name))
  const options = { host: '::1', port, path: '/readyz', agent: false, timeout: 2000, ca: file('ca.crt') }
  const client = { cert: file('apiserver-kubelet-client.crt'), key: file('apiserver-kubelet-client.key') }
  const asking = request({ ...options, ...client }, (response) => {
    response.resume()
    resolve(response.statusCode === 200)
  })
  asking.on('timeout', () => asking.destroy())
  asking.on('error', () => resolve(false))
  asking.end()
  return promise
}

/** Ends when the API server on [::1]:port is ready; `dead` answers the reason when it can no longer become so. */
export async function untilReady(port: number, pki: string, dead: () => Promise<string | undefined>): Promise<void> {
  await until(
    'the API server to be ready',
    async () => {
      if (await readyz(port, pki)) return true
      const why = await dead()
      if (why !== undefined) throw new Error(why)
      return undefined
    },
    { limitMs: 120_000 },
  )
}

/** Ends when exactly this many nodes are Ready. */
export async function untilNodesReady(kubectl: Kubectl, count: number, limitMs = 180_000): Promise<void> {
  const look = async () => {
    const { stdout } = await kubectl(['get', 'nodes', '--no-headers'])
    const ready = stdout.split('\n').filter((line) => /^\S+\s+Ready\b/.test(line)).length
    return ready === count ? true : undefined
  }
  await until(`${count} nodes to be Ready`, look, { limitMs, everyMs: 150 })
}

function free(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '::1', () => server.close(() => resolve(true)))
  return promise
}

/** A base so that base..base+5 are free on [::1] now; below the range the kernel takes for outgoing connections. */
export async function freeBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + 6 * Math.floor(Math.random() * 1900)
    const all = await Promise.all([0, 1, 2, 3, 4, 5].map((offset) => free(base + offset)))
    if (all.every(Boolean)) return base
  }
  throw new Error('no six free ports in a row on [::1]')
}
