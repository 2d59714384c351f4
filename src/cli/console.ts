import { openConsole } from '../bot/console.ts'
import type { Console } from '../bot/console.ts'
import { parseDurationMs } from '../duration.ts'
import type { startSluice as StartSluice } from '../main.ts'
import { openWorld, type World } from './world.ts'

export type ConsoleOptions = {
  readonly json?: boolean
  readonly config: string
  readonly data?: string
  readonly practice?: boolean
  readonly now?: string
  readonly wait: string
  readonly as: string
  readonly room: string
}
const WAIT_MS = 600_000

/** `sluice console`: talks until the input ends and all work is done. Returns the exit code: 0, or 3 when waiting took too long. */
export async function runConsole(options: ConsoleOptions, signal: AbortSignal): Promise<number> {
  // the store starts while the rest is loaded
  const opening = openWorld({
    configDir: options.config,
    practice: options.practice === true,
    env: process.env,
    signal,
    ...(options.data === undefined ? {} : { dataDir: options.data }),
    ...(options.now === undefined ? {} : { now: options.now }),
  })
  const [world, { startSluice }] = await Promise.all([opening, import('../main.ts')])
  try {
    return await converse(startSluice, world, options, signal)
  } finally {
    await world.close()
  }
}

async function converse(
  startSluice: typeof StartSluice,
  world: World,
  options: ConsoleOptions,
  signal: AbortSignal,
): Promise<number> {
  let talking: Console | undefined
  const sluice = await startSluice({
    ...world,
    env: process.env,
    chats: async (engine) => {
      talking = openConsole({
        store: world.store,
        jobs: engine.jobs,
        rooms: () => world.config().rooms,
        input: process.stdin,
        output: process.stdout,
        json: options.json === true,
        speaker: options.as,
        room: options.room,
        nowMs: world.clock.now,
        idle: engine.idle,
        waitMs: parseDurationMs(options.wait) ?? WAIT_MS,
        columns: process.stdout.columns ?? 100,
        colours: process.stdout.isTTY === true,
      })
      return [talking]
    },
  })
  try {
    if (options.json !== true && process.stdout.isTTY)
      process.stdout.write(
        `Sluice${world.practice ? ' (practice: simulated p10 and c2)' : ''}. Say \`help\`, or \`as fran: approve 1\`. Ctrl-D ends.\n`,
      )
    const [code] = await Promise.all([talking?.converse(signal), sluice.started])
    return code ?? 1
  } finally {
    await sluice.stop()
  }
}
