import { afterAll, beforeAll, expect, test } from 'vitest'
import { real } from '../lab/need.ts'
import { BOT_MS, bot, expectDrained, killBots, nodesOf, scene, startBot, toldOf } from './drain-bots.ts'
import { POINTS, spread } from './drain-points.ts'
import { type DrainWorld, KILLED, openDrainWorld } from './drain-world.ts'

const SOAK = process.env['SOAK'] === '1'
const SETTING = { ...KILLED, firstNode: 800, prefix: 'drain-stop' }
/** The first stands still while the other comes up, waits for its lock and works. */
const FIRST_MS = 3 * BOT_MS
/** A hundred in `make soak`: each moment, and the first ones once more. */
const ROUNDS = SOAK ? Array.from({ length: 100 }, (_, i) => POINTS[i % POINTS.length] ?? '') : spread(POINTS, 10)

afterAll(killBots)

await real(['kube', 'redmine'], 'two replicas; the one that drains is stopped beyond its lock', (kube, redmine) => {
  let world: DrainWorld
  const nodes = nodesOf(() => world, ROUNDS.length)
  beforeAll(async () => {
    world = await openDrainWorld(kube, SETTING)
  })
  afterAll(async () => {
    await nodes.close()
    await world?.close()
  })

  test.each(ROUNDS.map((stopAt, i) => [i + 1, stopAt] as const))(
    'round %i, %s: the other finishes, the first goes on and does nothing twice',
    { timeout: 2 * FIRST_MS },
    async (number, stopAt) => {
      const on = await nodes.take(number)
      const one = await scene(world, kube.kubeconfig, redmine, on.node, { killAt: '', stopAt })
      try {
        const first = startBot(one.given, FIRST_MS)
        await first.stopped
        const told = await toldOf(await bot({ ...one.given, stopAt: '' }), world, one, on)
        expect(told).toMatchObject({ state: 'done', code: null })
        await expectDrained(world, one, on, redmine)
        first.goOn()
        expect(await toldOf(await first.ended, world, one, on)).toMatchObject({ state: 'done', code: null })
        await expectDrained(world, one, on, redmine)
      } finally {
        await one.stop()
        nodes.drop(number)
      }
    },
  )
})
