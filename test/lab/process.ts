import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A process of ours, named so that a re-used pid is never mistaken for it. */
export type Owned = { readonly pid: number; readonly born: string; readonly what: string }

/** The kernel's start mark of a living process; undefined when it is gone or a zombie (kill -0 succeeds on zombies). */
export function born(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** Writes down a process in the run's folder, so that a later run or the watchdog can stop it after a crash. */
export function own(dir: string, pid: number, what: string): void {
  const owned: Owned = { pid, born: born(pid) ?? '', what }
  writeFileSync(join(dir, `${pid}.pid.json`), JSON.stringify(owned))
}

/** Waits until a condition gives a value.
 * @throws Error when it did not within limitMs; `what` says what was waited for */
export async function until<T>(
  what: string,
  limitMs: number,
  condition: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function signal(owned: Owned, name: NodeJS.Signals): void {
  try {
    if (born(owned.pid) === owned.born) process.kill(owned.pid, name)
  } catch {}
}

/** Ends one process: SIGTERM, after limitMs SIGKILL. Resolves when it is gone. */
export async function stopOwned(owned: Owned, limitMs = 5000): Promise<void> {
  const gone = () => (born(owned.pid) === owned.born ? undefined : true)
  signal(owned, 'SIGTERM')
  try {
    await until(`${owned.what} ends`, limitMs, gone)
  } catch {
    signal(owned, 'SIGKILL')
    await until(`${owned.what} is killed`, 5000, gone)
  }
}

/** Ends one process by pid; see stopOwned. */
export async function stop(pid: number, what: string, limitMs = 5000): Promise<void> {
  const mark = born(pid)
  if (mark !== undefined) await stopOwned({ pid, born: mark, what }, limitMs)
}

/** Ends every process written down in a run's folder, the youngest first, then removes the folder. */
export async function stopRun(dir: string): Promise<void> {
  const files = readdirSync(dir).filter((name) => name.endsWith('.pid.json'))
  const all = files.map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Owned) // written by own()
  await Promise.all(all.map((owned) => stopOwned(owned)))
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}
