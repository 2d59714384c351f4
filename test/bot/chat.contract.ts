import { describe, expect, test } from 'vitest'
import type { Chat, Incoming, Place } from '../../src/bot/chat.ts'
import { isLimited } from '../../src/bot/chat-errors.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { until } from '../lab/process.ts'
import { HEARS } from './chat-hears.ts'
import { words } from './chat-messages.ts'
import { SAYS } from './chat-says.ts'

/**
 * What every chat adapter must do, on a platform that is as real as can be had.
 *
 * A world is one room with the bot, `nico` and `fran` in it, made new for each test:
 * - `open()` gives an adapter on that world that is not started; a second one is the bot after a restart. `engine`: the bot's, where it has one.
 * - people act through `Human`; ids are the platform's own.
 * - `seen(place)` is what a person would see of the bot in a place, oldest first: text without markup, after edits.
 *   It fails when the platform would show something that was not meant as markup.
 * - `calls` is false where every text is for Sluice (the console), so that there is neither mention nor `!` nor a room for two.
 */
export type World = {
  readonly open: (engine?: Behind) => Promise<Chat>
  readonly place: Place
  readonly nico: Human
  readonly fran: Human
  /** A program that talks: another bot, or a bridge's puppet. */
  readonly robot: Human
  readonly calls: boolean
  /** True where a message has no greatest length. */
  readonly endless?: boolean
  readonly seen: (place: Place) => Promise<readonly Seen[]>
  /** The place of private messages from the bot to a person, once there is one. */
  readonly privateWith: (human: Human) => Promise<Place | undefined>
  readonly stop: () => Promise<void>
}
/** What a chat may ask of the engine: only the console does. */
export type Behind = Pick<Engine, 'jobs' | 'idle'>
export type Human = {
  readonly id: string
  /** Says it in the world's room and gives the message's id. `mention` puts the platform's mention of the bot in front. */
  readonly say: (
    text: string,
    how?: { readonly thread?: string; readonly mention?: boolean; readonly direct?: boolean },
  ) => Promise<string>
  readonly edit: (message: string, text: string) => Promise<void>
  readonly remove: (message: string) => Promise<void>
  readonly react: (message: string, emoji: string) => Promise<void>
  readonly unreact: (message: string, emoji: string) => Promise<void>
  readonly press: (message: string, label: string) => Promise<void>
}
export type Seen = {
  readonly id: string
  readonly text: string
  readonly thread?: string
  readonly reactions: readonly string[]
  /** Ids of people whom the message notifies; everybody at once is `all`. */
  readonly mentions: readonly string[]
}

/** One test's world with its adapter started, what was told so far, and ways to wait. */
export type Scene = {
  readonly world: World
  readonly chat: Chat
  readonly told: Incoming[]
  /** Another adapter on the same world, stopped with the test. */
  readonly open: () => Promise<Chat>
  readonly next: <K extends Incoming['kind']>(
    kind: K,
    which?: (incoming: Extract<Incoming, { kind: K }>) => boolean,
  ) => Promise<Extract<Incoming, { kind: K }>>
  readonly look: (place: Place, which: (seen: readonly Seen[]) => boolean) => Promise<readonly Seen[]>
  /** Says something that surely arrives: what came before it would have come before it. */
  readonly marker: () => Promise<void>
  readonly stop: () => Promise<void>
}

async function begin(makeWorld: () => Promise<World>): Promise<Scene> {
  const world = await makeWorld()
  const told: Incoming[] = []
  const opened: Chat[] = []
  const open = async (): Promise<Chat> => {
    const made = await world.open()
    opened.push(made)
    return made
  }
  const next: Scene['next'] = (kind, which = () => true) =>
    until(`a ${kind} arrives`, 15_000, () => told.filter((i) => isKind(i, kind)).find(which))
  const look: Scene['look'] = (place, which) =>
    until('it is to be seen', 15_000, async () => {
      const seen = await world.seen(place)
      return which(seen) ? seen : undefined
    })
  const chat = await open()
  await chat.start(async (incoming) => void told.push(incoming))
  return {
    world,
    chat,
    told,
    open,
    next,
    look,
    marker: async () => {
      await world.fran.say('! marker')
      await next('text', (i) => i.text.includes('marker'))
    },
    stop: async () => {
      for (const one of opened) await one.stop()
      await world.stop()
    },
  }
}

const isKind = <K extends Incoming['kind']>(incoming: Incoming, kind: K): incoming is Extract<Incoming, { kind: K }> =>
  incoming.kind === kind

/** A test of one scene: the world is made before, and ended after. */
export type Case = (scene: Scene, makeWorld: () => Promise<World>) => Promise<void>

/** The suite. `makeWorld` is called for each test. */
export function chatContract(name: string, makeWorld: () => Promise<World>): void {
  describe(`chat contract: ${name}`, () => {
    for (const [title, run] of Object.entries({ ...HEARS, ...SAYS }))
      test(title, async () => {
        const scene = await begin(makeWorld)
        try {
          await run(scene, makeWorld)
        } finally {
          await scene.stop()
        }
      })
  })
}

/** A platform that asks to slow down: `slowDown` brings it there, and waits are short enough to be waited for. */
export function limitContract(
  name: string,
  makeWorld: () => Promise<World & { readonly slowDown: () => Promise<void> }>,
): void {
  test(`chat contract: ${name}: asked to slow down, the send fails with the time to wait, and after it succeeds once`, async () => {
    const world = await makeWorld()
    const chat = await world.open()
    try {
      await world.slowDown()
      const send = () => chat.post(world.place, words('after the wait'), { key: 'limited' })
      const error: unknown = await send().catch((caught: unknown) => caught)
      expect(isLimited(error)).toBe(true)
      if (!isLimited(error)) return
      expect(error.code).toBe('CHAT-LIMITED')
      expect(error.retryAfterMs).toBeGreaterThan(0)
      expect(error.retryAfterMs).toBeLessThanOrEqual(10_000)
      await until('the platform takes it again', 20_000, () =>
        send().then(
          () => true,
          () => undefined,
        ),
      )
      await send()
      expect((await world.seen(world.place)).filter((s) => s.text.includes('after the wait'))).toHaveLength(1)
    } finally {
      await chat.stop()
      await world.stop()
    }
  })
}
