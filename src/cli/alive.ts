import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../store/store.ts'

const EVERY_MS = 10_000

/** Touches `<dir>/alive` as long as this process turns and its store answers: what a container's health check looks at. The returned function ends it. */
export function showAlive(dir: string, { redis }: Store): () => void {
  const file = join(dir, 'alive')
  const touch = (): void =>
    // a store that is away, or a full disk: the file grows old, which is what it is for
    void redis
      .ping()
      .then(() => writeFileSync(file, `${process.pid}\n`))
      .catch(() => {})
  touch()
  const timer = setInterval(touch, EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    rmSync(file, { force: true })
  }
}
