import { randomUUID } from 'node:crypto'
import { alreadyExists, conflict, notFound } from './failure.ts'
import { same } from './json.ts'
import { apiVersionOf, type Kind, type Kube } from './object.ts'

export type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly kind: Kind
  readonly object: Kube
  readonly before: Kube | undefined
  readonly version: number
}
export type Preconditions = { readonly uid?: string; readonly resourceVersion?: string }

const HISTORY = 4000
const idOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`
/** Milliseconds since 1970 as metav1.Time. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** Every object of one cluster, with one counter of versions and a ring of the newest changes. */
export class Store {
  readonly #offsetMs: number
  #version = 1000
  #oldest = 1000
  #changes: Change[] = []
  readonly #objects = new Map<Kind, Map<string, Kube>>()
  /** Sorted lists, until something of their kind changes. */
  readonly #sorted = new Map<Kind, readonly Kube[]>()
  readonly #listeners = new Set<(change: Change) => void>()

  /** The world's clock runs `offsetMs` ahead of the machine's. */
  constructor(offsetMs = 0) {
    this.#offsetMs = offsetMs
  }

  /** The world's time, ms since 1970. */
  nowMs(): number {
    return Date.now() + this.#offsetMs
  }

  /** The world's time as metav1.Time. */
  stamp(): string {
    return timestamp(this.nowMs())
  }

  get version(): number {
    return this.#version
  }

  /** Objects of a kind by namespace and name, as etcd orders keys. The array is the caller's. */
  list(kind: Kind, namespace?: string): Kube[] {
    const all = this.#sorted.get(kind) ?? this.#sort(kind)
    return namespace === undefined ? [...all] : all.filter((object) => object.metadata.namespace === namespace)
  }

  get(kind: Kind, namespace: string | undefined, name: string): Kube | undefined {
    return this.#objects.get(kind)?.get(idOf(kind.namespaced ? namespace : undefined, name))
  }

  /** Throws Failure 404. */
  need(kind: Kind, namespace: string | undefined, name: string): Kube {
    const found = this.get(kind, namespace, name)
    if (!found) throw notFound(kind, name)
    return found
  }

  /** Throws Failure 409 AlreadyExists. `dryRun` returns what would be stored. */
  create(kind: Kind, object: Kube, dryRun = false): Kube {
    if (this.get(kind, object.metadata.namespace, object.metadata.name)) throw alreadyExists(kind, object.metadata.name)
    const metadata = {
      ...object.metadata,
      uid: object.metadata.uid || randomUUID(),
      creationTimestamp: object.metadata.creationTimestamp || this.stamp(),
      generation: 1,
      resourceVersion: '0',
    }
    return this.#put(
      'ADDED',
      kind,
      { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata },
      undefined,
      dryRun,
    )
  }

  /**
   * Stores a new state of an object. Throws Failure 404, 409 on another uid or resourceVersion than the object carries.
   * An update that changes nothing makes no new version; the last finalizer of a deleted object removes it.
   */
  update(kind: Kind, object: Kube, dryRun = false): Kube {
    const before = this.need(kind, object.metadata.namespace, object.metadata.name)
    this.check(kind, before, { uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion })
    const bumped = same(object.spec, before.spec) ? 0 : 1
    const { uid, resourceVersion, creationTimestamp } = before.metadata
    const generation = (before.metadata.generation ?? 1) + bumped
    const next = { ...object, metadata: { ...object.metadata, uid, resourceVersion, creationTimestamp, generation } }
    if (same(next, before)) return before
    const over = before.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0
    const held = (before.metadata.finalizers ?? []).length > 0
    if (over && held && !dryRun && (next.metadata.deletionGracePeriodSeconds ?? 0) === 0) return this.remove(kind, next)
    return this.#put('MODIFIED', kind, next, before, dryRun)
  }

  /** Changes an object of our own world by a function of its newest state; nothing happens when it is gone. */
  modify(kind: Kind, of: Kube, change: (now: Kube) => Kube): void {
    const now = this.get(kind, of.metadata.namespace, of.metadata.name)
    if (now && now.metadata.uid === of.metadata.uid) this.update(kind, change(now))
  }

  /** Removes at once. Throws Failure 404. */
  remove(kind: Kind, object: Kube): Kube {
    const before = this.need(kind, object.metadata.namespace, object.metadata.name)
    return this.#put('DELETED', kind, object, before, false)
  }

  /** Throws Failure 409 when a precondition does not hold. */
  check(kind: Kind, object: Kube, wanted: Preconditions): void {
    const { name, uid, resourceVersion } = object.metadata
    if (wanted.uid && wanted.uid !== uid) {
      throw conflict(kind, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`)
    }
    if (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion) {
      throw conflict(
        kind,
        name,
        'the object has been modified; please apply your changes to the latest version and try again',
      )
    }
  }

  /** Changes after a version, or `gone` when the ring no longer holds them all. */
  since(version: number): readonly Change[] | 'gone' {
    return version < this.#oldest ? 'gone' : this.#changes.filter((change) => change.version > version)
  }

  /** Forgets history, as a compaction of etcd does. */
  compact(): void {
    this.#changes = []
    this.#oldest = this.#version
  }

  /** Calls back on every change until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #put(type: Change['type'], kind: Kind, object: Kube, before: Kube | undefined, dryRun: boolean): Kube {
    if (dryRun) return object
    this.#version += 1
    this.#sorted.delete(kind)
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
    const objects = this.#objects.get(kind) ?? new Map<string, Kube>()
    this.#objects.set(kind, objects)
    const id = idOf(object.metadata.namespace, object.metadata.name)
    if (type === 'DELETED') objects.delete(id)
    else objects.set(id, stored)
    const change: Change = { type, kind, object: stored, before, version: this.#version }
    this.#remember(change)
    for (const listener of this.#listeners) listener(change)
    return stored
  }

  #sort(kind: Kind): readonly Kube[] {
    const entries = [...(this.#objects.get(kind)?.entries() ?? [])]
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
    this.#sorted.set(kind, sorted)
    return sorted
  }

  #remember(change: Change): void {
    this.#changes.push(change)
    if (this.#changes.length <= HISTORY) return
    const dropped = this.#changes.splice(0, HISTORY / 2)
    this.#oldest = dropped.at(-1)?.version ?? this.#oldest
  }
}
