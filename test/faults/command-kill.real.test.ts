import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { real } from '../lab/need.ts'
import { BOT_MS, bot, expectTold, killBots, locksRunOut, scene, toldOf } from './drain-bots.ts'
import { type DrainWorld, KILLED, type Loaded, openDrainWorld } from './drain-world.ts'
import { killTable } from './kill-table.ts'

const SETTING = { ...KILLED, firstNode: 900, prefix: 'command-kill', pods: 0, workloads: () => [] }
const LIMIT_MS = 3 * BOT_MS

const pointsOf = (step: string): readonly string[] =>
  [`intent ${step} 1`, `evidence ${step} 1`].flatMap((line) => [`before ${line}`, `after ${line}`])
/** Every command that changes something, but for `drain` (drain-kill.real.test.ts), and what the node is after it. */
const COMMANDS = [
  { verb: 'cordon', isCordoned: true, points: pointsOf('cordon') },
  { verb: 'uncordon', isCordoned: false, points: pointsOf('uncordon') },
]

afterAll(killBots)

await real(['kube', 'redmine'], 'kill -9 of the bot at every journal write of a command', (kube, redmine) => {
  let world: DrainWorld
  let number = 0
  beforeAll(async () => {
    world = await openDrainWorld(kube, SETTING)
  })
  afterAll(async () => world?.close())

  /** A node that is not yet as the command wants it. */
  const nodeFor = async (isCordoned: boolean): Promise<Loaded> => {
    const on = await world.load(++number)
    if (!isCordoned) await world.cordon(on.node, 'nico')
    return on
  }

  describe.each(COMMANDS)('$verb', ({ verb, isCordoned, points }) => {
    const table = killTable(verb, points.length)
    afterAll(() => table.tell())

    /** Says the command to a bot that dies at the named moment, and lets another find what it has left. */
    const done = async (killAt: string): Promise<readonly string[]> => {
      const on = await nodeFor(isCordoned)
      const one = await scene(world, kube.kubeconfig, redmine, on.node, { verb, killAt })
      try {
        const first = await bot(one.given)
        if (killAt !== '') expect(first.how, first.errors).toBe('SIGKILL')
        await locksRunOut(one.given.redis)
        const told = await toldOf(killAt === '' ? first : await bot({ ...one.given, killAt: '' }), world, one, on)
        expect(told).toMatchObject({ state: 'done', code: null })
        expect(await world.isCordoned(on.node)).toBe(isCordoned)
        expect(await world.otherWrites(on)).toEqual([`patch nodes ${on.node} 200`])
        await expectTold(one, redmine)
        return told.points
      } finally {
        await one.stop()
        await world.drop(on)
      }
    }

    test('a run that is not disturbed passes every moment, and no others', { timeout: LIMIT_MS }, async () => {
      expect([...(await done(''))].toSorted()).toEqual([...points].toSorted())
    })

    test.each(points)('%s: resumes, ends done, everything once', { timeout: LIMIT_MS }, async (killAt) => {
      await done(killAt)
      table.resumed()
    })
  })
})
