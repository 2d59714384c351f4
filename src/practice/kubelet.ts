import { finishDeletion } from './deletion.ts'
import { listAt, textAt } from './json.ts'
import {
  condition,
  isEnded,
  isMirror,
  isReady,
  isTerminating,
  type Kube,
  LEASES,
  nodeOf,
  NODES,
  phaseOf,
  PODS,
  withCondition,
} from './object.ts'
import { running } from './pods.ts'
import type { Change, Store } from './store.ts'

/** How fast the practice world moves, milliseconds. */
export type Timing = {
  /** From the mark of deletion until the pod is gone (less where its grace is less). */
  readonly terminateMs: number
  readonly startMs: number
  readonly readyMs: number
  /** What Rook's operator takes to notice a lost or found OSD. */
  readonly rookMs: number
  readonly bookmarkMs: number
  /** How much of the milliseconds in annotations counts. */
  readonly bendFactor: number
}
export const TIMING: Timing = {
  terminateMs: 300,
  startMs: 300,
  readyMs: 500,
  rookMs: 800,
  bookmarkMs: 5000,
  bendFactor: 1,
}

/** Annotations people and tests use to bend one object of the practice world. */
export const BEND = {
  /** Pod: milliseconds until it is gone after its deletion, or `never`. */
  terminatesAfter: 'practice/terminates-after',
  /** Pod: milliseconds from running to ready, or `never`. */
  readyAfter: 'practice/ready-after',
  /** Node: `true` is a node without power. */
  down: 'practice/down',
  /** CephCluster: a health that stays. */
  health: 'practice/health',
} as const

/** metav1.MicroTime, as leases have it. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z')

export const isDown = (node: Kube | undefined): boolean => node?.metadata.annotations?.[BEND.down] === 'true'

const podAddress = (pod: Kube): string => {
  const hex = pod.metadata.uid.replaceAll('-', '')
  return `2a0a:e5c0:10:2:${hex.slice(0, 4)}:${hex.slice(4, 8)}:${hex.slice(8, 12)}:${hex.slice(12, 16)}`
}

/** All kubelets of a cluster: pods start, become ready and end after a while; nodes report and renew their leases. */
export class Kubelets {
  readonly #store: Store
  readonly #timing: Timing
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(store: Store, timing: Timing) {
    this.#store = store
    this.#timing = timing
  }

  reconcile(): void {
    for (const node of this.#store.list(NODES)) this.#node(node)
    for (const pod of this.#store.list(PODS)) this.#pod(pod)
  }

  /** A mirror pod is made again when it was deleted: the kubelet's file is still there. */
  restoreMirror({ object }: Change): void {
    if (!isMirror(object)) return
    const { deletionTimestamp: _gone, deletionGracePeriodSeconds: _grace, ...metadata } = object.metadata
    this.#store.create(PODS, { ...object, metadata: { ...metadata, uid: '', creationTimestamp: '' } })
  }

  renewLeases(): void {
    for (const node of this.#store.list(NODES).filter((one) => !isDown(one))) {
      const lease = this.#store.get(LEASES, 'kube-node-lease', node.metadata.name)
      const renewTime = microTime(this.#store.nowMs())
      if (lease) this.#store.update(LEASES, { ...lease, spec: { ...lease.spec, renewTime } })
    }
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #once(key: string, afterMs: number | undefined, act: () => void): void {
    if (afterMs === undefined || this.#timers.has(key)) return
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      act()
    }, afterMs)
    this.#timers.set(key, timer)
  }

  #node(node: Kube): void {
    const ready = isDown(node) ? 'Unknown' : 'True'
    const cordoned = node.spec?.['unschedulable'] === true
    const taints = [
      ...taintIf(node, 'node.kubernetes.io/unschedulable', 'NoSchedule', cordoned, this.#store.stamp()),
      ...taintIf(node, 'node.kubernetes.io/unreachable', 'NoExecute', isDown(node), this.#store.stamp()),
    ]
    const others = listAt(node.spec, 'taints').filter((taint) => !OWN_TAINTS.includes(textAt(taint, 'key') ?? ''))
    const { taints: _old, ...spec } = node.spec ?? {}
    const all = [...others, ...taints]
    const next = { ...node, spec: { ...spec, ...(all.length === 0 ? {} : { taints: all }) } }
    const reason = ready === 'True' ? 'KubeletReady' : 'NodeStatusUnknown'
    const status = condition(node, 'Ready') === ready ? node.status : undefined
    this.#store.update(NODES, {
      ...next,
      status: status ?? withCondition(node.status, 'Ready', ready, this.#store.stamp(), reason),
    })
  }

  #pod(pod: Kube): void {
    const name = nodeOf(pod)
    const node = name === undefined ? undefined : this.#store.get(NODES, undefined, name)
    const { uid } = pod.metadata
    if (!node) return
    if (isDown(node)) {
      if (isReady(pod))
        this.#store.update(PODS, { ...pod, status: withCondition(pod.status, 'Ready', 'False', this.#store.stamp()) })
      return
    }
    if (isTerminating(pod)) {
      const usualMs = Math.min(this.#timing.terminateMs, (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000)
      this.#once(`end ${uid}`, this.#bent(pod, BEND.terminatesAfter, usualMs), () => finishDeletion(this.#store, pod))
    } else if (phaseOf(pod) === 'Pending') {
      this.#once(`start ${uid}`, this.#timing.startMs, () => this.#set(pod, false))
    } else if (!isEnded(pod) && !isReady(pod)) {
      this.#once(`ready ${uid}`, this.#bent(pod, BEND.readyAfter, this.#timing.readyMs), () => this.#set(pod, true))
    }
  }

  /** Milliseconds an annotation asks for; undefined when it says `never`. */
  #bent(pod: Kube, annotation: string, usualMs: number): number | undefined {
    const value = pod.metadata.annotations?.[annotation]
    if (value === undefined) return usualMs
    return /^\d+$/.test(value) ? Number(value) * this.#timing.bendFactor : undefined
  }

  #set(pod: Kube, ready: boolean): void {
    this.#store.modify(PODS, pod, (now) =>
      isTerminating(now) ? now : running(now, ready, podAddress(now), this.#store.stamp()),
    )
  }
}

const OWN_TAINTS: readonly string[] = ['node.kubernetes.io/unschedulable', 'node.kubernetes.io/unreachable']

function taintIf(node: Kube, key: string, effect: string, wanted: boolean, at: string) {
  if (!wanted) return []
  const old = listAt(node.spec, 'taints').find((taint) => textAt(taint, 'key') === key)
  return [old ?? { key, effect, timeAdded: at }]
}
