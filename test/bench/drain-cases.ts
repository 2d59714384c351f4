import { type Client, client } from '../lab/kube/client.ts'
import type { KubeLab } from '../lab/kube/lab.ts'
import { until } from '../lab/kube/run.ts'
import { apply, type Budget, deployment, namespace, removeNamespace, waitRunning } from '../lab/workloads.ts'

/** Pods on one node, three other nodes that take the replacements; pods end 300 ms after their eviction. */
export type DrainCase = {
  readonly name: string
  readonly deployments: number
  readonly replicas: number
  readonly budget?: Budget
  /** Sluice's median divided by kubectl's may be at most this. */
  readonly ratio: number
}

export const DRAIN_CASES: readonly DrainCase[] = [
  { name: '30 pods', deployments: 1, replicas: 30, ratio: 0.25 },
  { name: '100 pods', deployments: 1, replicas: 100, ratio: 0.15 },
  { name: '30 pods under one PDB', deployments: 1, replicas: 30, budget: { maxUnavailable: '100%' }, ratio: 0.45 },
  { name: '100 pods under one PDB', deployments: 1, replicas: 100, budget: { maxUnavailable: '100%' }, ratio: 0.5 },
  { name: '10 deployments x 3, PDBs of 1', deployments: 10, replicas: 3, budget: { maxUnavailable: 1 }, ratio: 0.35 },
  { name: '10 pods behind a PDB of 1', deployments: 1, replicas: 10, budget: { maxUnavailable: 1 }, ratio: 0.15 },
]

const NODE = 'server23'
const TAKERS = ['server24', 'server25', 'server26']
const POOL = 'kubelab/pool'

/** A case that stands ready: all pods Running on `node`, which is not cordoned; the takers are open. */
export type Prepared = {
  readonly node: string
  readonly namespace: string
  readonly pods: number
  /** Removes it and uncordons the node; ends when the last pod is gone. */
  readonly tearDown: () => Promise<void>
}

async function must(lab: KubeLab, argv: readonly string[]): Promise<void> {
  const ran = await lab.kubectl(argv)
  if (ran.code !== 0) throw new Error(`kubectl ${argv.slice(0, 3).join(' ')}: ${ran.stderr.slice(-300)}`)
}

const label = (lab: KubeLab, nodes: readonly string[], value: string | undefined) =>
  must(lab, ['label', 'node', ...nodes, value === undefined ? `${POOL}-` : `${POOL}=${value}`, '--overwrite'])

let made = 0

/** Brings a case up on a quick-shape lab that does nothing else meanwhile. */
export async function prepare(lab: KubeLab, { deployments, replicas, budget }: DrainCase): Promise<Prepared> {
  const ns = `bench-${process.pid}-${++made}`
  await label(lab, [NODE], ns)
  const names = Array.from({ length: deployments }, (_, index) => `d${index + 1}`)
  const pool = { key: POOL, operator: 'In', values: [ns] }
  const workloads = names.flatMap((name) =>
    deployment({ namespace: ns, name, replicas, pool, ...(budget ? { pdb: budget } : {}) }),
  )
  await apply(lab.kubectl, [namespace(ns), ...workloads])
  const pods = deployments * replicas
  await waitRunning(lab.kubectl, ns, pods, { node: NODE })
  await label(lab, TAKERS, ns)
  const tearDown = async () => {
    await removeNamespace(lab.kubectl, ns)
    await label(lab, [NODE, ...TAKERS], undefined)
    await must(lab, ['uncordon', NODE])
    const gone = async () => ((await lab.kubectl(['get', 'namespace', ns])).code === 0 ? undefined : true)
    await until(`${ns} to be gone`, gone, { everyMs: 200 })
  }
  return { node: NODE, namespace: ns, pods, tearDown }
}

/** The whole `kubectl drain` command, in milliseconds. `dryRun`: what `plan drain` is compared with. Throws when it fails. */
export async function timeKubectl(lab: KubeLab, { node }: Prepared, { dryRun = false } = {}): Promise<number> {
  const flags = [
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    '--timeout=300s',
    ...(dryRun ? ['--dry-run=server'] : []),
  ]
  const startMs = performance.now()
  await must(lab, ['drain', node, ...flags])
  return performance.now() - startMs
}

type Pod = { readonly metadata: { readonly uid: string } }

/**
 * Watches the pods of a prepared case on its node. `lastGone` ends with performance.now() at the moment the last one is gone.
 * It goes on from the list's resourceVersion, so no deletion is missed.
 */
export async function watchPods(
  lab: KubeLab,
  { node, namespace: ns }: Prepared,
  signal: AbortSignal,
): Promise<{ lastGone: Promise<number> }> {
  const api: Client = client(lab.kubeconfig)
  const path = `/api/v1/namespaces/${ns}/pods?fieldSelector=spec.nodeName%3D${node}`
  const said = await api.call('GET', path)
  const { items, metadata }: { items: readonly Pod[]; metadata: { resourceVersion: string } } = JSON.parse(said.body)
  const left = new Set(items.map((pod) => pod.metadata.uid))
  let goneMs = performance.now()
  const seen = ({ type, object }: { type: string; object: Pod }) => {
    if (type === 'DELETED') left.delete(object.metadata.uid)
    goneMs = performance.now()
    return left.size === 0
  }
  const ended = api.watch(`${path}&watch=1&resourceVersion=${metadata.resourceVersion}`, seen, signal)
  const lastGone = ended.then(() => {
    api.close()
    if (left.size > 0) throw new Error(`the watch ended with ${left.size} pods left on ${node}`)
    return goneMs
  })
  // The caller may come to it only after its drain has failed.
  lastGone.catch(() => {})
  return { lastGone }
}
