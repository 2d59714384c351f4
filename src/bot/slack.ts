import {
  App,
  HTTPReceiver,
  LogLevel,
  type Logger,
  type Receiver,
  type ReceiverEvent,
  SocketModeReceiver,
} from '@slack/bolt'
import { WebClient } from '@slack/web-api'
import type { Log } from '../log.ts'
import type { Chat, Incoming } from './chat.ts'
import { chatError } from './chat-errors.ts'
import { incomingOf, type Self } from './slack-events.ts'
import { slackError } from './slack-error.ts'
import { slackSender } from './slack-send.ts'
import { keepConnected } from './slack-socket.ts'

export type SlackOptions = {
  readonly mode: 'socket' | 'http'
  readonly botToken: string
  /** For Socket Mode: the app-level token (`xapp-`, scope connections:write). */
  readonly appToken?: string
  /** For HTTP: what Slack signs its requests with. */
  readonly signingSecret?: string
  /** Default https://slack.com/api/ */
  readonly apiUrl?: string
  readonly port?: number
  readonly host?: string
  /** One call of the Web API, in milliseconds. */
  readonly callTimeoutMs?: number
  /** The socket's ping; a peer that is silent for longer is taken as gone. Milliseconds. */
  readonly pingTimeoutMs?: number
  /** How long a new socket may take to say hello, in milliseconds. */
  readonly helloLimitMs?: number
  readonly log: Log
}
export type SlackChat = Chat & {
  /** Where HTTP mode listens, after start. */
  readonly port: () => number | undefined
}

const CALL_TIMEOUT_MS = 10_000
const PING_TIMEOUT_MS = 2_000
const STOP_LIMIT_MS = 1_000
const BODY_LIMIT_BYTES = 1_000_000

/**
 * The Slack adapter. Nothing connects before `start`. Throws CHAT-AUTH when a token of the mode is missing;
 * `start` throws CHAT-AUTH or CHAT-UNREACHABLE when Slack does not take the token.
 */
export async function openSlack(options: SlackOptions): Promise<SlackChat> {
  const { log } = options
  const client = new WebClient(options.botToken, clientOptions(options))
  let self: Promise<Self> | undefined
  const whoAmI = (): Promise<Self> => {
    self ??= askSelf(client).catch((error: unknown) => {
      self = undefined
      throw slackError(error, 'asking Slack who Sluice is')
    })
    return self
  }
  let line: Line | undefined

  return {
    name: 'slack',
    can: { edit: true, buttons: true, threads: true, upload: true },
    rate: { place: { burst: 1, everyMs: 1_100 } },
    ...slackSender(client, whoAmI),
    link: async ({ place, id }) => (await client.chat.getPermalink({ channel: place.id, message_ts: id })).permalink,
    start: async (onIncoming) => {
      const me = await whoAmI()
      line = await listen(options, acceptor(me, onIncoming, log))
    },
    stop: async () => {
      const ending = line
      line = undefined
      await ending?.stop()
    },
    port: () => line?.port(),
  }
}

/** A fresh object each time: Bolt writes into the options it is given. */
const clientOptions = (options: SlackOptions) => ({
  ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
  timeout: options.callTimeoutMs ?? CALL_TIMEOUT_MS,
  rejectRateLimitedCalls: true,
  retryConfig: { retries: 0 },
  logger: slackLogger(options.log),
})

async function askSelf(client: WebClient): Promise<Self> {
  const answer = await client.auth.test()
  if (answer.user_id === undefined || answer.team_id === undefined)
    throw chatError('CHAT-AUTH', 'asking Slack who Sluice is', 'auth.test named no user')
  return { user: answer.user_id, team: answer.team_id, botId: answer.bot_id ?? '' }
}

/** Stores what happened, then acknowledges. A failed store leaves the event unacknowledged, so that Slack sends it again. */
function acceptor(self: Self, onIncoming: (incoming: Incoming) => Promise<void>, log: Log) {
  return async ({ body, ack }: ReceiverEvent): Promise<void> => {
    try {
      for (const incoming of incomingOf(body, self, Date.now())) await onIncoming(incoming)
    } catch (error) {
      log.error({ error: String(error) }, 'a Slack event could not be stored; it is not acknowledged')
      throw error
    }
    await ack()
  }
}

type Line = { readonly stop: () => Promise<void>; readonly port: () => number | undefined }
type Accept = (event: ReceiverEvent) => Promise<void>

const listen = (options: SlackOptions, accept: Accept): Promise<Line> =>
  options.mode === 'http' ? listenHttp(options, accept) : listenSocket(options, accept)

function boltApp(options: SlackOptions, receiver: Receiver, accept: Accept): App {
  const app = new App({
    token: options.botToken,
    receiver,
    convoStore: false,
    tokenVerificationEnabled: false,
    clientOptions: clientOptions(options),
    logger: slackLogger(options.log),
  })
  // Bolt acknowledges an event before anybody has seen it; ours is acknowledged when it is stored.
  app.processEvent = accept
  return app
}

async function listenHttp(options: SlackOptions, accept: Accept): Promise<Line> {
  if (options.signingSecret === undefined)
    throw chatError('CHAT-AUTH', 'starting Slack', 'HTTP mode needs the signing secret')
  const logger = slackLogger(options.log)
  const receiver = new HTTPReceiver({
    signingSecret: options.signingSecret,
    logger,
    bodyLimit: BODY_LIMIT_BYTES,
    dispatchErrorHandler: notFound,
  })
  boltApp(options, receiver, accept)
  const server = await receiver.start({ port: options.port ?? 3000, host: options.host ?? '127.0.0.1' })
  const address = server.address()
  return {
    stop: async () => {
      const closed = receiver.stop()
      // What has not been stored by then stays unacknowledged and is sent again.
      const late = setTimeout(() => server.closeAllConnections(), STOP_LIMIT_MS)
      await closed
      clearTimeout(late)
    },
    port: () => (typeof address === 'object' && address !== null ? address.port : undefined),
  }
}

async function listenSocket(options: SlackOptions, accept: Accept): Promise<Line> {
  if (options.appToken === undefined)
    throw chatError('CHAT-AUTH', 'starting Slack', 'Socket Mode needs the app-level token')
  const receiver = new SocketModeReceiver({
    appToken: options.appToken,
    clientPingTimeout: options.pingTimeoutMs ?? PING_TIMEOUT_MS,
    autoReconnectEnabled: false,
    logger: slackLogger(options.log),
    installerOptions: { clientOptions: clientOptions(options) },
  })
  boltApp(options, receiver, accept)
  return { stop: await keepConnected(receiver.client, options.log, options.helloLimitMs), port: () => undefined }
}

/** Anything but a POST to /slack/events. */
const notFound: NonNullable<ConstructorParameters<typeof HTTPReceiver>[0]['dispatchErrorHandler']> = ({ response }) => {
  response.writeHead(404).end()
}

/** Bolt's words at debug level: what matters is logged by us. */
function slackLogger(log: Log): Logger {
  const say = (...words: unknown[]) => log.debug({ slack: words.map(String).join(' ') }, 'bolt')
  return {
    debug: () => {},
    info: say,
    warn: say,
    error: say,
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  }
}
