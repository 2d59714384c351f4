import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the name of a new file outlast a power cut. */
async function syncFolder(file: string): Promise<void> {
  const dir = await open(dirname(file), 'r')
  await dir.sync().finally(() => dir.close())
}

/** Writes a file beside its name, synced, and puts it in its place as a whole; only the owner can read it. Throws what `fill` and the system throw. */
export async function writeWhole<T>(file: string, fill: (out: FileHandle) => Promise<T>): Promise<T> {
  const beside = `${file}.${process.pid}.new`
  try {
    const out = await open(beside, 'w', 0o600)
    const filled = await (async () => {
      const made = await fill(out)
      await out.sync()
      return made
    })().finally(() => out.close())
    await rename(beside, file)
    await syncFolder(file)
    return filled
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}
