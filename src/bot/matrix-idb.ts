import { deserialize, serialize } from 'node:v8'

/** The part of IndexedDB used here; the crypto module finds the whole of it among the globals, as in a browser. */
type IdbRequest<T> = EventTarget & { readonly result: T; readonly error: unknown }
type IdbIndex = {
  readonly name: string
  readonly keyPath: KeyPath
  readonly unique: boolean
  readonly multiEntry: boolean
}
type KeyPath = string | string[] | null
type IdbStore = {
  readonly name: string
  readonly keyPath: KeyPath
  readonly indexNames: Iterable<string>
  readonly transaction: IdbTransaction
  index: (name: string) => IdbIndex
  createIndex: (name: string, path: KeyPath, options: Pick<IdbIndex, 'unique' | 'multiEntry'>) => unknown
  getAll: () => IdbRequest<unknown[]>
  getAllKeys: (range?: unknown) => IdbRequest<unknown[]>
  put: (value: unknown, key?: unknown) => IdbRequest<unknown>
  add: (value: unknown, key?: unknown) => IdbRequest<unknown>
  delete: (key: unknown) => IdbRequest<undefined>
  clear: () => IdbRequest<undefined>
}
type IdbTransaction = EventTarget & { readonly db: IdbDatabase; objectStore: (name: string) => IdbStore }
type IdbDatabase = {
  readonly name: string
  readonly version: number
  readonly objectStoreNames: Iterable<string>
  transaction: (stores: readonly string[], mode: 'readonly' | 'readwrite') => IdbTransaction
  createObjectStore: (name: string, options: { readonly keyPath: KeyPath }) => IdbStore
  close: () => void
}
type Idb = {
  open: (name: string, version?: number) => IdbRequest<IdbDatabase>
  deleteDatabase: (name: string) => IdbRequest<undefined>
}
type Write = { readonly store: string } & (
  | { readonly do: 'put'; readonly value: unknown; readonly key: unknown }
  | { readonly do: 'delete'; readonly keys: readonly unknown[] }
  | { readonly do: 'clear' }
)
type StoreImage = {
  readonly name: string
  readonly keyPath: KeyPath
  readonly indexes: readonly IdbIndex[]
  readonly keys: readonly unknown[]
  readonly values: readonly unknown[]
}
type Image = { readonly version: number; readonly stores: readonly StoreImage[] }

export type Memory = {
  /** A new database, filled with an image and the writes after it. Bytes as `image` and `watch` gave them. */
  readonly fill: (name: string, image: Uint8Array, writes: readonly Uint8Array[]) => Promise<void>
  /** The whole database as of one moment; `onMoment` is called at that moment. */
  readonly image: (name: string, onMoment: () => void) => Promise<Uint8Array>
  /** Tells the writes of each finished transaction, in order; the answered function waits for those that are not finished. */
  readonly watch: (name: string, onWrites: (writes: readonly Uint8Array[]) => void) => () => Promise<void>
  /** Forgets a database. */
  readonly drop: (name: string) => void
}

/**
 * IndexedDB in memory, as the crypto module wants it, with an ear at its writes: what is kept on disk is our business. Like in a
 * browser it is a global of the process; it is put there once, when the first store is opened.
 */
export async function openMemory(): Promise<Memory> {
  for (const [name, part] of Object.entries(await import('fake-indexeddb'))) Reflect.set(globalThis, name, part)
  const { indexedDB, IDBObjectStore } = globalThis as unknown as Globals // put there by the line above
  const watchers = (IDBObjectStore.prototype[WATCHERS] ??= listen(IDBObjectStore.prototype))
  return {
    fill: (name, image, writes) => fill(indexedDB, name, deserialize(image) as Image, writes), // made by `image` below
    image: (name, onMoment) => imageOf(indexedDB, name, onMoment),
    watch: (name, onWrites) => {
      const open = new Set<Promise<void>>()
      watchers.set(name, (transaction, write) => gather(transaction, write, open, onWrites))
      return async () => void (await Promise.all(open))
    },
    drop: (name) => {
      watchers.delete(name)
      indexedDB.deleteDatabase(name)
    },
  }
}

const WATCHERS = Symbol('watchers')
type Watcher = (transaction: Buffered, write: Write) => void
type Watched = IdbStore & { [WATCHERS]?: Map<string, Watcher> }
type Globals = { readonly indexedDB: Idb; readonly IDBObjectStore: { readonly prototype: Watched } }

/** Every write of every database passes here; those that nobody watches cost a look into a map. */
function listen(proto: IdbStore): Map<string, Watcher> {
  const watchers = new Map<string, Watcher>()
  const { put, add, delete: remove, clear } = proto
  const heard = <T>(store: IdbStore, request: IdbRequest<T>, write: () => Write): IdbRequest<T> => {
    const watcher = watchers.get(store.transaction.db.name)
    if (watcher !== undefined) request.addEventListener('success', () => watcher(store.transaction, write()))
    return request
  }
  const putting = (original: IdbStore['put']): IdbStore['put'] =>
    function (this: IdbStore, value, key) {
      const request = key === undefined ? original.call(this, value) : original.call(this, value, key)
      const out = this.keyPath === null
      return heard(this, request, () => ({ do: 'put', store: this.name, value, key: out ? request.result : undefined }))
    }
  proto.put = putting(put)
  proto.add = putting(add)
  proto.delete = function (this: IdbStore, key) {
    // A range cannot be written down; which keys are in it is known by the time the deletion succeeds.
    const ranged = typeof key === 'object' && key !== null && 'lower' in key ? this.getAllKeys(key) : undefined
    const request = remove.call(this, key)
    return heard(this, request, () => ({ do: 'delete', store: this.name, keys: ranged?.result ?? [key] }))
  }
  proto.clear = function (this: IdbStore) {
    return heard(this, clear.call(this), () => ({ do: 'clear', store: this.name }))
  }
  return watchers
}

const WRITES = Symbol('writes')
type Buffered = IdbTransaction & { [WRITES]?: Uint8Array[] }

/** Collects what a transaction writes until it is complete; an aborted one wrote nothing. */
function gather(
  transaction: Buffered,
  write: Write,
  open: Set<Promise<void>>,
  onWrites: (writes: readonly Uint8Array[]) => void,
): void {
  const bytes = serialize(write)
  if (transaction[WRITES] !== undefined) return void transaction[WRITES].push(bytes)
  const writes = (transaction[WRITES] = [bytes])
  const done = new Promise<void>((resolve) => {
    transaction.addEventListener('abort', () => resolve())
    transaction.addEventListener('complete', () => {
      onWrites(writes)
      resolve()
    })
  }).finally(() => open.delete(done))
  open.add(done)
}

const settled = <T>(request: IdbRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error))
  })
const finished = (transaction: IdbTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(new Error('the transaction was aborted')))
  })

async function imageOf(idb: Idb, name: string, onMoment: () => void): Promise<Uint8Array> {
  const db = await settled(idb.open(name))
  const names = [...db.objectStoreNames]
  const transaction = db.transaction(names, 'readonly')
  let first = true
  const stores = names.map(async (store): Promise<StoreImage> => {
    const at = transaction.objectStore(store)
    const indexes = [...at.indexNames].map((index) => {
      const { name: indexName, keyPath, unique, multiEntry } = at.index(index)
      return { name: indexName, keyPath, unique, multiEntry }
    })
    const reading = Promise.all([settled(at.getAllKeys()), settled(at.getAll())])
    const [keys, values] = await reading
    // While this transaction reads, none that writes is running: what was told before this moment is in the image.
    if (first) onMoment()
    first = false
    return { name: store, keyPath: at.keyPath, indexes, keys, values }
  })
  const image: Image = { version: db.version, stores: await Promise.all(stores) }
  db.close()
  return serialize(image)
}

async function fill(idb: Idb, name: string, image: Image, writes: readonly Uint8Array[]): Promise<void> {
  const opening = idb.open(name, image.version)
  opening.addEventListener('upgradeneeded', () => {
    for (const { name: store, keyPath, indexes, keys, values } of image.stores) {
      const made = opening.result.createObjectStore(store, { keyPath })
      for (const { name: index, keyPath: path, ...options } of indexes) made.createIndex(index, path, options)
      values.forEach((value, i) => (keyPath === null ? made.put(value, keys[i]) : made.put(value)))
    }
  })
  const db = await settled(opening)
  if (writes.length > 0) {
    const transaction = db.transaction([...db.objectStoreNames], 'readwrite')
    for (const bytes of writes) apply(transaction, deserialize(bytes) as Write) // made by `gather`
    await finished(transaction)
  }
  db.close()
}

function apply(transaction: IdbTransaction, write: Write): void {
  const store = transaction.objectStore(write.store)
  if (write.do === 'clear') store.clear()
  else if (write.do === 'delete') for (const key of write.keys) store.delete(key)
  else if (write.key === undefined) store.put(write.value)
  else store.put(write.value, write.key)
}
