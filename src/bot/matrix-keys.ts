import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import { SluiceError } from '../errors.ts'
import { type Memory, openMemory } from './matrix-idb.ts'

/** The keys of one Matrix device, in this process's IndexedDB and on disk. */
export type Keys = {
  /** Name of the database, for the crypto module. */
  readonly name: string
  /** From now on `save` writes; before it nothing is on disk that was not there. Takes the file over from whoever had it. */
  readonly begin: () => Promise<void>
  /** Resolves when everything the module has written so far is on disk. Throws CHAT-KEYS when it cannot be, or when another process took over. */
  readonly save: () => Promise<void>
  readonly close: () => Promise<void>
}

const DOING = 'keeping the keys of encrypted Matrix rooms'
const HEAD_BYTES = 8
/** The file is written anew when what was added is this much, and more than the rest of it. */
const ADDED_BYTES = 1 << 20

/**
 * The key store in one file: an image of the database, then one record for each `save`, so that saving costs what changed and not
 * what is there. A record counts as a whole or not at all. Throws CHAT-KEYS when the file cannot be read.
 */
export async function openKeys(file: string): Promise<Keys> {
  const memory = await openMemory()
  const prefix = randomUUID()
  // The module's own naming, without a passphrase.
  const database = `${prefix}::matrix-sdk-crypto`
  const [image, ...added] = await recordsOf(file)
  if (image !== undefined)
    await memory.fill(
      database,
      image,
      added.flatMap((bytes) => deserialize(bytes) as Uint8Array[]),
    ) // made by `save`
  let writer: Writer | undefined
  return {
    name: prefix,
    begin: async () => {
      writer = await startWriter(file, database, memory)
    },
    save: async () => writer?.save(),
    close: async () => {
      await writer?.close()
      memory.drop(database)
    },
  }
}

type Writer = Pick<Keys, 'save' | 'close'>

async function startWriter(file: string, database: string, memory: Memory): Promise<Writer> {
  let waiting: Uint8Array[] = []
  const quiet = memory.watch(database, (writes) => void (waiting = [...waiting, ...writes]))
  const anew = async (): Promise<Opened> => {
    let covered = 0
    const image = await memory.image(database, () => (covered = waiting.length))
    const made = await replace(file, record(image))
    waiting = waiting.slice(covered)
    return made
  }
  let on = await anew()
  const write = async (): Promise<void> => {
    await quiet()
    const batch = waiting
    if (batch.length === 0) return
    const bytes = record(serialize(batch))
    // A file of another name is another's now: two writers of one device would make each other's messages unreadable.
    if ((await stat(file)).ino !== on.inode) throw new Error('another process has opened the key store since')
    await on.handle.write(bytes, 0, bytes.length, on.bytes)
    await on.handle.datasync()
    on = { ...on, bytes: on.bytes + bytes.length }
    waiting = waiting.slice(batch.length)
    if (on.bytes - on.imageBytes < Math.max(ADDED_BYTES, on.imageBytes)) return
    const old = on.handle
    on = await anew()
    await old.close()
  }
  let last: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => {
    last = last.catch(() => {}).then(() => write().catch((error: unknown) => Promise.reject(keysError(error))))
    return last
  }
  return {
    save,
    close: async () => {
      await last.catch(() => {})
      await on.handle.close()
    },
  }
}

type Opened = {
  readonly handle: FileHandle
  readonly inode: number
  readonly bytes: number
  readonly imageBytes: number
}

/** A whole new file in place of the old one, on disk with its name. */
async function replace(file: string, bytes: Uint8Array): Promise<Opened> {
  const next = `${file}.${process.pid}.tmp`
  const handle = await open(next, 'w', 0o600)
  await handle.writeFile(bytes)
  await handle.sync()
  await rename(next, file)
  const folder = await open(dirname(file))
  await folder.sync().finally(() => folder.close())
  return { handle, inode: (await handle.stat()).ino, bytes: bytes.length, imageBytes: bytes.length }
}

function record(body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(HEAD_BYTES + body.length)
  bytes.writeUInt32LE(body.length, 0)
  bytes.writeUInt32LE(crc32(body), 4)
  bytes.set(body, HEAD_BYTES)
  return bytes
}

/** The records of a file, none when there is no file. A last one that is not whole was never promised to anybody. */
async function recordsOf(file: string): Promise<Uint8Array[]> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0)
    throw keysError(error)
  })
  const records: Uint8Array[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUInt32LE(at)
    const body = bytes.subarray(at + HEAD_BYTES, end)
    if (end > bytes.length) break
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) {
      if (end === bytes.length) break
      throw keysError(new Error(`${file} is damaged at byte ${at}`))
    }
    records.push(body)
    at = end
  }
  if (records.length === 0 && bytes.length > 0) throw keysError(new Error(`${file} is damaged`))
  return records
}

const keysError = (error: unknown): SluiceError =>
  error instanceof SluiceError
    ? error
    : new SluiceError('CHAT-KEYS', DOING, {
        text: error instanceof Error ? error.message : String(error),
        cause: error,
      })
