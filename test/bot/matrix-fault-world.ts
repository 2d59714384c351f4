import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { Chat, Health } from '../../src/bot/chat.ts'
import type { SyncTiming } from '../../src/bot/matrix-timing.ts'
import type { Log } from '../../src/log.ts'
import { within } from '../../src/duration.ts'
import type { Given, Way } from '../lab/front.ts'
import { until } from '../lab/process.ts'
import type { SynapseData } from '../lab/synapse.ts'
import { openInbox, type TestInbox } from './inbox.ts'
import { type MatrixWorld, matrixWorld } from './matrix-world.ts'

/** Short enough to be waited for, long enough that a busy machine is no outage. */
export const SHORT: SyncTiming = {
  pollMs: 1_000,
  graceMs: 2_000,
  breathMs: 0,
  probeMs: 2_000,
  longestProbeMs: 4_000,
  firstWaitMs: 50,
  longestWaitMs: 500,
  longestAskedMs: 5_000,
  authWaitMs: 700,
  reportAfterMs: 1_000,
}

export type KeptLog = Log & { readonly lines: readonly string[] }

/** Everything that is handed to the log, before any redaction. */
export function keptLog(): KeptLog {
  const lines: string[] = []
  const keep = (...said: unknown[]): void => void lines.push(inspect(said, { depth: 10, showHidden: true }))
  return { lines, debug: keep, info: keep, warn: keep, error: keep, fatal: keep }
}

export type FaultScene = {
  readonly world: MatrixWorld
  readonly chat: Chat
  readonly inbox: TestInbox
  readonly health: readonly Health[]
  readonly log: KeptLog
  /** What sends threw, seen from all sides. */
  readonly errors: string[]
  readonly say: (name: string, count: number) => Promise<readonly string[]>
  readonly hear: (text: string) => Promise<void>
  readonly told: (up: boolean) => Promise<void>
  /** A send that may fail; its error is kept. */
  readonly send: (key: string) => Promise<string | undefined>
  readonly stop: () => Promise<void>
}

/** A room, the bot in it behind `homeserver`, and people who go straight to the real one. */
export async function faultScene(
  synapse: SynapseData,
  homeserver: string,
  timing: SyncTiming = SHORT,
): Promise<FaultScene> {
  const world = await matrixWorld(synapse)
  const inbox = await openInbox(() => [{ name: 'ops', clusters: [], matrix: world.place.id }])
  const [log, health, errors]: [KeptLog, Health[], string[]] = [keptLog(), [], []]
  const chat = await world.open({ homeserver, timing, log })
  await chat.start(inbox.receive, (one) => void health.push(one))
  return {
    world,
    chat,
    inbox,
    health,
    log,
    errors,
    say: async (name, count) => {
      const texts = Array.from({ length: count }, (_, i) => `${name} ${i}`)
      for (const text of texts) await world.nico.say(`! ${text}`)
      return texts
    },
    hear: async (text) =>
      void (await until(`${text} is in the inbox`, 30_000, async () => (await inbox.texts()).includes(text))),
    told: async (up) => void (await until(`up: ${up} is told`, 30_000, () => health.at(-1)?.up === up)),
    send: async (key) => {
      try {
        const message = { blocks: [{ kind: 'text', text: key }] } as const
        return (await chat.post(world.place, message, { key, signal: within(3_000) })).id
      } catch (error) {
        errors.push(inspect(error, { depth: 10, showHidden: true }), String(error), JSON.stringify(error))
        return undefined
      }
    },
    stop: async () => {
      await chat.stop()
      await inbox.stop()
      for (const user of [world.bot, ...Object.values(world.users)]) user.stop()
      expect([...log.lines, ...errors].filter((line) => line.includes(world.bot.token))).toEqual([])
    },
  }
}

/** For `front.decide`: always the same. */
export const answering = (given: Given | 'hang') => (): Way => given

export const isSync = ({ path }: { readonly path: string }): boolean => path.includes('/sync?')

/** Before, during and after: each text once and in order, and the trouble told once when it begins and once when it ends. */
export async function survives(
  scene: FaultScene,
  code: string,
  fault: () => void | Promise<void>,
  mend: () => void | Promise<void>,
): Promise<void> {
  const { say, hear, told, send } = scene
  const texts = [...(await say('before', 2))]
  await hear('before 1')
  await fault()
  texts.push(...(await say('during', 10)))
  await told(false)
  await send('sent in trouble')
  const links = [await scene.chat.link?.({ place: scene.world.place, id: '$card' })]
  await mend()
  await told(true)
  texts.push(...(await say('after', 2)))
  await hear('after 1')
  expect(await scene.inbox.texts()).toEqual(texts)
  expect(scene.health).toMatchObject([{ up: false, code, text: expect.any(String) }, { up: true }])
  expect(scene.log.lines.filter((line) => line.includes('is not heard'))).toHaveLength(1)
  const id = await until('the platform takes it again', 20_000, () => send('sent in trouble'))
  expect((await scene.world.seen(scene.world.place)).map((s) => s.id)).toEqual([id])
  expect(links).toEqual([expect.stringMatching(/^https:\/\/matrix\.to\/#\/.*\?via=lab\.test$/)])
}
