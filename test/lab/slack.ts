import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { SlackState } from './slack-state.ts'
import { textOf } from './slack-blocks.ts'
import { makeDelivery } from './slack-delivery.ts'
import { people } from './slack-people.ts'
import { answer } from './slack-web.ts'

/**
 * Slack's wire, made here: Web API, Socket Mode and signed HTTP events, with people who act and faults that happen.
 * It listens on a free port of 127.0.0.1 and is up in about 15 ms; a test brings its own.
 */
export type SlackLab = Awaited<ReturnType<typeof bringSlack>>

const SCOPES = [
  'app_mentions:read',
  'channels:history',
  'channels:read',
  'chat:write',
  'commands',
  'files:write',
  'im:history',
  'im:write',
  'reactions:read',
  'reactions:write',
  'users:read',
]
export async function bringSlack(options: { readonly scopes?: readonly string[] } = {}) {
  const state = newState(options.scopes ?? SCOPES)
  const tokens = {
    bot: `xoxb-lab-${randomUUID()}`,
    app: `xapp-lab-${randomUUID()}`,
    signingSecret: randomUUID().replaceAll('-', ''),
  }
  const faults = {
    limitedUntilMs: 0,
    hang: false,
    refuseApp: '',
    lose: new Map<string, number>(),
    break: new Map<string, number>(),
    noHello: false,
  }
  const calls: { method: string; args: Record<string, string> }[] = []
  const sockets = new Set<WebSocket>()
  const connections = new Set<Duplex>()
  const delivery = makeDelivery(sockets, tokens.signingSecret)
  Object.assign(state, { emit: (event: Record<string, unknown>) => delivery.event(state, event) })

  const server = createServer((request, response) => {
    void answer(request, response, { state, tokens, faults, calls })
  })
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
  })
  const wss = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    wss.handleUpgrade(request, socket, head, (ws) => {
      sockets.add(ws)
      ws.on('close', () => {
        sockets.delete(ws)
        delivery.closed(ws)
      })
      ws.on('message', (data: Buffer) => delivery.acked(data.toString()))
      if (!faults.noHello)
        ws.send(
          JSON.stringify({ type: 'hello', num_connections: sockets.size, connection_info: { app_id: 'A0SLUICE' } }),
        )
      delivery.flush()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  state.base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`

  return {
    apiUrl: `${state.base}/api/`,
    botToken: tokens.bot,
    appToken: tokens.app,
    signingSecret: tokens.signingSecret,
    team: state.team,
    bot: state.bot,
    calls,
    connected: () => sockets.size,
    deliveries: delivery.done,
    /** Events go to this URL, signed, in place of the socket. */
    sendTo: delivery.sendTo,
    ...people(state, delivery),
    messages: (channel: string) =>
      (state.channels.get(channel)?.messages ?? []).map((m) => ({
        ...m,
        seen: [
          m.blocks.length === 0 ? m.text : textOf(m.blocks),
          ...(m.files ?? []).map((f) => `[file ${f.name}]`),
        ].join(''),
      })),
    /** Every call answers 429 for so many seconds. */
    limit: (seconds: number) => {
      faults.limitedUntilMs = Date.now() + seconds * 1000
    },
    /** Carries out the next n calls of a method, but the answer never arrives. */
    loseAnswers: (method: string, n = 1) => void faults.lose.set(method, n),
    /** The next n calls of a method answer HTTP 500 and do nothing. */
    breakCalls: (method: string, n = 1) => void faults.break.set(method, n),
    /** apps.connections.open answers this error until it is set back to ''. */
    refuseApp: (error: string) => {
      faults.refuseApp = error
    },
    noHello: (on: boolean) => {
      faults.noHello = on
    },
    /** Cuts every socket, as a network does. */
    dropSockets: () => {
      for (const ws of sockets) ws.terminate()
    },
    /** Asks politely, as Slack does when it moves a connection. */
    refreshSockets: () => {
      for (const ws of sockets) ws.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }))
    },
    /** The peer is gone without a word: pings are not answered any more. */
    hangSockets: () => {
      for (const ws of sockets) ws.pause()
    },
    stop: async () => {
      delivery.stop()
      for (const ws of sockets) ws.terminate()
      for (const socket of connections) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function newState(scopes: readonly string[]): SlackState {
  let count = 0
  const startS = Math.floor(Date.now() / 1000)
  return {
    team: 'T0LAB',
    bot: { user: 'U0SLUICE', botId: 'B0SLUICE', name: 'sluice' },
    users: new Map([['U0SLUICE', { id: 'U0SLUICE', name: 'sluice', bot: true }]]),
    channels: new Map(),
    scopes: new Set(scopes),
    files: new Map(),
    base: '',
    nextTs: () => `${startS}.${String(++count).padStart(6, '0')}`,
    emit: () => {},
  }
}
