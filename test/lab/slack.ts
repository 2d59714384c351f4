import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Flags, SlackState } from './slack-state.ts'
import { textOf } from './slack-blocks.ts'
import { makeDelivery } from './slack-delivery.ts'
import { manifestScopes } from './slack-manifest.ts'
import { people } from './slack-people.ts'
import { type Call, replay } from './slack-replay.ts'
import { answer } from './slack-web.ts'

/**
 * Slack's wire, made here: Web API, Socket Mode and signed HTTP events, with people who act and faults that happen.
 * It listens on a free port of 127.0.0.1 and is up in about 15 ms; a test brings its own.
 */
export type SlackLab = Awaited<ReturnType<typeof bringSlack>>

export async function bringSlack(
  options: {
    readonly scopes?: readonly string[]
    /** False where so much is said that saying it once more would take long. */
    readonly isReplayed?: boolean
  } = {},
) {
  const state = newState(options.scopes ?? manifestScopes())
  const tokens = {
    bot: `xoxb-lab-${randomUUID()}`,
    app: `xapp-lab-${randomUUID()}`,
    signingSecret: randomUUID().replaceAll('-', ''),
  }
  const faults = {
    limitedUntilMs: 0,
    hang: false,
    refuseApp: '',
    refuseAll: '',
    breakAll: false,
    lose: new Map<string, number>(),
    break: new Map<string, number>(),
    noHello: false,
  }
  const calls: Call[] = []
  const responses: Record<string, unknown>[] = []
  const tickets: string[] = []
  const listeners: ((method: string, args: Readonly<Record<string, string>>) => void)[] = []
  const onCall = (method: string, args: Readonly<Record<string, string>>) =>
    listeners.forEach((heard) => heard(method, args))
  const sockets = new Set<WebSocket>()
  const connections = new Set<Duplex>()
  const delivery = makeDelivery(sockets, tokens.signingSecret)
  Object.assign(state, { emit: (event: Record<string, unknown>) => void delivery.event(state, event) })

  const server = createServer((request, response) => {
    void answer(request, response, { state, tokens, faults, calls, responses, tickets, onCall })
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
  const listenOn = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listenOn(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  state.base = `http://127.0.0.1:${port}`
  const cutAll = () => {
    for (const ws of sockets) ws.terminate()
    for (const socket of connections) socket.destroy()
  }

  return {
    apiUrl: `${state.base}/api/`,
    botToken: tokens.bot,
    appToken: tokens.app,
    signingSecret: tokens.signingSecret,
    team: state.team,
    bot: state.bot,
    calls,
    /** Told of every call at the moment it comes in. */
    onCall: (heard: (typeof listeners)[number]) => void listeners.push(heard),
    connected: () => sockets.size,
    deliveries: delivery.done,
    /** What went to response URLs, and the views that people see. */
    responses,
    tickets,
    views: state.views,
    /** What the app may not have sent; a test that means it takes them out. */
    violations: state.violations,
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
    fileText: (name: string) => [...state.files.values()].find((f) => f.name === name)?.text,
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
    /** The token is revoked: every call answers this error, and the sockets are closed, until it is set back to ''. */
    refuseAll: (error: string) => {
      faults.refuseAll = error
      if (error !== '') for (const ws of sockets) ws.close()
    },
    /** Every call answers HTTP 500. */
    breakAll: (on: boolean) => {
      faults.breakAll = on
    },
    /** No call is answered, no ping either; letting go cuts what hung. */
    hang: (on: boolean) => {
      faults.hang = on
      if (on) for (const ws of sockets) ws.pause()
      else cutAll()
    },
    /** The server is gone; `restart` brings it back on its port with all it knew. */
    kill: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      cutAll()
      await closed
    },
    restart: () => listenOn(port),
    setFlags: (user: string, flags: Flags) => {
      const found = state.users.get(user)
      if (found !== undefined) found.flags = flags
    },
    noHello: (on: boolean) => {
      faults.noHello = on
    },
    /** An event once more, as it was. */
    redeliver: (payload: Record<string, unknown>) => delivery.send('events_api', payload),
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
    /** Throws when the app sent something that Slack, or the Slack that others wrote, would not take. */
    stop: async () => {
      delivery.stop()
      cutAll()
      await new Promise((resolve) => server.close(resolve))
      if (options.isReplayed !== false) state.violations.push(...(await replay(calls)))
      if (state.violations.length > 0)
        throw new Error(`Slack would not have taken this:\n${state.violations.join('\n')}`)
    },
  }
}

function newState(scopes: readonly string[]): SlackState {
  let newest = 0
  return {
    team: 'T0LAB',
    bot: { user: 'U0SLUICE', botId: 'B0SLUICE', name: 'sluice' },
    users: new Map([['U0SLUICE', { id: 'U0SLUICE', name: 'sluice', bot: true, flags: {} }]]),
    views: new Map(),
    triggers: new Map(),
    violations: [],
    channels: new Map(),
    scopes: new Set(scopes),
    files: new Map(),
    base: '',
    nextTs: () => {
      // Slack's time in microseconds, each one later than the one before
      newest = Math.max(newest + 1, Date.now() * 1000)
      return `${Math.floor(newest / 1_000_000)}.${String(newest % 1_000_000).padStart(6, '0')}`
    },
    emit: () => {},
  }
}
