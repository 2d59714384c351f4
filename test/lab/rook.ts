/**
 * Rook without Ceph: as much as Sluice looks at. The CustomResourceDefinition is minimal: written from Rook's API reference
 * (CephCluster v1: spec, status.phase, status.state, status.message, status.ceph), other fields are accepted unseen. The switch
 * of the OSD budgets follows Rook's pkg/operator/ceph/disruption/clusterdisruption/osd.go; names, labels and the state map are its own.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, client } from './kube/client.ts'
import type { Kubectl } from './kube/lab.ts'
import { apply, deployment, type Manifest, namespace, waitRunning } from './workloads.ts'

export const ROOK = 'rook-ceph'
const OSD = 'rook-ceph-osd'
const LOCATION = 'topology-location-host'
const STATE_MAP = 'rook-ceph-pdbstatemap'
const BUDGETS = `/apis/policy/v1/namespaces/${ROOK}/poddisruptionbudgets`
const CLUSTER = `/apis/ceph.rook.io/v1/namespaces/${ROOK}/cephclusters/${ROOK}`

/** Storage hosts of p10 as the lab has it, each with its OSD ids. */
export const STORAGE: Readonly<Record<string, readonly number[]>> = {
  server22: [0, 1],
  server23: [2, 3],
  server24: [4, 5],
}

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

const crd: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'cephclusters.ceph.rook.io' },
  spec: {
    group: 'ceph.rook.io',
    scope: 'Namespaced',
    names: {
      kind: 'CephCluster',
      listKind: 'CephClusterList',
      plural: 'cephclusters',
      singular: 'cephcluster',
      shortNames: ['ceph'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
      },
    ],
  },
}

const budget = (name: string, maxUnavailable: number, matchLabels: Manifest): Manifest => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name, namespace: ROOK },
  spec: { maxUnavailable, selector: { matchLabels } },
})
const defaultBudget = () => budget(OSD, 1, { app: OSD })
const blocking = (host: string) => budget(`${OSD}-host-${host}`, 0, { [LOCATION]: host })

const cephCluster: Manifest = {
  apiVersion: 'ceph.rook.io/v1',
  kind: 'CephCluster',
  metadata: { name: ROOK, namespace: ROOK },
  spec: { dataDirHostPath: '/var/lib/rook', mon: { count: 3 }, disruptionManagement: { managePodBudgets: true } },
}

const osd = (host: string, id: number): readonly Manifest[] => {
  const own = { app: OSD, 'ceph-osd-id': String(id) }
  const labels = { ...own, osd: String(id), 'failure-domain': host, [LOCATION]: host, rook_cluster: ROOK }
  return deployment({
    namespace: ROOK,
    name: `${OSD}-${id}`,
    node: host,
    pinned: true,
    replicas: 1,
    selector: own,
    labels,
  })
}

const statusOf = (health: string, down: number): Manifest => {
  const details = down === 0 ? {} : { OSD_DOWN: { severity: 'HEALTH_WARN', message: `${down} osds down` } }
  const now = new Date().toISOString()
  return {
    status: {
      phase: 'Ready',
      state: 'Created',
      message: 'Cluster created successfully',
      ceph: { health, details, lastChecked: now },
    },
  }
}

/** What the operator would write into status.ceph.health, by hand: HEALTH_OK | HEALTH_WARN | HEALTH_ERR. A playing Rook overwrites it at the next change. */
export async function setHealth(kubectl: Kubectl, health: string): Promise<void> {
  const body = JSON.stringify(statusOf(health, 0))
  const ran = await kubectl([
    'patch',
    'cephcluster',
    ROOK,
    '-n',
    ROOK,
    '--subresource=status',
    '--type=merge',
    '-p',
    body,
  ])
  if (ran.code !== 0) throw new Error(`health ${health}: ${ran.stderr}`)
}

/** Puts Rook's objects into a cluster: CRD, CephCluster in HEALTH_OK, a Deployment per OSD, the default budget. */
export async function bringRook(
  kubectl: Kubectl,
  storage: Readonly<Record<string, readonly number[]>> = STORAGE,
): Promise<void> {
  await apply(kubectl, [namespace(ROOK), crd])
  const established = await kubectl([
    'wait',
    '--for=condition=Established',
    'crd/cephclusters.ceph.rook.io',
    '--timeout=60s',
  ])
  if (established.code !== 0) throw new Error(`CephCluster's definition: ${established.stderr}`)
  const osds = Object.entries(storage).flatMap(([host, ids]) => ids.flatMap((id) => osd(host, id)))
  await apply(kubectl, [cephCluster, defaultBudget(), ...osds])
  await setHealth(kubectl, 'HEALTH_OK')
  await waitRunning(kubectl, ROOK, Object.values(storage).flat().length)
}

type Osd = {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } } }
  readonly status?: { readonly readyReplicas?: number }
}
type Node = { readonly metadata: { readonly name: string }; readonly spec: { readonly unschedulable?: boolean } }

const hostOf = (one: Osd): string => one.spec.template.metadata.labels[LOCATION] ?? ''

type Seen = {
  readonly hosts: readonly string[]
  readonly down: readonly string[]
  readonly draining: string | undefined
}

/** A host is draining when one of its OSDs is down and its node is cordoned; the first found stays it until all are up. */
async function look(api: Client, before: string | undefined): Promise<Seen> {
  const [workloads, nodes] = await Promise.all([
    api.list<Osd>(`/apis/apps/v1/namespaces/${ROOK}/deployments`),
    api.list<Node>('/api/v1/nodes'),
  ])
  const osds = workloads.filter((one) => one.spec.template.metadata.labels['app'] === OSD)
  const hosts = [...new Set(osds.map(hostOf))].sort()
  const down = osds.filter((one) => !one.status?.readyReplicas).map(hostOf)
  const cordoned = nodes.filter((node) => node.spec.unschedulable).map((node) => node.metadata.name)
  const now = before !== undefined && down.includes(before) ? before : down.find((host) => cordoned.includes(host))
  return { hosts, down, draining: now }
}

/** As Rook does it: first the blocking budgets of the other hosts, then the default one goes; back in the same order. */
async function switchBudgets(api: Client, { hosts, draining }: Seen): Promise<void> {
  const create = (manifest: Manifest) => api.call('POST', BUDGETS, manifest)
  const remove = (name: string) => api.call('DELETE', `${BUDGETS}/${name}`)
  if (draining === undefined) {
    await create(defaultBudget())
    for (const host of hosts) await remove(`${OSD}-host-${host}`)
    return
  }
  for (const host of hosts.filter((host) => host !== draining)) await create(blocking(host))
  await remove(`${OSD}-host-${draining}`)
  await remove(OSD)
}

async function write(api: Client, { down, draining }: Seen): Promise<void> {
  const merge = 'application/merge-patch+json'
  await api.call(
    'PATCH',
    `${CLUSTER}/status`,
    statusOf(down.length === 0 ? 'HEALTH_OK' : 'HEALTH_WARN', down.length),
    merge,
  )
  const data = { 'draining-failure-domain': draining ?? '', 'set-no-out': draining === undefined ? '' : 'true' }
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: STATE_MAP, namespace: ROOK }, data }
  const path = `/api/v1/namespaces/${ROOK}/configmaps`
  const patched = await api.call('PATCH', `${path}/${STATE_MAP}`, map, merge)
  if (patched.code === 404) await api.call('POST', path, map)
}

/**
 * Plays the operator until `signal` aborts: looks every `everyMs`, and when OSDs went down or came up it switches the budgets
 * and writes the cluster's health. An API server that is away is looked for again. Ends (resolves) after the abort.
 */
export async function playRook(kubeconfig: string, signal: AbortSignal, everyMs = 300): Promise<void> {
  const api = client(kubeconfig)
  let acted = ''
  let draining: string | undefined
  while (!signal.aborted) {
    try {
      const seen = await look(api, draining)
      draining = seen.draining
      const state = JSON.stringify([seen.down, draining])
      if (state !== acted) {
        await switchBudgets(api, seen)
        await write(api, seen)
        acted = state
      }
    } catch {
      // The API server is away, as in a test that kills it: the operator of a real Rook waits, too.
    }
    await delay(everyMs, undefined, { signal }).catch(() => {})
  }
  api.close()
}
