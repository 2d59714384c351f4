import { afterAll, beforeAll, expect, test } from 'vitest'
import { real } from '../../lab/need.ts'
import { matrixStage, slackStage } from './platforms.ts'
import { cardIn, cardOf, endOf, openScene, questionOf, type RoomOf, type Scene, toldOf } from './scene.ts'
import type { Stage } from './suite.ts'
import { toyApi } from './toy.ts'

type Both = {
  readonly scene: Scene
  readonly slack: RoomOf
  readonly matrix: RoomOf
  readonly stages: readonly Stage[]
}

await real(['synapse'], 'conformance: Slack and Matrix at once', (synapse) => {
  let api: Awaited<ReturnType<typeof toyApi>>
  beforeAll(async () => {
    api = await toyApi()
  })
  afterAll(() => api.stop())

  const both = (title: string, run: (both: Both) => Promise<void>): void =>
    test(title, { timeout: 120_000 }, async () => {
      const stages: Stage[] = []
      const scene = await openScene(
        async (store) => {
          stages.push(...(await Promise.all([slackStage('socket'), matrixStage(synapse, '12', store)])))
          return stages
        },
        api,
        {},
      )
      const [slack, matrix] = scene.rooms
      try {
        if (slack !== undefined && matrix !== undefined) await run({ scene, slack, matrix, stages })
      } finally {
        await scene.close()
        for (const stage of stages) await stage.stop?.()
      }
    })

  both('asked in Slack, approved in Matrix: the cards in both rooms stay in step', async ({ scene, slack, matrix }) => {
    const { job } = await slack.ask(slack.world.nico, 'shove server23')
    const [inSlack, inMatrix] = await Promise.all(
      [slack, matrix].map((room) => room.look('the question', questionOf(job))),
    )
    await matrix.world.fran.react(inMatrix?.id ?? '', '✅')
    for (const [room, question] of [
      [slack, inSlack],
      [matrix, inMatrix],
    ] as const) {
      await room.look('the card says that it is done', cardIn(job, 'done'))
      await room.look('the question is closed', (s) => s.id === question?.id && !/may it start/.test(s.text))
      const end = await room.look('the end', endOf(job))
      expect(end.mentions).toEqual([room.world.nico.id])
      await room.marker(room.world.nico)
      expect((await room.seen()).filter(cardOf(job))).toHaveLength(1)
      expect((await room.seen()).filter(endOf(job))).toHaveLength(1)
    }
    expect(scene.toy.done).toEqual(['shove server23'])
  })

  both('one person who votes in both rooms has one vote', async ({ scene, slack, matrix }) => {
    const { job } = await slack.ask(slack.world.nico, 'topple server23')
    for (const room of [slack, matrix]) {
      const question = await room.look('the question', questionOf(job))
      await room.world.fran.react(question.id, '✅')
      await room.look('that it counts', (s) => /counted/i.test(s.text))
      await room.marker(room.world.nico)
    }
    expect(await scene.job(job)).toMatchObject({ state: 'waiting', question: { votes: [{ person: 'fran' }] } })
    expect(scene.toy.done).toEqual([])
  })

  for (const away of ['slack', 'matrix'] as const)
    both(`${away} is away: the other room goes on, and ${away} is told when it is back`, async (all) => {
      const { scene, stages } = all
      const [gone, here] = away === 'slack' ? [all.slack, all.matrix] : [all.matrix, all.slack]
      const trouble = stages.find(({ world }) => world === gone.world)?.trouble
      await gone.marker(gone.world.nico)
      await trouble?.outage?.(true)
      const { job } = await here.ask(here.world.nico, 'shove server23')
      const question = await here.look('the question', questionOf(job))
      await here.world.fran.react(question.id, '✅')
      await here.look('the card says that it is done', cardIn(job, 'done'))
      await here.look('the end', endOf(job))
      await trouble?.outage?.(false)
      await gone.look('the card says that it is done', cardIn(job, 'done'))
      await gone.look('the asker is told', toldOf(job, gone.world.nico))
      await gone.marker(gone.world.nico)
      expect((await gone.seen()).filter(cardOf(job))).toHaveLength(1)
      expect(scene.toy.done).toEqual(['shove server23'])
    })
})
