import { freePort } from '../../lab/port.ts'
import { type Asked, type Front, frontTo, type Way } from '../../lab/front.ts'
import { matrixState } from '../../../src/store/matrix-state.ts'
import type { Store } from '../../../src/store/store.ts'
import { attachSynapse } from '../../lab/matrix-user.ts'
import { relayTo } from '../../lab/relay.ts'
import type { SynapseData } from '../../lab/synapse.ts'
import { matrixWorld } from '../matrix-world.ts'
import { slackWorld } from '../slack-world.ts'
import type { Stage, Trouble } from './suite.ts'

/** What every chat platform on a wire can bring. */
export const ON_A_WIRE: readonly (keyof Trouble)[] = [
  'program',
  'bridge',
  'replay',
  'limit',
  'outage',
  'takeAway',
  'giveUp',
  'crowd',
]

export async function slackStage(mode: 'socket' | 'http'): Promise<Stage> {
  const world = await slackWorld(mode)
  const { lab, place, robot } = world
  // a whole bot stores an event before it acknowledges it: more than the few milliseconds of the adapter's tests
  lab.ackWithin(3_000)
  const port = await freePort()
  if (mode === 'http') lab.sendTo(`http://127.0.0.1:${port}/slack/events`)
  return {
    world,
    settings: (secret) => ({
      slack: {
        mode,
        botToken: secret(lab.botToken),
        appToken: secret(lab.appToken),
        signingSecret: secret(lab.signingSecret),
        apiUrl: lab.apiUrl,
        listen: { host: '127.0.0.1', port },
      },
    }),
    trouble: {
      program: async (text) => lab.say(robot.id, place.id, text, { bot: true, subtype: 'bot_message' }),
      bridge: robot.say,
      replay: async () => {
        const told = new Map(lab.deliveries.map(({ payload }) => [JSON.stringify(payload['event_id']), payload]))
        told.delete('undefined')
        await Promise.all([...told.values()].map((payload) => lab.redeliver(payload)))
      },
      limit: (ms) => lab.limit(ms / 1_000),
      outage: (on) => (on ? lab.kill() : lab.restart()),
      giveUp: lab.loseEvents,
      // over HTTP each event is a request of its own
      ordered: mode === 'socket',
      takeAway: async (message) => lab.remove(place.id, message),
    },
  }
}

/** A front that a scenario makes slow, or lets repeat itself. */
function troubled(front: Front): { readonly limit: (ms: number) => void; readonly repeat: () => void } {
  const again: Way[] = []
  let limitedUntilMs = 0
  front.decide(({ method, path }: Asked): Way => {
    const restMs = limitedUntilMs - Date.now()
    if (restMs > 0 && method !== 'GET') {
      const body = JSON.stringify({ errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', retry_after_ms: restMs })
      return { status: 429, headers: { 'content-type': 'application/json' }, body }
    }
    return (isSync(path) && path.includes('since=') ? again.shift() : undefined) ?? 'pass'
  })
  return {
    limit: (ms) => {
      limitedUntilMs = Date.now() + ms
    },
    repeat: () =>
      void again.push(...front.answers.filter(({ path, body }) => isSync(path) && body.includes('"event_id"'))),
  }
}
const isSync = (path: string): boolean => path.includes('/sync?')

/** `encrypted`: the room is, from its beginning, and the people's clients are able. */
export async function matrixStage(
  synapse: SynapseData,
  version: string,
  store: Store,
  encrypted = false,
): Promise<Stage> {
  const front = await frontTo(synapse.url)
  const line = await relayTo({ host: '127.0.0.1', port: Number(new URL(front.url).port) })
  const world = await matrixWorld(synapse, version, { encrypted })
  const { users, place, robot, bot } = world
  const { next_batch } = await bot.request('GET', '/sync?timeout=0')
  const { limit, repeat } = troubled(front)
  return {
    world,
    settings: (secret) => ({
      matrix: {
        homeserver: `http://127.0.0.1:${line.port}`,
        accessToken: secret(bot.token),
        userId: bot.id,
        bridges: ['@robot-*:lab.test'],
        rate: 'none',
      },
    }),
    trouble: {
      program: async (text) => {
        const other = await attachSynapse(synapse).user('otherbot')
        await users.nico.invite(place.id, other.id)
        await other.join(place.id)
        await other.send(place.id, { msgtype: 'm.notice', body: text })
      },
      bridge: robot.say,
      replay: async () => {
        repeat()
        await matrixState(store).save('token', String(next_batch))
      },
      limit,
      outage: (on) => (on ? line.cut() : line.restore()),
      giveUp: () => {},
      takeAway: (message) => users.nico.redact(place.id, message),
    },
    stop: async () => {
      await line.stop()
      await front.stop()
    },
  }
}
