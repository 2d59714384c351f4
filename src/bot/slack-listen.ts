import {
  App,
  HTTPReceiver,
  LogLevel,
  type Logger,
  type Receiver,
  type ReceiverEvent,
  SocketModeReceiver,
} from '@slack/bolt'
import type { WebClientOptions } from '@slack/web-api'
import type { Log } from '../log.ts'
import { chatError } from './chat-errors.ts'
import { type Keeping, keepConnected } from './slack-socket.ts'

export type ListenOptions = {
  readonly mode: 'socket' | 'http'
  readonly botToken: string
  readonly appToken?: string
  readonly signingSecret?: string
  readonly port?: number
  readonly host?: string
  readonly pingTimeoutMs?: number
  readonly log: Log
}
/** What brings events: it keeps itself alive until it is stopped. */
export type Line = { readonly stop: () => Promise<void>; readonly port: () => number | undefined }
type Accept = (event: ReceiverEvent) => Promise<void>
type Wiring = {
  readonly accept: Accept
  readonly keeping: Keeping
  /** A fresh object each time: Bolt writes into the options it is given. */
  readonly clientOptions: () => WebClientOptions
}

const PING_TIMEOUT_MS = 2_000
const STOP_LIMIT_MS = 1_000
const BODY_LIMIT_BYTES = 1_000_000

/** Opens the line of the mode. Throws CHAT-AUTH when its secret is missing or refused, CHAT-UNREACHABLE when Slack is not there. */
export const listen = (options: ListenOptions, wiring: Wiring): Promise<Line> =>
  options.mode === 'http' ? listenHttp(options, wiring) : listenSocket(options, wiring)

function boltApp(options: ListenOptions, receiver: Receiver, { accept, clientOptions }: Wiring): App {
  const app = new App({
    token: options.botToken,
    receiver,
    convoStore: false,
    tokenVerificationEnabled: false,
    clientOptions: clientOptions(),
    logger: slackLogger(options.log),
  })
  // Bolt acknowledges an event before anybody has seen it; ours is acknowledged when it is stored.
  app.processEvent = accept
  return app
}

async function listenHttp(options: ListenOptions, wiring: Wiring): Promise<Line> {
  if (options.signingSecret === undefined)
    throw chatError('CHAT-AUTH', 'starting Slack', 'HTTP mode needs the signing secret')
  const receiver = new HTTPReceiver({
    signingSecret: options.signingSecret,
    logger: slackLogger(options.log),
    bodyLimit: BODY_LIMIT_BYTES,
    dispatchErrorHandler: notFound,
  })
  boltApp(options, receiver, wiring)
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

async function listenSocket(options: ListenOptions, wiring: Wiring): Promise<Line> {
  if (options.appToken === undefined)
    throw chatError('CHAT-AUTH', 'starting Slack', 'Socket Mode needs the app-level token')
  const receiver = new SocketModeReceiver({
    appToken: options.appToken,
    clientPingTimeout: options.pingTimeoutMs ?? PING_TIMEOUT_MS,
    autoReconnectEnabled: false,
    logger: slackLogger(options.log),
    installerOptions: { clientOptions: wiring.clientOptions() },
  })
  boltApp(options, receiver, wiring)
  return { stop: await keepConnected(receiver.client, wiring.keeping), port: () => undefined }
}

/** Anything but a POST to /slack/events. */
const notFound: NonNullable<ConstructorParameters<typeof HTTPReceiver>[0]['dispatchErrorHandler']> = ({ response }) => {
  response.writeHead(404).end()
}

/** Bolt's words at debug level: what matters is logged by us. An address of the socket lets its bearer in. */
export function slackLogger(log: Log): Logger {
  const say = (...words: unknown[]): void =>
    log.debug(
      {
        slack: words
          .map(String)
          .join(' ')
          .replace(/\bticket=[^&\s"']+/g, 'ticket=[secret]'),
      },
      'bolt',
    )
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
