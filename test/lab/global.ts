import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { Broker, listen } from './broker.ts'
import { endRun } from './kubernetes.ts'
import { born, type Owned, own } from './process.ts'

declare module 'vitest' {
  interface ProvidedContext {
    lab: { readonly dir: string; readonly socket: string }
  }
}

const PREFIX = 'sluice-lab-'

/** Stops what dead runs have left, and only runs whose own process is gone. */
async function clearDeadRuns(): Promise<void> {
  const dirs = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX))
  for (const dir of dirs.map((name) => join(tmpdir(), name))) {
    const file = join(dir, 'run.json')
    if (!existsSync(file)) continue
    const run = JSON.parse(readFileSync(file, 'utf8')) as Owned // written below
    if (born(run.pid) !== run.born) await endRun(dir).catch(() => {})
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

/** Once per run of vitest: makes the run's folder and the broker; servers come at their first need. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearDeadRuns()
  const dir = mkdtempSync(join(tmpdir(), PREFIX))
  const run: Owned = { pid: process.pid, born: born(process.pid) ?? '', what: 'vitest' }
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run))
  startWatchdog(dir)
  const broker = new Broker({ dir, own: (pid, what) => own(dir, pid, what) })
  const socket = join(dir, 'broker')
  const server = await listen(broker, socket)
  project.provide('lab', { dir, socket })
  process.env.SLUICE_LAB = dir
  return async () => {
    server.close()
    server.closeAllConnections()
    await broker.stop()
    await endRun(dir)
  }
}
