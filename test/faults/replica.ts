import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { until } from '../lab/process.ts'

const READY_MS = 60_000
/** SIGTERM hands over within ten seconds. */
const STOP_MS = 15_000

/** A replica in a process of its own, which a test may kill, stop for a while, or end. */
export type Replica = {
  readonly kill9: () => Promise<void>
  /** As an update does: it hands over and ends by itself. Throws when it does not, or not with 0. */
  readonly end: () => Promise<void>
  readonly start: () => Promise<void>
  readonly freeze: () => void
  readonly thaw: () => void
  /** Resident memory in KiB, and open files, as the kernel counts them. */
  readonly uses: () => { readonly rssKib: number; readonly files: number }
}

type Running = { readonly child: ChildProcess; readonly ended: Promise<number | NodeJS.Signals | null>; ready: boolean }

export async function startReplica(url: string, world: string): Promise<Replica> {
  let now: Running
  const start = async (): Promise<void> => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'long-child.ts'), url, world], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
      child.once('close', (code, signal) => resolve(signal ?? code)),
    )
    const running: Running = { child, ended, ready: false }
    child.stdout.on('data', () => void (running.ready = true))
    now = running
    await until('a replica is ready', READY_MS, () => {
      if (child.exitCode !== null) throw new Error(`a replica ended with ${child.exitCode} before it was ready`)
      return running.ready ? true : undefined
    })
  }
  await start()
  const status = (): string => readFileSync(`/proc/${now.child.pid}/status`, 'utf8')
  return {
    start,
    kill9: async () => {
      now.child.kill('SIGKILL')
      await now.ended
    },
    end: async () => {
      now.child.kill('SIGTERM')
      const late = setTimeout(() => now.child.kill('SIGKILL'), STOP_MS)
      const how = await now.ended
      clearTimeout(late)
      if (how !== 0) throw new Error(`a replica that was asked to end ended with ${how}`)
    },
    freeze: () => void now.child.kill('SIGSTOP'),
    thaw: () => void now.child.kill('SIGCONT'),
    uses: () => ({
      rssKib: Number(/VmRSS:\s+(\d+)/.exec(status())?.[1]),
      files: readdirSync(`/proc/${now.child.pid}/fd`).length,
    }),
  }
}
