import { afterAll, beforeAll, expect, test } from 'vitest'
import { real } from '../lab/need.ts'
import {
  BOT_MS,
  bot,
  type Ended,
  expectDrained,
  killBots,
  locksRunOut,
  nodesOf,
  type Scene,
  scene,
  toldOf,
} from './drain-bots.ts'
import type { Told } from './drain-child.ts'
import { PODS, POINTS, spread } from './drain-points.ts'
import { type DrainWorld, type Loaded, openDrainWorld } from './drain-world.ts'
import { killTable } from './kill-table.ts'

const SOAK = process.env['SOAK'] === '1'
/** At every so many points the two minutes of giveBack() are really waited for; the others would learn nothing new from it. */
const PATIENT = 12
const isPatient = (number: number): boolean => SOAK && number % PATIENT === 0
const LIMIT_MS = 3 * BOT_MS
const SAMPLE = 30
const KILLS = SOAK ? POINTS : spread(POINTS, SAMPLE)

const table = killTable(`drain of ${PODS} pods`, KILLS.length)
afterAll(killBots)
afterAll(() => table.tell())

await real(['kube', 'redmine'], 'kill -9 of the bot at every journal write of a drain of 20 pods', (kube, redmine) => {
  let world: DrainWorld
  const nodes = nodesOf(() => world, KILLS.length)
  beforeAll(async () => {
    world = await openDrainWorld(kube)
  })
  afterAll(async () => {
    await nodes.close()
    await world?.close()
  })

  /** A bot that finds what the dead one has left. */
  const again = async (one: Scene, on: Loaded, number: number): Promise<Ended> => {
    const over = new AbortController()
    const givingBack = isPatient(number) ? undefined : world.giveBack(on.namespace, over.signal)
    try {
      return await bot({ ...one.given, killAt: '' })
    } finally {
      over.abort()
      await givingBack
    }
  }

  /** Drains one node by a bot that dies at the named moment, and by the one after it. */
  const drained = async (number: number, killAt: string): Promise<{ first: Ended; told: Told }> => {
    const on = await nodes.take(number)
    const one = await scene(world, kube.kubeconfig, redmine, on.node, { killAt })
    try {
      const first = await bot(one.given)
      await locksRunOut(one.given.redis)
      const last = killAt === '' ? first : await again(one, on, number)
      const told = await toldOf(last, world, one, on)
      expect(told).toMatchObject({ state: 'done', code: null })
      expect(told.result.join('\n')).toContain(`${PODS} pods gone`)
      await expectDrained(world, one, on, redmine)
      return { first, told }
    } finally {
      await one.stop()
      nodes.drop(number)
    }
  }

  test('a run that is not disturbed passes every moment, and no others', { timeout: LIMIT_MS }, async () => {
    const { told } = await drained(0, '')
    expect([...told.points].sort()).toEqual([...POINTS].sort())
  })

  test.each(KILLS.map((killAt, i) => [killAt, i + 1] as const))(
    '%s: resumes, ends done, everything once',
    { timeout: LIMIT_MS },
    async (killAt, number) => {
      const { first } = await drained(number, killAt)
      expect(first.how, first.errors).toBe('SIGKILL')
      table.resumed()
    },
  )
})
