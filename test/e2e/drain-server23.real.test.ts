import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { real } from '../lab/need.ts'
import { attachP10 } from '../lab/p10.ts'
import { until } from '../lab/process.ts'
import { attachRedmine } from '../lab/redmine.ts'
import { cardOf, type ChatRoom, endOf, isDone, questionOf } from './chat-room.ts'
import { openStage, type Stage } from './p10-stage.ts'
import { openRooms, type Rooms } from './three-rooms.ts'

const MARKERS = ['plan', 'approval', 'start', 'result']
/** Younger than this a kubelet counts as alive. */
const LEASE_MS = 20_000

// One file for all of p10: two files at once would drain the same nodes.
await real(['p10', 'redmine', 'synapse'], 'p10 from three chats', (p10, redmineData, synapse) => {
  const redmine = attachRedmine(redmineData)
  const { powerOff, powerOn } = attachP10(p10)
  let stage: Stage
  let rooms: Rooms
  beforeAll(async () => {
    stage = await openStage(p10)
    rooms = await openRooms({ kubeconfig: p10.kubeconfig, uid: stage.uid, redmine: redmineData, synapse })
  }, 120_000)
  afterAll(async () => {
    await rooms?.stop()
    await stage?.close()
  }, 120_000)

  beforeEach(() => stage.reset(), 120_000)

  const markersOn = async (ticket: string): Promise<readonly (string | undefined)[]> =>
    (await redmine.notes(ticket)).map(({ notes }) => /^sluice:\d+:\w+$/m.exec(notes)?.[0])
  /** Ends when the result is noted, which is the last; then all four are there, once each and in order. */
  const isNoted = async (job: string, ticket: string): Promise<void> => {
    const all = MARKERS.map((kind) => `sluice:${job}:${kind}`)
    await until(`the result of job ${job} is noted`, 60_000, async () =>
      (await markersOn(ticket)).includes(`sluice:${job}:result`) ? true : undefined,
    )
    expect(await markersOn(ticket)).toEqual(all)
  }
  /** nico asks for the drain; gives the job, its ticket and the question. */
  const asked = async ({ ask, look, nico }: ChatRoom, how: 'mention' | '!') => {
    const ticket = await redmine.createIssue('A disk of server23 is failing')
    const job = await ask(nico, `drain server23 on p10 #${ticket}`, how)
    const question = await look('the question', questionOf(job))
    return { ticket, job, question }
  }
  /** The card is edited to done, and a line of its own at the end mentions nico. */
  const endsDone = async ({ look, nico }: ChatRoom, job: string) => {
    const end = await look('the end line', endOf(job))
    expect(end.text).toContain('done')
    expect(end.mentions).toEqual([nico.id])
    return look('the card says done', isDone(job))
  }

  describe('drain server23', { timeout: 120_000 }, () => {
    const story = (name: string, room: () => ChatRoom, how: 'mention' | '!') =>
      test(`${name}: asked by ${how}, approved by another person's reaction, done, noted, put back`, async () => {
        const { ask, look, raw, seen, nico, fran } = room()
        const { ticket, job, question } = await asked(room(), how)
        expect(question.mentions).toContain(fran.id)
        expect((await stage.node('server23')).spec.unschedulable).toBeFalsy()
        await fran.react(question.id, '✅')
        const card = await endsDone(room(), job)
        expect(card.text).toMatch(/approved by:? +fran/)
        expect((await seen()).filter(cardOf(job))).toHaveLength(1)
        await stage.isDrained({ job, person: 'nico', ticket })
        await isNoted(job, ticket)
        expect(await raw(card.id)).toContain(`/issues/${ticket}`)
        expect(await redmine.linksOf(ticket)).toContain(room().link(card.id))

        const back = await ask(nico, 'uncordon server23 on p10', how)
        await look('the uncordon is done', isDone(back))
        const { metadata, spec } = await stage.node('server23')
        expect(spec.unschedulable).toBeFalsy()
        expect(Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('sluice.'))).toEqual([])
      })
    story('Matrix on Synapse', () => rooms.matrix, 'mention')
    story('Slack by Socket Mode', () => rooms.socket, '!')
    story('Slack by signed HTTP', () => rooms.http, 'mention')

    test('asked in Slack, approved in Matrix: one vote store, and the asker is the same person in both', async () => {
      const { matrix, socket } = rooms
      const { ticket, job } = await asked(socket, 'mention')
      const there = await matrix.look('the question in Matrix', questionOf(job))
      await matrix.nico.react(there.id, '✅')
      await matrix.look("the asker's vote does not count", (s) => s.text.includes('VOTE-OWN'))
      expect((await stage.node('server23')).spec.unschedulable).toBeFalsy()
      await matrix.fran.react(there.id, '✅')
      const cards = await Promise.all([endsDone(socket, job), endsDone(matrix, job)])
      for (const card of cards) expect(card.text).toMatch(/approved by:? +fran/)
      await isNoted(job, ticket)
      await stage.isDrained({ job, person: 'nico', ticket })
    })

    test('Redmine goes away while the job waits: it is done all the same, the notes come after, in order, once each', async () => {
      const { socket, redmine: line } = rooms
      const { ticket, job, question } = await asked(socket, 'mention')
      await until('the plan is noted', 30_000, async () => ((await markersOn(ticket)).length > 0 ? true : undefined))
      await line.cut()
      try {
        await socket.fran.react(question.id, '✅')
        await endsDone(socket, job)
        expect(await markersOn(ticket)).toEqual([`sluice:${job}:plan`])
      } finally {
        await line.restore()
      }
      await isNoted(job, ticket)
      await stage.isDrained({ job, person: 'nico', ticket })
    })
  })

  describe('drain server65 while server63 is without power', { timeout: 180_000 }, () => {
    const alive = (name: string) =>
      until(`${name} is healthy again`, 120_000, async () => {
        const fresh = ((await stage.leaseAgeMs(name)) ?? LEASE_MS) < LEASE_MS / 2
        return fresh && (await stage.controlPlaneIsReady(name)) ? true : undefined
      })

    test('is refused for quorum as soon as its kubelet is silent, and nothing is cordoned', async () => {
      const { ask, look, nico } = rooms.matrix
      await powerOff('server63')
      try {
        await until('server63 is silent', 60_000, async () =>
          ((await stage.leaseAgeMs('server63')) ?? 0) > LEASE_MS ? true : undefined,
        )
        const job = await ask(nico, 'drain server65 on p10', 'mention')
        const card = await look('a refusal', (s) => cardOf(job)(s) && s.text.includes('refused'))
        expect(card.text).toContain('QUORUM')
        expect(card.text).toContain('server63')
        expect(card.mentions).toContain(nico.id)
        expect(await stage.cordoned()).toEqual([])
      } finally {
        await powerOn('server63')
        await alive('server63')
      }
      const planned = await ask(nico, 'drain server65 on p10', 'mention')
      const question = await look('with server63 back it is a question again', questionOf(planned))
      await rooms.matrix.fran.react(question.id, '❌')
      await look('denied', (s) => cardOf(planned)(s) && s.text.includes('refused'))
      expect(await stage.cordoned()).toEqual([])
    })
  })
})
