import { reconcileBudgets } from './budgets.ts'
import { Kubelets, type Timing } from './kubelet.ts'
import { LEASES, PODS } from './object.ts'
import { reconcileNamespaces } from './namespaces.ts'
import { Rook } from './rook.ts'
import { reconcileSchedule } from './scheduler.ts'
import { type Change, Store } from './store.ts'
import { collectDependents, reconcileWorkloads } from './workloads.ts'

const LEASE_MS = 5000
/** Changes that come together are looked at together. */
const SETTLE_MS = 2
export type ControllerName = 'workloads' | 'namespaces' | 'scheduler' | 'kubelet' | 'disruption' | 'rook'

/** One simulated cluster: the objects, and the controllers that keep them moving. */
export class SimulatedCluster {
  readonly name: string
  readonly store: Store
  readonly timing: Timing
  readonly paused = new Set<ControllerName>()
  readonly #kubelets: Kubelets
  readonly #rook: Rook
  #leases: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined

  constructor(name: string, timing: Timing, offsetMs = 0) {
    this.name = name
    this.store = new Store(offsetMs)
    this.timing = timing
    this.#kubelets = new Kubelets(this.store, timing)
    this.#rook = new Rook(this.store, timing.rookMs)
  }

  start(): void {
    this.store.subscribe((change) => this.#onChange(change))
    this.#leases = setInterval(() => this.#kubelets.renewLeases(), LEASE_MS)
    this.wake()
  }

  /** Lets the controllers look at the world again, after a pause was lifted. */
  wake(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#reconcile()
    }, SETTLE_MS)
  }

  stop(): void {
    clearInterval(this.#leases)
    clearTimeout(this.#soon)
    this.#kubelets.stop()
    this.#rook.stop()
  }

  #onChange(change: Change): void {
    if (change.kind === LEASES) return
    if (change.type === 'DELETED') {
      if (!this.paused.has('workloads')) collectDependents(this.store, change.object)
      if (change.kind === PODS && !this.paused.has('kubelet')) this.#kubelets.restoreMirror(change)
    }
    this.wake()
  }

  #reconcile(): void {
    const controllers: readonly [ControllerName, () => void][] = [
      ['workloads', () => reconcileWorkloads(this.store)],
      ['namespaces', () => reconcileNamespaces(this.store)],
      ['scheduler', () => reconcileSchedule(this.store)],
      ['kubelet', () => this.#kubelets.reconcile()],
      ['disruption', () => reconcileBudgets(this.store)],
      ['rook', () => this.#rook.reconcile()],
    ]
    for (const [name, act] of controllers) if (!this.paused.has(name)) act()
  }
}
