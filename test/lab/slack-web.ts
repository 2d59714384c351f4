import type { IncomingMessage, ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import { METHODS } from './slack-api.ts'
import type { Call } from './slack-replay.ts'
import type { Answer, SlackState } from './slack-state.ts'

export type Wire = {
  readonly state: SlackState
  readonly tokens: { bot: string; app: string }
  readonly faults: {
    limitedUntilMs: number
    refuseApp: string
    /** The error that every call answers. */
    refuseAll: string
    hang: boolean
    breakAll: boolean
    lose: Map<string, number>
    break: Map<string, number>
  }
  /** What was sent to response URLs. */
  readonly responses: Record<string, unknown>[]
  /** Tickets of the sockets' addresses: who has one may listen. */
  readonly tickets: string[]
  readonly calls: Call[]
  readonly onCall: (method: string, args: Readonly<Record<string, string>>) => void
}

/** One call of the Web API, with the faults a test asked for. */
export async function answer(request: IncomingMessage, response: ServerResponse, wire: Wire): Promise<void> {
  const body = await bodyOf(request)
  const url = new URL(request.url ?? '/', 'http://lab')
  const file = /^\/upload\/(\w+)$/.exec(url.pathname)?.[1]
  if (file !== undefined) return void response.end(takeFile(wire.state, file, body))
  if (url.pathname === '/response') {
    wire.responses.push(JSON.parse(body) as Record<string, unknown>)
    return void response.end('ok')
  }
  const method = url.pathname.replace(/^\/api\//, '')
  const args = Object.fromEntries(new URLSearchParams(body))
  const call: Call = { method, args }
  wire.calls.push(call)
  wire.onCall(method, args)
  if (wire.faults.hang) return
  const restMs = wire.faults.limitedUntilMs - Date.now()
  if (restMs > 0) return void response.writeHead(429, { 'retry-after': String(Math.ceil(restMs / 1000)) }).end()
  if (wire.faults.breakAll || countDown(wire.faults.break, method)) return void response.writeHead(500).end('oops')
  const result = perform(method, args, String(request.headers.authorization ?? ''), wire)
  call.ok = result.ok
  if (result.ok && typeof result['ts'] === 'string') call.ts = result['ts']
  if (!result.ok && VIOLATIONS.has(result.error))
    wire.state.violations.push(`${method}: ${result.error} ${JSON.stringify(result)}`)
  if (countDown(wire.faults.lose, method)) return void request.socket.destroy()
  response
    .writeHead(200, { 'content-type': 'application/json', 'x-oauth-scopes': [...wire.state.scopes].join(',') })
    .end(JSON.stringify(result))
}

/** Errors that only a fault of the app can bring about. */
const VIOLATIONS = new Set([
  'invalid_blocks',
  'msg_blocks_too_long',
  'msg_too_long',
  'invalid_arguments',
  'unknown_method',
  'invalid_metadata_format',
  'no_text',
  'invalid_name',
])

function countDown(counts: Map<string, number>, method: string): boolean {
  const left = counts.get(method) ?? 0
  if (left > 0) counts.set(method, left - 1)
  return left > 0
}

function takeFile(state: SlackState, id: string, body: string): string {
  const file = state.files.get(id)
  if (file === undefined) return 'no such file'
  file.text = body
  return `OK - ${file.length}`
}

function perform(
  method: string,
  given: Record<string, string>,
  authorization: string,
  { state, tokens, faults, tickets }: Wire,
): Answer {
  const { token: formToken, team_id: _team, ...args } = given
  const token = authorization.replace(/^Bearer /, '') || formToken || ''
  if (token === '') return { ok: false, error: 'not_authed' }
  if (faults.refuseAll !== '') return { ok: false, error: faults.refuseAll }
  if (method === 'apps.connections.open') {
    if (token !== tokens.app) return { ok: false, error: 'invalid_auth' }
    if (faults.refuseApp !== '') return { ok: false, error: faults.refuseApp }
    const ticket = randomUUID()
    tickets.push(ticket)
    return { ok: true, url: `${state.base.replace('http', 'ws')}/link/?ticket=${ticket}` }
  }
  if (token !== tokens.bot)
    return { ok: false, error: token === tokens.app ? 'not_allowed_token_type' : 'invalid_auth' }
  const known = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined
  if (known === undefined) return { ok: false, error: 'unknown_method', req_method: method }
  const needed =
    typeof known.scopes === 'function' ? known.scopes(state.channels.get(args['channel'] ?? '')) : known.scopes
  const missing = needed.find((scope) => !state.scopes.has(scope))
  if (missing !== undefined)
    return { ok: false, error: 'missing_scope', needed: missing, provided: [...state.scopes].join(',') }
  const strange = Object.keys(args).filter((name) => !known.args.includes(name))
  if (strange.length > 0)
    return {
      ok: false,
      error: 'invalid_arguments',
      response_metadata: { messages: strange.map((n) => `[ERROR] no such argument: ${n}`) },
    }
  return known.run(args, state)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}
