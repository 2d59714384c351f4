import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { born, type Owned, own, stopRun } from './process.ts'
import type { Lab } from './server.ts'

const PREFIX = 'sluice-lab-'

/** The temporary folder is everybody's: another user's list of pids is not obeyed. */
const isOurs = (dir: string): boolean => statSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.()

/** Stops what dead runs have left, and only runs whose own process is gone. */
async function clearDeadRuns(): Promise<void> {
  const dirs = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX))
  for (const dir of dirs.map((name) => join(tmpdir(), name))) {
    const file = join(dir, 'run.json')
    if (!isOurs(dir) || !existsSync(file)) continue
    const run = JSON.parse(readFileSync(file, 'utf8')) as Owned // written below
    if (born(run.pid) !== run.born) await stopRun(dir).catch(() => {})
  }
}

/** The watchdog reads a pipe that ends with this process, however it ends. */
function startWatchdog(dir: string): void {
  const watchdog = spawn(process.execPath, [join(import.meta.dirname, 'watchdog.ts'), dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.unref()
  const { stdin } = watchdog
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
}

/** A folder for one run of tests, and what ends with it: by stopRun(lab.dir), or by the watchdog when this process dies. */
export async function openLab(what: string): Promise<Lab> {
  await clearDeadRuns()
  const dir = mkdtempSync(join(tmpdir(), PREFIX))
  const run: Owned = { pid: process.pid, born: born(process.pid) ?? '', what }
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run))
  startWatchdog(dir)
  return { dir, own: (pid, name) => own(dir, pid, name) }
}
