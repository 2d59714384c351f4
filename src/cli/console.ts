import { openConsole } from '../bot/console.ts'
import type { Console } from '../bot/console.ts'
import type { Inventory } from '../commands/command.ts'
import { parseDurationMs } from '../duration.ts'
import type { startSluice as StartSluice } from '../main.ts'
import type { comfortsOf } from './comforts.ts'
import { isPerson, wantsColours } from './terminal.ts'
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
export async function runConsole(options: ConsoleOptions, stop: AbortSignal): Promise<number> {
  const signal = AbortSignal.any([stop, hungUp()])
  const person = options.json !== true && isPerson(process.env, process.stdin, process.stdout)
  const talking: { console?: Console } = {}
  // a log line in the middle of the screen would break what stands there
  const logTo = (line: string): void => {
    if (person && process.stderr.isTTY && talking.console !== undefined) talking.console.note(line.trimEnd())
    else process.stderr.write(line)
  }
  // the store starts while the rest is loaded
  const opening = openWorld({
    configDir: options.config,
    practice: options.practice === true,
    env: process.env,
    signal,
    logTo,
    ...(options.data === undefined ? {} : { dataDir: options.data }),
    ...(options.now === undefined ? {} : { now: options.now }),
  })
  const [world, { startSluice }] = await Promise.all([opening, import('../main.ts')])
  try {
    return await converse(startSluice, world, options, { person, talking }, signal)
  } finally {
    delete talking.console
    await world.close()
  }
}

type Talking = { readonly person: boolean; readonly talking: { console?: Console } }

async function converse(
  startSluice: typeof StartSluice,
  world: World,
  options: ConsoleOptions,
  { person, talking }: Talking,
  signal: AbortSignal,
): Promise<number> {
  const names: { now?: () => Inventory } = {}
  const sluice = await startSluice({
    ...world,
    env: process.env,
    chats: async (engine) => {
      talking.console = openConsole({
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
        colours: wantsColours(process.env, process.stdout),
        fold: process.stdout.isTTY,
        ...(person ? { comforts: await comforts(world, options.data, () => names.now?.()) } : {}),
      })
      return [talking.console]
    },
  })
  names.now = sluice.inventory.now
  try {
    if (person) talking.console?.note(welcome(world.practice))
    const [code] = await Promise.all([talking.console?.converse(signal), sluice.started])
    return code ?? 1
  } finally {
    await sluice.stop()
  }
}

const welcome = (practice: boolean): string =>
  `Sluice${practice ? ' (practice: simulated p10 and c2)' : ''}. Say \`help\`, or \`as fran: approve 1\`.\nTab completes, Ctrl-D ends.`

/** Aborts when the terminal is closed: what was started for the console ends with it. */
function hungUp(): AbortSignal {
  const closed = new AbortController()
  process.once('SIGHUP', () => closed.abort())
  // nobody reads any more: EIO of a terminal that is gone, EPIPE of a pipe
  process.stdout.on('error', () => closed.abort())
  return closed.signal
}

/** Loaded only for a person: a script need not wait for it. */
const comforts = async (...given: Parameters<typeof comfortsOf>): Promise<ReturnType<typeof comfortsOf>> =>
  (await import('./comforts.ts')).comfortsOf(...given)
