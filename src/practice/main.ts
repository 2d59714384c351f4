import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { isAlive, type PracticeFile, practicePath, readPracticeFile, writePrivate } from './file.ts'
import type { Timing } from './kubelet.ts'
import { dropLock, takeLock } from './lock.ts'
import { openWorld } from './world.ts'

const IDLE_LIMIT_MS = 600_000
const OTHER_START_LIMIT_MS = 10_000

export type PracticeOptions = {
  readonly dir: string
  readonly log: Pick<Log, 'info' | 'error'>
  /** What the world's clock is ahead of this machine's, milliseconds. */
  readonly offsetMs?: number
  /** The world ends by itself after this long without a client, milliseconds; default 10 minutes. */
  readonly idleLimitMs?: number
  readonly timing?: Partial<Timing>
  /** False: a folder that is not there any more is not made again; startPractice throws ENOENT then. */
  readonly mayMakeFolder?: boolean
}
export type Practice = {
  /** How to reach the world: this one, or the one that lives in the folder already. */
  readonly file: PracticeFile
  /** True when another process has the world of this folder; then `stop` does nothing and `ended` is resolved. */
  readonly found: boolean
  readonly stop: () => Promise<void>
  /** Resolves when the world has ended, whatever ended it. */
  readonly ended: Promise<void>
}

/** Starts the world of a folder and writes `<dir>/practice.json`, or finds the one that lives there. Throws Error when neither succeeds. */
export async function startPractice(options: PracticeOptions): Promise<Practice> {
  const home = join(options.dir, 'practice')
  if (options.mayMakeFolder ?? true) mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  makeHome(home)
  const lock = join(home, 'lock')
  const untilMs = Date.now() + OTHER_START_LIMIT_MS
  while (Date.now() < untilMs) {
    const file = await readPracticeFile(options.dir)
    if (file && (await isAlive(file, { limitMs: 2000 }))) {
      options.log.info({ pid: file.pid }, 'the practice world of this folder lives already')
      return { file, found: true, stop: async () => {}, ended: Promise.resolve() }
    }
    if (takeLock(lock)) return open(options, home, lock)
    await delay(20)
  }
  throw new Error(`another process holds ${lock}, and its practice world does not answer`)
}

/** Two may make it at once; its parent must be there. */
function makeHome(home: string): void {
  try {
    mkdirSync(home, { mode: 0o700 })
  } catch (error) {
    if (!existsSync(home)) throw error
  }
}

async function open(options: PracticeOptions, home: string, lock: string): Promise<Practice> {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined
  let isOpen = false
  const world = await openWorld({
    home,
    offsetMs: options.offsetMs ?? 0,
    idleLimitMs: options.idleLimitMs ?? IDLE_LIMIT_MS,
    timing: options.timing ?? {},
    isOrphan: () => isOpen && !existsSync(practicePath(options.dir)),
    onEnd: (why) => {
      options.log.info({ why }, 'the practice world ends')
      void stop()
    },
  })
  const end = async (): Promise<void> => {
    rmSync(practicePath(options.dir), { force: true })
    await world.stop()
    dropLock(lock)
    resolve()
  }
  const stop = (): Promise<void> => (stopping ??= end())
  writePrivate(practicePath(options.dir), `${JSON.stringify(world.file, undefined, 2)}\n`)
  isOpen = true
  options.log.info({ pid: process.pid, dir: options.dir }, 'the practice world is open')
  return { file: world.file, found: false, stop, ended }
}
