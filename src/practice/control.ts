import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Stage } from './events.ts'
import { readJson } from './redmine.ts'

export type ControlOptions = {
  readonly token: string
  readonly stage: Stage
  /** The requests of the API servers, newest last. */
  readonly requests: () => readonly unknown[]
  readonly stop: () => void
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/**
 * The control endpoint: GET /alive keeps the world alive, GET /requests tells what the API servers were asked,
 * POST /event bends the world (events.ts), POST /stop ends it.
 */
export async function handleControl(
  options: ControlOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.headers.authorization !== `Bearer ${options.token}`) return send(response, 401, { error: 'wrong token' })
  const asked = `${request.method} ${request.url}`
  if (asked === 'GET /alive') return send(response, 200, { pid: process.pid })
  if (asked === 'GET /requests') return send(response, 200, options.requests())
  if (asked === 'POST /stop') {
    send(response, 200, { pid: process.pid })
    return options.stop()
  }
  if (asked !== 'POST /event') return send(response, 404, { error: `no ${asked}` })
  // zod is only loaded where an event comes: start-up stays short.
  const { EVENT, play } = await import('./events.ts')
  const event = EVENT.safeParse(await readJson(request))
  if (!event.success) return send(response, 400, { error: event.error.message })
  try {
    play(options.stage, event.data)
    return send(response, 200, { done: event.data.event })
  } catch (error) {
    return send(response, 422, { error: error instanceof Error ? error.message : String(error) })
  }
}
