import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../errors.ts'
import { isAlive, type PracticeFile, readPracticeFile } from './file.ts'

const START_LIMIT_MS = 10_000
const POLL_MS = 10
/** A world that ends this often right after its start does not come up. */
const STARTS = 5

export type FindOptions = {
  readonly dir: string
  readonly signal: AbortSignal
  /** What the world's clock shall be ahead of this machine's; counts only where the world is started. */
  readonly offsetMs?: number
  readonly idleLimitMs?: number
}
export type FoundPractice = PracticeFile & {
  readonly started: boolean
  /** Tells the world to end, and waits until it has. */
  readonly stop: () => Promise<void>
}

/**
 * A process of its own: it outlives this one, and shares no stdin, stdout or stderr with it. One that ended is not
 * `running` any more: the world it found, or was, may be gone again.
 */
class Starter {
  running = false
  starts = 0

  start({ dir, offsetMs, idleLimitMs }: FindOptions): void {
    // beside this file, also in a bundle
    const main = fileURLToPath(new URL(`detached${extname(import.meta.url)}`, import.meta.url))
    const limit = idleLimitMs === undefined ? [] : ['--idle-limit-ms', String(idleLimitMs)]
    const child = spawn(process.execPath, [main, '--dir', dir, '--offset-ms', String(offsetMs ?? 0), ...limit], {
      detached: true,
      stdio: 'ignore',
      cwd: '/',
      // Little of the environment goes along: the world needs no secret of the bot.
      env: { PATH: process.env['PATH'], HOME: homedir(), NODE_COMPILE_CACHE: compileCache() },
    })
    this.running = true
    this.starts += 1
    const ended = (): void => {
      this.running = false
    }
    child.once('error', ended)
    child.once('exit', ended)
    child.unref()
  }
}

const compileCache = (): string =>
  process.env['NODE_COMPILE_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', 'compile')

async function tell(file: PracticeFile): Promise<void> {
  const headers = { authorization: `Bearer ${file.controlToken}` }
  const signal = AbortSignal.timeout(2000)
  await fetch(`${file.controlUrl}/stop`, { method: 'POST', headers, signal }).catch(() => undefined)
  const untilMs = Date.now() + START_LIMIT_MS
  while (Date.now() < untilMs && (await isAlive(file, { limitMs: 1000 }))) await delay(POLL_MS)
}

/** The world that lives in the folder, or a new one. Throws SluiceError PRACTICE-GONE when it does not come up. */
export async function findOrStartPractice(options: FindOptions): Promise<FoundPractice> {
  const { dir, signal } = options
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const untilMs = Date.now() + START_LIMIT_MS
  const starter = new Starter()
  while (Date.now() < untilMs && starter.starts <= STARTS) {
    signal.throwIfAborted()
    const file = await readPracticeFile(dir)
    if (file && (await isAlive(file, { limitMs: 2000, signal })))
      return { ...file, started: starter.starts > 0, stop: () => tell(file) }
    if (!starter.running) starter.start(options)
    await delay(POLL_MS, undefined, { signal })
  }
  throw new SluiceError('PRACTICE-GONE', 'starting the practice world', {
    text: `it does not come up; see ${join(dir, 'practice', 'log')}`,
  })
}
