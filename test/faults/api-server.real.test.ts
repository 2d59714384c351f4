import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FINAL, type Revision } from '../../src/jobs/job.ts'
import { type KubeFront, kubeFront } from '../lab/kube/front.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { deployment } from '../lab/workloads.ts'
import { type ApiBot, type Shown, type Site, startApiBot } from './api-bot.ts'
import { isSilence, sample, type Scenario, SCENARIOS, type Stage, stage } from './api-faults.ts'
import { type DrainWorld, type Loaded, openDrainWorld, type Setting } from './drain-world.ts'

const SOAK = process.env['SOAK'] === '1'
const SEED = Number(process.env['SEED'] ?? 1)
/** How long the server is in trouble at least; it goes on until the card has said so. */
const OUTAGE_MS = SOAK ? 60_000 : 6_000
const TROUBLE_MS = SOAK ? 20_000 : 4_000
const SLOW_MS = SOAK ? 5_000 : 800
const REQUEST_MS = SOAK ? 8_000 : 2_500
/** Something hangs. */
const LIMIT_MS = SOAK ? 400_000 : 150_000
/** Under way at the same time. */
const WIDTH = 9
const RUN = SOAK ? SCENARIOS : sample(SEED)
const BATCHES = Array.from({ length: Math.ceil(RUN.length / WIDTH) }, (_, i) => RUN.slice(i * WIDTH, (i + 1) * WIDTH))

const PODS = 10
/** Five that may go at once, five one at a time; all take long enough to be waited for. */
const SETTING: Setting = {
  firstNode: 700,
  prefix: 'api-faults',
  pods: PODS,
  workloads: (shape) => [
    ...deployment({ ...shape('web', 1_000), replicas: 3 }),
    ...deployment({ ...shape('slow', 4_000), replicas: 2 }),
    ...deployment({ ...shape('api', 3_000), replicas: 3, pdb: { maxUnavailable: 1 } }),
    ...deployment({ ...shape('db', 2_000), replicas: 2, pdb: { maxUnavailable: 1 } }),
  ],
}

type Play = {
  readonly scenario: Scenario
  readonly site: Site
  readonly on: Loaded
  readonly front: KubeFront
  readonly trouble: Stage
  readonly said: { readonly text: string; readonly inTrouble: boolean }[]
  readonly lies: string[]
}
const title = ({ fault, phase }: Scenario): string => `${fault}, ${phase}`
/** That it waits, why, with a code. */
const tellsWhy = (text: string): boolean => /waits.*K8S-[A-Z]+/.test(text)

await real(['kube'], 'a drain through the whole bot while the API server is in trouble', (kube) => {
  let world: DrainWorld
  beforeAll(async () => {
    world = await openDrainWorld(kube, SETTING)
  })
  afterAll(() => world?.close())

  /** What a text claims and the API server, asked now, does not confirm. */
  const liesOf = async ({ on }: Play, text: string): Promise<readonly string[]> => {
    const [pods, cordoned] = await Promise.all([world.podsOn(on.node), world.isCordoned(on.node)])
    const left = pods.filter(({ metadata }) => on.uids.includes(metadata.uid)).length
    const gone = Number(/(\d+)\/\d+ gone/.exec(text)?.[1] ?? /(\d+) pods gone/.exec(text)?.[1] ?? 0)
    const isDone = /done in|verify.*\(done\)/.test(text)
    return [
      ...(PODS - left < gone ? [`says ${gone} gone, ${left} are left`] : []),
      ...(isDone && left > 0 ? [`says done, ${left} are left`] : []),
      ...((isDone || /cordon .*\(done\)/.test(text)) && !cordoned ? ['says cordoned'] : []),
    ]
  }

  const prepare = async (scenario: Scenario, number: number): Promise<Play> => {
    const on = await world.load(number)
    const name = `f${number}`
    const front = await kubeFront(kube.kubeconfig, join(lab().dir, `front-${number}.conf`))
    const trouble = stage(front, scenario, { node: on.node, pods: PODS, slowMs: SLOW_MS })
    const site = { name, node: on.node, kubeconfig: front.kubeconfig }
    return { scenario, site, on, front, trouble, said: [], lies: [] }
  }

  const ended = async (bot: ApiBot, { site, scenario, said }: Play): Promise<Revision> => {
    const look = async (): Promise<Revision | undefined> =>
      (await bot.engine.jobs.list({ limit: 100 })).find(
        ({ asked, state }) => asked.room === site.name && FINAL.has(state),
      )
    try {
      return await until(`the end of ${title(scenario)}`, LIMIT_MS, look)
    } catch (error) {
      throw new Error(`${String(error)}\n${said.map(({ text }) => text).join('\n---\n')}`, { cause: error })
    }
  }

  /** The trouble lasts its time, and until the card has told of it. */
  const untilTold = async ({ scenario, trouble, said, site }: Play): Promise<void> => {
    await trouble.begun
    if (!isSilence(scenario)) return
    await pause(scenario.fault === 'outage' ? OUTAGE_MS : TROUBLE_MS)
    const told = (): true | undefined =>
      said.some(({ text, inTrouble }) => inTrouble && tellsWhy(text)) ? true : undefined
    await until(`${site.name} (${title(scenario)}) says why it waits`, LIMIT_MS / 2, told).finally(trouble.end)
  }

  const expectRight = async (play: Play, end: Revision): Promise<void> => {
    const { on, said, lies } = play
    const story = said.map(({ text, inTrouble }) => `${inTrouble ? '[in trouble] ' : ''}${text}`).join('\n---\n')
    expect(end, story).toMatchObject({ state: 'done', code: null })
    expect(await world.podsOn(on.node), story).toEqual([])
    expect(await world.isCordoned(on.node)).toBe(true)
    expect([...(await world.evicted(on.namespace))].sort(), story).toEqual([...on.uids].sort())
    expect(await world.otherWrites(on), story).toEqual([`patch nodes ${on.node} 200`])
    expect(lies, story).toEqual([])
  }

  test.each(BATCHES.map((batch, i) => [batch.map(title).join('; '), batch, i] as const))(
    '%s',
    { timeout: 2 * LIMIT_MS },
    async (_titles, batch, i) => {
      const plays = await Promise.all(batch.map((scenario, k) => prepare(scenario, 1 + i * WIDTH + k)))
      const shown = async (site: Site, { text }: Shown): Promise<void> => {
        const play = plays.find((one) => one.site === site)
        if (play === undefined) return
        play.said.push({ text, inTrouble: play.trouble.isOn() })
        play.lies.push(...(await liesOf(play, text)).map((lie) => `${lie}: ${text}`))
      }
      const bot = await startApiBot(
        plays.map(({ site }) => site),
        world.uid,
        REQUEST_MS,
        shown,
      )
      try {
        const over = await Promise.allSettled(
          plays.map(async (play) => {
            await bot.say(play.site, `drain ${play.site.node} on ${play.site.name}`)
            const [end, told] = await Promise.allSettled([ended(bot, play), untilTold(play)])
            if (end.status === 'rejected') throw end.reason
            await expectRight(play, end.value)
            if (told.status === 'rejected') throw told.reason
          }),
        )
        const wrong = over.flatMap((one, k) =>
          one.status === 'rejected' ? [`${title(batch[k] as Scenario)}: ${String(one.reason)}`] : [],
        )
        expect(wrong.join('\n=====\n')).toBe('')
      } finally {
        await bot.stop()
        await Promise.all(plays.map(({ front }) => front.stop()))
        await Promise.all(plays.map(({ on }) => world.drop(on)))
      }
    },
  )
})
