import { freePort } from '../lab/port.ts'
import type { RedmineData } from '../lab/redmine.ts'
import { type Relay, relayTo } from '../lab/relay.ts'
import type { SynapseData } from '../lab/synapse.ts'
import { type Bot, type Files, POLICIES, startBot } from './bot-process.ts'
import { type ChatRoom, type MatrixRoom, matrixRoom, type SlackRoom, slackRoom } from './chat-room.ts'

export type Rooms = {
  /** One room of the first bot: in Matrix, and in Slack by Socket Mode. */
  readonly matrix: MatrixRoom
  readonly socket: SlackRoom
  /** The room of a second bot, told by signed HTTP. */
  readonly http: SlackRoom
  /** The bots' line to Redmine. */
  readonly redmine: Relay
  readonly stop: () => Promise<void>
}
type On = {
  readonly kubeconfig: string
  readonly uid: string
  readonly redmine: RedmineData
  readonly synapse: SynapseData
}

/** Two bots, each a process of its own, and the people of three rooms. */
export async function openRooms(on: On): Promise<Rooms> {
  const line = await relayTo({ host: '127.0.0.1', port: Number(new URL(on.redmine.url).port) })
  const [matrix, socket, http] = await Promise.all([matrixRoom(on.synapse), slackRoom('socket'), slackRoom('http')])
  const bots: Bot[] = []
  const rooms: Rooms = {
    matrix,
    socket,
    http,
    redmine: line,
    stop: async () => {
      await Promise.all(bots.map((bot) => bot.stop()))
      await Promise.all([matrix.stop(), socket.stop(), http.stop(), line.stop()])
    },
  }
  try {
    bots.push(...(await Promise.all([startOnBoth(on, rooms), startOnHttp(on, rooms)])))
    return rooms
  } catch (error) {
    await rooms.stop()
    throw error
  }
}

const common = ({ kubeconfig, uid }: On, { redmine, matrix }: Rooms, slack: ChatRoom): Files => ({
  sluice: { redmine: { url: `http://127.0.0.1:${redmine.port}`, apiKey: 'env:E2E_REDMINE' } },
  people: Object.fromEntries(
    (['nico', 'fran'] as const).map((name) => [
      name,
      { title: name, groups: ['operators'], slack: slack[name].id, matrix: matrix[name].id },
    ]),
  ),
  clusters: [
    {
      name: 'p10',
      aliases: ['place10'],
      type: 'production',
      purpose: 'production',
      rook: true,
      masters: ['server63', 'server65', 'server83'],
      nodes: ['server22', 'server23', 'server24'],
      credentials: { kubeconfig },
      uid,
    },
  ],
  policies: POLICIES,
})

function startOnBoth(on: On, rooms: Rooms): Promise<Bot> {
  const { matrix, socket } = rooms
  const files = common(on, rooms, socket)
  const sluice = {
    ...files.sluice,
    rooms: { ops: { slack: socket.place, matrix: matrix.place } },
    slack: { mode: 'socket', botToken: 'env:E2E_SLACK_BOT', appToken: 'env:E2E_SLACK_APP', apiUrl: socket.lab.apiUrl },
    matrix: { homeserver: on.synapse.url, accessToken: 'env:E2E_MATRIX', userId: matrix.bot },
  }
  return startBot(
    { ...files, sluice },
    {
      E2E_REDMINE: on.redmine.botKey,
      E2E_SLACK_BOT: socket.lab.botToken,
      E2E_SLACK_APP: socket.lab.appToken,
      E2E_MATRIX: matrix.token,
    },
  )
}

async function startOnHttp(on: On, rooms: Rooms): Promise<Bot> {
  const { http } = rooms
  const files = common(on, rooms, http)
  const port = await freePort()
  const sluice = {
    ...files.sluice,
    rooms: { ops: { slack: http.place } },
    slack: {
      mode: 'http',
      botToken: 'env:E2E_SLACK_BOT',
      signingSecret: 'env:E2E_SLACK_SIGNING',
      apiUrl: http.lab.apiUrl,
      listen: { host: '127.0.0.1', port },
    },
  }
  http.lab.sendTo(`http://127.0.0.1:${port}/slack/events`)
  return startBot(
    { ...files, sluice },
    {
      E2E_REDMINE: on.redmine.botKey,
      E2E_SLACK_BOT: http.lab.botToken,
      E2E_SLACK_SIGNING: http.lab.signingSecret,
    },
  )
}
