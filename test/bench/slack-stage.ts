import { until } from '../lab/process.ts'
import { bringSlack, type SlackLab } from '../lab/slack.ts'
import { numbers } from './watcher.ts'

/** A workspace for one bot, and nico in it. */
export type SlackStage = {
  readonly lab: SlackLab
  readonly nico: string
  /** Milliseconds from a mention until the call that answers it. Throws Error when there is none. */
  readonly ask: (channel: string) => Promise<number>
  /** Cuts the socket; milliseconds until a new one stands. */
  readonly drop: () => Promise<number>
}

const REPLY_LIMIT_MS = 20_000
const RECONNECT_LIMIT_MS = 30_000

export async function slackStage(): Promise<SlackStage> {
  const lab = await bringSlack({ isReplayed: false })
  const heard = numbers()
  lab.onCall((method, args) => {
    if (method === 'chat.postMessage') heard.seen(`${args['text'] ?? ''} ${args['blocks'] ?? ''}`)
  })
  const nico = lab.user('nico')
  let count = 10_000
  const opened = (): number => lab.calls.filter((call) => call.method === 'apps.connections.open').length
  return {
    lab,
    nico,
    ask: async (channel) => {
      const number = ++count
      const startMs = performance.now()
      const answered = heard.wait(number, REPLY_LIMIT_MS)
      lab.say(nico, channel, `<@${lab.bot.user}> job ${number}`)
      return (await answered) - startMs
    },
    drop: async () => {
      const before = opened()
      const startMs = performance.now()
      lab.dropSockets()
      await until('a new Slack socket', RECONNECT_LIMIT_MS, () =>
        opened() > before && lab.connected() > 0 ? true : undefined,
      )
      return performance.now() - startMs
    },
  }
}
