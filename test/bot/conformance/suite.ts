import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Store } from '../../../src/store/store.ts'
import type { World } from '../chat.contract.ts'
import { ASKING } from './asking.ts'
import { AWAY } from './away.ts'
import type { Setting } from './bot.ts'
import { QUESTIONS } from './questions.ts'
import { openScene, type Scene } from './scene.ts'
import { STRANGERS } from './strangers.ts'
import { toyApi } from './toy.ts'
import { TROUBLE } from './trouble.ts'
import { VOTING } from './voting.ts'

/** What happens to a platform beside people: each platform brings what it has. */
export type Trouble = {
  /** A program of the platform that says something, as its own kind does: a notice, an app's message. */
  readonly program: (text: string) => Promise<unknown>
  /** A bridge's puppet says something. */
  readonly bridge: (text: string) => Promise<unknown>
  /** The platform tells everything again that it told so far; heard by the running bot, or by one started after it. */
  readonly replay: () => Promise<void>
  /** For so long every send is refused with the time to wait. */
  readonly limit: (ms: number) => void
  /** Nothing goes to the platform or comes from it. */
  readonly outage: (on: boolean) => void | Promise<void>
  /** Somebody who may takes a message of the bot away. */
  readonly takeAway: (message: string) => Promise<unknown>
  /** From now on the platform gives up telling what happens; it is there to be read when the bot is back. */
  readonly giveUp: (on: boolean) => void
  /** False where events are told side by side and overtake each other. */
  readonly ordered: boolean
  /** True where messages have buttons. */
  readonly buttons: true
  /** True where many talk, so that one may ask too much; a console takes all it is given. */
  readonly crowd: true
}
export type Stage = {
  readonly world: World
  /** Its part of sluice.yaml; `secret` gives the reference of a secret. Without it the world opens its chat itself. */
  readonly settings?: (secret: (value: string) => string) => Readonly<Record<string, unknown>>
  readonly trouble: Partial<Trouble>
  readonly stop?: () => Promise<void>
}

export type Scenario = {
  /** What the platform must have; where it has not, the scenario is not there. */
  readonly wants?: readonly (keyof Trouble)[]
  readonly setting?: Setting
  readonly run: (scene: Scene, trouble: Trouble) => Promise<void>
}
export type Scenarios = Readonly<Record<string, Scenario>>

const ALL: Scenarios = { ...ASKING, ...VOTING, ...QUESTIONS, ...STRANGERS, ...TROUBLE, ...AWAY }

/** Scenarios of a file that run side by side: most of one is waiting, but each has a store and a bot of its own. */
const LANES = 3

/**
 * One suite for every platform: the whole bot, and people. `has` is what the platform can bring; `make` is called for each scenario.
 */
export function conformance(
  name: string,
  has: readonly (keyof Trouble)[],
  make: (store: Store) => Promise<Stage>,
): void {
  describe.concurrent(`conformance: ${name}`, () => {
    let api: Awaited<ReturnType<typeof toyApi>>
    beforeAll(async () => {
      api = await toyApi()
    })
    afterAll(() => api.stop())
    const inLane = lanes()
    const here = Object.entries(ALL).filter(([, { wants = [] }]) => wants.every((one) => has.includes(one)))
    for (const [title, scenario] of here)
      test(title, { timeout: 240_000 }, () => inLane(() => play(scenario, api, make)))
  })
}

/** One after the other in each lane. */
function lanes(): (run: () => Promise<void>) => Promise<void> {
  const ends: Promise<void>[] = []
  let begun = 0
  return (run) => {
    const lane = begun++ % LANES
    const turn = (ends[lane] ?? Promise.resolve()).then(run)
    ends[lane] = turn.catch(() => {})
    return turn
  }
}

async function play(
  { setting = {}, run }: Scenario,
  api: Awaited<ReturnType<typeof toyApi>>,
  make: (store: Store) => Promise<Stage>,
): Promise<void> {
  const stages: Stage[] = []
  const opened = openScene(
    async (store) => {
      stages.push(await make(store))
      return stages
    },
    api,
    setting,
  )
  try {
    const scene = await opened
    try {
      await run(scene, troubleOf(stages[0]?.trouble ?? {}))
    } finally {
      await scene.close()
    }
  } finally {
    for (const stage of stages) await stage.stop?.()
  }
}

/** What a scenario did not ask for is not there, and says so. */
const troubleOf = (trouble: Partial<Trouble>): Trouble => {
  const no = () => {
    throw new Error('the scenario does not say that it wants this')
  }
  return {
    program: no,
    bridge: no,
    replay: no,
    limit: no,
    outage: no,
    takeAway: no,
    giveUp: no,
    crowd: true,
    buttons: true,
    ordered: true,
    ...trouble,
  }
}
