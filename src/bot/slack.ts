import { WebClient, type WebClientOptions } from '@slack/web-api'
import type { Chat, Health, Incoming } from './chat.ts'
import { chatError } from './chat-errors.ts'
import { acceptor, type SlackAids } from './slack-accept.ts'
import { type SlackClock, slackClock } from './slack-clock.ts'
import { slackError } from './slack-error.ts'
import type { Self } from './slack-events.ts'
import { type SlackHealth, slackHealth } from './slack-health.ts'
import { type Line, listen, type ListenOptions, slackLogger } from './slack-listen.ts'
import { type SlackState, slackMemory } from './slack-memory.ts'
import { type Missed, slackMissed } from './slack-missed.ts'
import { slackFaces } from './slack-outsiders.ts'
import type { Watched } from './slack-readback.ts'
import { slackSender } from './slack-send.ts'
import { turns } from './slack-turns.ts'
import { watchCalls } from './slack-watch.ts'

export type SlackOptions = ListenOptions & {
  /** Default https://slack.com/api/ */
  readonly apiUrl?: string
  /** One call of the Web API, in milliseconds. */
  readonly callTimeoutMs?: number
  /** How long a new socket may take to say hello, in milliseconds. */
  readonly helloLimitMs?: number
  /** How long after a refused token it is tried again, in milliseconds. */
  readonly authRetryMs?: number
  /** An outage shorter than this is not reported, in milliseconds. */
  readonly graceMs?: number
  readonly aids?: SlackAids
  /** With both, what was missed is read back at the start and after each drop. */
  readonly state?: SlackState
  /** Messages whose reactions count now. */
  readonly openQuestions?: () => Promise<readonly Watched[]>
}
export type SlackChat = Chat & {
  /** Where HTTP mode listens, after start. */
  readonly port: () => number | undefined
}

/**
 * Slack: one message a second and channel, short bursts allowed; chat.update and reactions.add are of tier 3, some 50 a minute and workspace.
 * https://docs.slack.dev/apis/web-api/rate-limits
 */
const TIER_3 = { burst: 10, everyMs: 1_500 }
const RATE: Chat['rate'] = { place: { burst: 4, everyMs: 1_000 }, edit: TIER_3, react: TIER_3 }

const CALL_TIMEOUT_MS = 10_000
const AUTH_RETRY_MS = 60_000

/**
 * The Slack adapter. Nothing connects before `start`. Throws CHAT-AUTH when a token of the mode is missing;
 * `start` throws CHAT-AUTH or CHAT-UNREACHABLE when Slack does not take the token.
 */
export async function openSlack(options: SlackOptions): Promise<SlackChat> {
  const clock = slackClock()
  const client = new WebClient(options.botToken, clientOptions(options, clock))
  let self: Promise<Self> | undefined
  const whoAmI = (): Promise<Self> => {
    self ??= askSelf(client).catch((error: unknown) => {
      self = undefined
      throw error
    })
    return self
  }
  let report: (health: Health) => void = () => {}
  const health = slackHealth((now) => report(now), options.graceMs)
  const calls = watchCalls(health, () => client.auth.test(), options.authRetryMs ?? AUTH_RETRY_MS)
  const sender = slackSender(client, whoAmI, calls.outcome)
  let line: Line | undefined
  let missed: Missed | undefined

  return {
    name: 'slack',
    can: { edit: true, buttons: true, threads: true, upload: true },
    rate: RATE,
    ...sender.says,
    link: async ({ place, id }) => (await client.chat.getPermalink({ channel: place.id, message_ts: id })).permalink,
    start: async (onIncoming, onHealth) => {
      report = onHealth ?? report
      const opening = { options, client, clock, health, onIncoming, sender }
      try {
        ;({ line, missed } = await open(opening, await whoAmI()))
      } catch (error) {
        const known = slackError(error, 'starting Slack')
        health.down('socket', known)
        throw known
      }
    },
    stop: async () => {
      const [ending, reading] = [line, missed]
      line = undefined
      missed = undefined
      health.close()
      calls.stop()
      await Promise.all([ending?.stop(), reading?.stop()])
    },
    port: () => line?.port(),
  }
}

type Opening = {
  readonly options: SlackOptions
  readonly client: WebClient
  readonly clock: SlackClock
  readonly health: SlackHealth
  readonly onIncoming: (incoming: Incoming) => Promise<void>
  readonly sender: ReturnType<typeof slackSender>
}

async function open(
  { options, client, clock, health, onIncoming, sender }: Opening,
  self: Self,
): Promise<{ readonly line: Line; readonly missed: Missed }> {
  const { log, aids = {} } = options
  const faces = slackFaces(client, self)
  const tell = async (incoming: Incoming): Promise<void> => {
    if (incoming.kind === 'delete' && incoming.own === true && sender.deleted(incoming.message)) return
    await onIncoming(await withFace(incoming, faces))
  }
  const memory = options.state === undefined ? undefined : slackMemory(options.state)
  const missed = slackMissed({
    ...(memory === undefined ? {} : { memory }),
    back: {
      client,
      self,
      clock,
      log,
      channels: aids.channels ?? (() => []),
      openQuestions: options.openQuestions ?? noQuestions,
    },
    tell,
  })
  const inTurn = turns()
  // events of one channel come beside each other, over HTTP each on a line of its own
  const tellInOrder = (incoming: Incoming): Promise<void> =>
    inTurn(incoming.place.id, () => missed.tellInOrder(incoming))
  const accept = acceptor({
    client,
    self,
    aids,
    faces,
    post: sender.says.post,
    tell,
    tellInOrder,
    log,
  })
  const { helloLimitMs, authRetryMs } = options
  const keeping = { log, health, onLost: missed.lost, onBack: missed.readBack, helloLimitMs, authRetryMs }
  const line = await listen(options, { accept, keeping, clientOptions: () => clientOptions(options) }).catch(
    async (error: unknown) => {
      await missed.stop()
      throw error
    },
  )
  health.up('socket')
  missed.readBack()
  return { line, missed }
}

const noQuestions = async (): Promise<readonly Watched[]> => []

/** Bots and outsiders are marked before the event is stored. What was edited or deleted is nobody's request. */
async function withFace(incoming: Incoming, faces: ReturnType<typeof slackFaces>): Promise<Incoming> {
  if (incoming.bot || incoming.kind === 'edit' || incoming.kind === 'delete') return incoming
  const { bot, outsider } = await faces(incoming.user)
  return { ...incoming, ...(bot ? { bot } : {}), ...(outsider === undefined ? {} : { outsider }) }
}

const clientOptions = (options: SlackOptions, clock?: SlackClock): WebClientOptions => ({
  ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
  ...(clock === undefined ? {} : { fetch: clock.fetch }),
  timeout: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
  rejectRateLimitedCalls: true,
  retryConfig: { retries: 0 },
  logger: slackLogger(options.log),
})

/** Who Sluice is in the workspace. Throws CHAT-AUTH | CHAT-UNREACHABLE | CHAT-LIMITED. */
async function askSelf(client: WebClient): Promise<Self> {
  const answer = await client.auth.test().catch((error: unknown) => {
    throw slackError(error, 'asking Slack who Sluice is')
  })
  if (answer.user_id === undefined || answer.team_id === undefined)
    throw chatError('CHAT-AUTH', 'asking Slack who Sluice is', 'auth.test named no user')
  return {
    user: answer.user_id,
    team: answer.team_id,
    botId: answer.bot_id ?? '',
    ...(answer.enterprise_id === undefined ? {} : { enterprise: answer.enterprise_id }),
  }
}
