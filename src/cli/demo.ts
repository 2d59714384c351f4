import { within } from '../duration.ts'
import { PassThrough } from 'node:stream'
import pico from 'picocolors'
import { openConsole, type Console, type ConsoleDeps } from '../bot/console.ts'
import type { Inventory } from '../commands/command.ts'
import type { Engine } from '../jobs/deps.ts'
import type { JobState } from '../jobs/job.ts'
import { startSluice } from '../main.ts'
import { comfortsOf } from './comforts.ts'
import { isPerson, wantsColours } from './terminal.ts'
import { openWorld, type World } from './world.ts'

/** The tour: who says what, and what to wait for before the next one speaks. */
const TOUR: readonly { readonly about: string; readonly line: string; readonly until?: readonly JobState[] }[] = [
  { about: 'First, what is there. This only reads.', line: 'list nodes p10' },
  {
    about: 'What would a drain do? A question never changes anything.',
    line: 'what happens if I drain server23 on p10?',
  },
  {
    about: 'Now for real. Production needs a second pair of eyes, so the job waits.',
    line: 'drain server23 on p10 #1234',
    until: ['waiting', 'refused', 'done'],
  },
  { about: 'The asker does not count ...', line: 'approve 1' },
  {
    about: '... but Fran does, by a reaction. Watch the job go to its end.',
    line: 'as fran: ✅ 1',
    until: ['done', 'failed', 'cancelled', 'refused', 'expired', 'needs-human'],
  },
  { about: 'The node is empty and cordoned:', line: 'list nodes p10 cordoned' },
]

/** `sluice demo`: in a terminal the tour, then the console is yours; without one the tour to its end. Returns 0 when the drain ended done. */
export async function runDemo(
  options: { readonly config: string; readonly kubeconfig?: string },
  signal: AbortSignal,
): Promise<number> {
  const { kubeconfig } = options
  const world = await openWorld({
    configDir: options.config,
    practice: kubeconfig === undefined,
    env: process.env,
    signal,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  })
  try {
    return await play(world, signal)
  } finally {
    await world.close()
  }
}

async function play(world: World, signal: AbortSignal): Promise<number> {
  const input = new PassThrough()
  const person = isPerson(process.env, process.stdin, process.stdout)
  const names: { now?: () => Inventory } = {}
  const talking: { console?: Console } = {}
  const sluice = await startSluice({
    ...world,
    env: process.env,
    chats: async (engine) => {
      const comforts = person ? { comforts: comfortsOf(world, undefined, () => names.now?.()) } : {}
      talking.console = openConsole({ ...demoConsole(world, engine, input), ...comforts })
      return [talking.console]
    },
  })
  names.now = sluice.inventory.now
  try {
    await sluice.started
    const end = talking.console?.converse(signal) ?? Promise.resolve(1)
    const last = await guide(sluice.engine, { input, person, note: (text) => talking.console?.note(text) }, signal)
    if (person) {
      talking.console?.note(dim('The console is yours: say `help`, or `uncordon server23 on p10`. Ctrl-D ends.'))
      process.stdin.setRawMode(true).pipe(input)
    } else input.end()
    const code = await end
    return last === 'done' ? code : 1
  } finally {
    if (person) process.stdin.setRawMode(false)
    await sluice.stop()
  }
}

const demoConsole = (world: World, engine: Engine, input: PassThrough): ConsoleDeps => ({
  store: world.store,
  jobs: engine.jobs,
  rooms: () => world.config().rooms,
  input,
  output: process.stdout,
  json: false,
  speaker: 'nico',
  room: 'ops',
  nowMs: world.clock.now,
  idle: engine.idle,
  waitMs: 600_000,
  columns: process.stdout.columns ?? 100,
  colours: wantsColours(process.env, process.stdout),
  fold: process.stdout.isTTY,
})

const dim = (text: string): string => `\n${pico.createColors(wantsColours(process.env, process.stdout)).dim(text)}`

type Stage = {
  readonly input: PassThrough
  /** Who sees the prompt sees what is typed there. */
  readonly person: boolean
  readonly note: (text: string) => void
}

/** Says the lines of the tour, each when the one before is answered. Returns the state in which the drain ended. */
async function guide(
  { jobs, idle }: Engine,
  { input, person, note }: Stage,
  signal: AbortSignal,
): Promise<JobState | undefined> {
  const state = async (): Promise<JobState | undefined> => (await jobs.get('1'))?.state
  for (const { about, line, until } of TOUR) {
    note(dim(about))
    if (!person) note(`> ${line}`)
    input.write(`${line}\n`)
    await quiet(idle, signal, async () => until === undefined || until.includes((await state()) ?? 'received'))
  }
  const last = await state()
  note(
    dim(
      last === 'done'
        ? 'done. That was the whole road: sentence, plan, policy, vote, job, card.'
        : `The drain ended ${last ?? 'nowhere'}.`,
    ),
  )
  return last
}

const LOOK_MS = 50
const TOUR_STEP_MS = 180_000

/** Waits until the condition holds and every message is out. */
async function quiet(
  idle: () => Promise<{ readonly inbox: number; readonly outbox: number }>,
  signal: AbortSignal,
  reached: () => Promise<boolean>,
): Promise<void> {
  const limit = within(TOUR_STEP_MS, signal)
  let calm = 0
  while (!limit.aborted && calm < 2) {
    const { inbox, outbox } = await idle()
    calm = inbox + outbox === 0 && (await reached()) ? calm + 1 : 0
    await new Promise((done) => setTimeout(done, LOOK_MS))
  }
}
