import { numberAt, objectAt, textAt } from './json.ts'
import { BUDGETS, CEPH_CLUSTERS, DEPLOYMENTS, isReady, type Kube, NODES } from './object.ts'
import { BEND } from './kubelet.ts'
import type { Store } from './store.ts'

export const ROOK = 'rook-ceph'
const DEFAULT = 'rook-ceph-osd'
const HOST = 'topology-location-host'

const hostOf = (osd: Kube): string => osd.metadata.labels?.[HOST] ?? ''
const osds = (store: Store): Kube[] =>
  store.list(DEPLOYMENTS, ROOK).filter((one) => one.metadata.labels?.['app'] === DEFAULT)
const isUp = (osd: Kube): boolean => (numberAt(osd.status, 'readyReplicas') ?? 0) > 0

export const defaultBudget = (): Kube => budget(DEFAULT, { maxUnavailable: 1 }, { app: DEFAULT })

function budget(name: string, limit: { maxUnavailable: number }, matchLabels: { [key: string]: string }): Kube {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: ROOK, uid: '', resourceVersion: '', creationTimestamp: '' },
    spec: { ...limit, selector: { matchLabels } },
    status: {},
  }
}

/** Hosts with an OSD down on a node that is cordoned or not Ready: Rook calls them draining (osd.go, clusterdisruption). */
export function drainingHosts(store: Store): string[] {
  const hosts = osds(store)
    .filter((osd) => !isUp(osd))
    .map(hostOf)
  return [...new Set(hosts)].filter((host) => {
    const node = store.get(NODES, undefined, host)
    return node === undefined || node.spec?.['unschedulable'] === true || !isReady(node)
  })
}

/** Rook's switch: while a host drains, the default budget gives way to blocking ones for all other hosts. */
function switchBudgets(store: Store): void {
  const draining = drainingHosts(store)[0]
  const hosts = [...new Set(osds(store).map(hostOf))]
  const wanted = draining === undefined ? [defaultBudget()] : hosts.filter((host) => host !== draining).map(blocking)
  const names = wanted.map((one) => one.metadata.name)
  const present = store.list(BUDGETS, ROOK).filter((one) => one.metadata.name.startsWith(DEFAULT))
  for (const one of wanted) if (!store.get(BUDGETS, ROOK, one.metadata.name)) store.create(BUDGETS, one)
  for (const old of present.filter((one) => !names.includes(one.metadata.name))) store.remove(BUDGETS, old)
}

const blocking = (host: string): Kube =>
  budget(`rook-ceph-osd-host-${host}`, { maxUnavailable: 0 }, { app: DEFAULT, [HOST]: host })

/** CephCluster.status.ceph as the operator writes it from `ceph status`. */
function health(
  store: Store,
  cluster: Kube,
): { health: string; details: { [code: string]: { severity: string; message: string } } } {
  const forced = cluster.metadata.annotations?.[BEND.health]
  const down = osds(store).filter((osd) => !isUp(osd)).length
  if (forced !== undefined) {
    return { health: forced, details: { PRACTICE: { severity: forced, message: 'set by hand in the practice world' } } }
  }
  if (down === 0) return { health: 'HEALTH_OK', details: {} }
  return { health: 'HEALTH_WARN', details: { OSD_DOWN: { severity: 'HEALTH_WARN', message: `${down} osds down` } } }
}

/** Rook's operator: notices after `delayMs`, then switches the budgets and writes the cluster's health. */
export class Rook {
  readonly #store: Store
  readonly #delayMs: number
  #timer: NodeJS.Timeout | undefined
  #seen = ''

  constructor(store: Store, delayMs: number) {
    this.#store = store
    this.#delayMs = delayMs
  }

  reconcile(): void {
    const forced = this.#store.list(CEPH_CLUSTERS).map((one) => one.metadata.annotations?.[BEND.health])
    const up = osds(this.#store).map((osd) => `${osd.metadata.name}=${isUp(osd)}`)
    const seen = [...up, ...drainingHosts(this.#store), ...forced].join()
    if (seen === this.#seen) return
    this.#seen = seen
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#act(), this.#delayMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #act(): void {
    if (osds(this.#store).length > 0) switchBudgets(this.#store)
    for (const cluster of this.#store.list(CEPH_CLUSTERS)) {
      const now = health(this.#store, cluster)
      const before = textAt(cluster.status, 'ceph', 'health')
      const lastChanged =
        before === now.health ? (textAt(cluster.status, 'ceph', 'lastChanged') ?? '') : this.#store.stamp()
      const ceph = { ...objectAt(cluster.status, 'ceph'), ...now, lastChecked: this.#store.stamp(), lastChanged }
      this.#store.update(CEPH_CLUSTERS, { ...cluster, status: { ...cluster.status, ceph } })
    }
  }
}
