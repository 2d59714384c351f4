import { expect } from 'vitest'
import { attachP10 } from '../lab/p10.ts'
import type { KubeData } from '../lab/kube/lab.ts'
import { until } from '../lab/process.ts'
import { bringRook, playRook, ROOK } from '../lab/rook.ts'
import { apply, deployment, namespace, podsOn, removeNamespace, waitRunning } from '../lab/workloads.ts'

const SHOP = 'e2e-shop'
const NODE = 'server23'
const REPLICAS = 4

export type Stage = {
  /** kube-system's uid, which the registry pins. */
  readonly uid: string
  /** What every test finds: server23 in service with a budgeted and a single-replica workload on it, Ceph at HEALTH_OK. */
  readonly reset: () => Promise<void>
  /** server23 is cordoned by that job of that person for that ticket, and nothing but DaemonSets is left on it. */
  readonly isDrained: (by: { readonly job: string; readonly person: string; readonly ticket: string }) => Promise<void>
  readonly node: (name: string) => Promise<SeenNode>
  readonly cordoned: () => Promise<readonly string[]>
  /** Its node is Ready, and so is its etcd and its API server. */
  readonly controlPlaneIsReady: (node: string) => Promise<boolean>
  /** Since the kubelet's last sign. */
  readonly leaseAgeMs: (node: string) => Promise<number | undefined>
  readonly close: () => Promise<void>
}
export type SeenNode = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: { readonly unschedulable?: boolean }
}
type Named = { readonly metadata: { readonly name: string } }
type Kubectl = ReturnType<typeof attachP10>['kubectl']

const workloads = [
  namespace(SHOP),
  ...deployment({ namespace: SHOP, name: 'web', node: NODE, replicas: 3, pdb: { maxUnavailable: 1 } }),
  ...deployment({ namespace: SHOP, name: 'mail', node: NODE, replicas: 1 }),
]

/** p10 with Rook played on it and pods on server23. */
export async function openStage(data: KubeData): Promise<Stage> {
  const { kubectl, kubeconfig } = attachP10(data)
  const read = async <T>(...argv: readonly string[]): Promise<T> =>
    JSON.parse((await must(kubectl, ...argv, '-o', 'json')).stdout) as T // kubectl's own JSON of the kind asked for
  await bringRook(kubectl)
  const rook = new AbortController()
  const playing = playRook(kubeconfig, rook.signal)
  const node = (name: string): Promise<SeenNode> => read('get', 'node', name)
  return {
    uid: (await read<{ metadata: { uid: string } }>('get', 'namespace', 'kube-system')).metadata.uid,
    reset: async () => {
      await inService(kubectl)
      await apply(kubectl, workloads)
      // what moved away comes back: the pods prefer server23
      if ((await podsOn(kubectl, NODE)).filter((pod) => pod.startsWith(`${SHOP}/`)).length < REPLICAS)
        await must(kubectl, 'delete', 'pod', '--all', '-n', SHOP)
      await waitRunning(kubectl, SHOP, REPLICAS, { node: NODE })
      await healthy(kubectl)
    },
    isDrained: async ({ job, person, ticket }) => {
      const { metadata, spec } = await node(NODE)
      expect(spec.unschedulable).toBe(true)
      expect(metadata.annotations).toMatchObject({
        'sluice.ungleich.ch/cordon-job': job,
        'sluice.ungleich.ch/cordon-person': person,
        'sluice.ungleich.ch/cordon-ticket': ticket,
      })
      expect(await podsOn(kubectl, NODE)).toEqual([])
      await waitRunning(kubectl, SHOP, REPLICAS)
    },
    node,
    cordoned: async () => {
      const { items } = await read<{ items: readonly (SeenNode & Named)[] }>('get', 'nodes')
      return items.filter(({ spec }) => spec.unschedulable).map(({ metadata }) => metadata.name)
    },
    controlPlaneIsReady: (name) => {
      const pods = ['etcd', 'kube-apiserver'].map((server) => ['pod', `${server}-${name}`, '-n', 'kube-system'])
      return allReady(kubectl, ['node', name], ...pods)
    },
    leaseAgeMs: async (name) => leaseAge(kubectl, name),
    close: async () => {
      await inService(kubectl)
      rook.abort()
      await playing
      await Promise.all([SHOP, ROOK].map((ns) => gone(kubectl, ns)))
      await kubectl(['delete', 'crd', 'cephclusters.ceph.rook.io', '--wait=false', '--ignore-not-found'])
    },
  }
}

async function must(kubectl: Kubectl, ...argv: readonly string[]): ReturnType<Kubectl> {
  const ran = await kubectl(argv)
  if (ran.code !== 0) throw new Error(`kubectl ${argv.join(' ')}: ${ran.stderr}`)
  return ran
}

/** As if no earlier test had been: whatever cordon is left goes, with its annotations. */
async function inService(kubectl: Kubectl): Promise<void> {
  const names = ['job', 'person', 'ticket', 'reason', 'since'].map((key) => `sluice.ungleich.ch/cordon-${key}-`)
  await must(kubectl, 'uncordon', NODE)
  await must(kubectl, 'annotate', 'node', NODE, ...names)
}

async function gone(kubectl: Kubectl, ns: string): Promise<void> {
  await removeNamespace(kubectl, ns)
  await must(kubectl, 'wait', '--for=delete', `namespace/${ns}`, '--timeout=60s')
}

/** Every OSD runs again, and the played operator has said so and given the default budget back. */
async function healthy(kubectl: Kubectl): Promise<void> {
  await until('Ceph is healthy', 60_000, async () => {
    const [health, budgets] = await Promise.all([
      kubectl(['get', 'cephcluster', ROOK, '-n', ROOK, '-o', 'jsonpath={.status.ceph.health}']),
      kubectl(['get', 'pdb', '-n', ROOK, '-o', 'jsonpath={.items[*].metadata.name}']),
    ])
    return health.stdout === 'HEALTH_OK' && budgets.stdout === 'rook-ceph-osd' ? true : undefined
  })
  await waitRunning(kubectl, ROOK, 6)
}

/** The lab's API server has this machine's clock. One that is booting may refuse: then nothing is known. */
async function leaseAge(kubectl: Kubectl, node: string): Promise<number | undefined> {
  const lease = ['get', 'lease', node, '-n', 'kube-node-lease', '-o', 'jsonpath={.spec.renewTime}']
  const { code, stdout } = await kubectl(lease)
  return code === 0 ? Date.now() - Date.parse(stdout) : undefined
}

/** Not while the API server cannot say. */
async function allReady(kubectl: Kubectl, ...objects: readonly (readonly string[])[]): Promise<boolean> {
  const ready = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  const said = await Promise.all(objects.map((object) => kubectl(['get', ...object, '-o', ready])))
  return said.every(({ stdout }) => stdout === 'True')
}
