import type { IncomingMessage, ServerResponse } from 'node:http'
import { isObject, type Json, type JsonObject, parseJson, textAt } from './json.ts'

type Journal = { readonly id: number; readonly notes: string; readonly created_on: string }
export type TicketSeed = { readonly id: number; readonly subject: string; readonly open: boolean }
type Issue = TicketSeed & { readonly journals: Journal[] }

const TICKETS: readonly TicketSeed[] = [
  { id: 1234, subject: 'server23 gets a new disk', open: true },
  { id: 1300, subject: 'server84 reboots by itself', open: true },
  { id: 2000, subject: 'p10: renew the certificates', open: false },
]
const PERSON = { id: 1, name: 'Sluice practice' }

/** A small Redmine: issues, their notes, and who a key belongs to (Redmine REST API, JSON only). */
export class PracticeRedmine {
  /** Answers 503 to everything while true. */
  isDown = false
  readonly apiKey: string
  readonly #issues = new Map<number, Issue>()

  constructor(apiKey: string) {
    this.apiKey = apiKey
    for (const seed of TICKETS) this.put(seed)
  }

  /** Adds a ticket, or changes its subject and state. */
  put(seed: TicketSeed): void {
    this.#issues.set(seed.id, { ...seed, journals: this.#issues.get(seed.id)?.journals ?? [] })
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://practice')
    if (this.isDown) return send(response, 503, {})
    const key = request.headers['x-redmine-api-key'] ?? query.get('key')
    if (key !== this.apiKey) return send(response, 401, {})
    const [, id] = /^\/issues\/(\d+)\.json$/.exec(pathname) ?? []
    if (id !== undefined) return this.#issue(Number(id), request, response, query)
    if (request.method !== 'GET') return send(response, 404, {})
    if (pathname === '/users/current.json')
      return send(response, 200, { user: { ...PERSON, login: 'sluice', admin: false } })
    if (pathname !== '/issues.json') return send(response, 404, {})
    const issues = [...this.#issues.values()].filter((issue) => issue.open || query.get('status_id') === '*')
    const shown = issues.map((issue) => show(issue, false))
    return send(response, 200, { issues: shown, total_count: shown.length, offset: 0, limit: 25 })
  }

  async #issue(id: number, request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const issue = this.#issues.get(id)
    if (!issue) return send(response, 404, {})
    if (request.method === 'GET') {
      const include = (query.get('include') ?? '').split(',')
      return send(response, 200, { issue: show(issue, include.includes('journals')) })
    }
    if (request.method !== 'PUT') return send(response, 404, {})
    const notes = textAt(await readJson(request), 'issue', 'notes')
    if (notes === undefined) return send(response, 422, { errors: ['Notes cannot be blank'] })
    issue.journals.push({ id: issue.journals.length + 1, notes, created_on: new Date().toISOString() })
    response.writeHead(204).end()
    return undefined
  }
}

function show(issue: Issue, withJournals: boolean): JsonObject {
  const { id, subject, open } = issue
  return {
    id,
    project: { id: 1, name: 'Practice' },
    tracker: { id: 1, name: 'Task' },
    status: open ? { id: 1, name: 'New', is_closed: false } : { id: 5, name: 'Closed', is_closed: true },
    priority: { id: 2, name: 'Normal' },
    author: PERSON,
    subject,
    description: '',
    closed_on: open ? null : '2026-01-05T10:00:00Z',
    created_on: '2026-01-05T09:00:00Z',
    updated_on: issue.journals.at(-1)?.created_on ?? '2026-01-05T09:00:00Z',
    ...(withJournals ? { journals: issue.journals.map((one) => ({ ...one, user: PERSON, details: [] })) } : {}),
  }
}

function send(response: ServerResponse, status: number, body: JsonObject): void {
  const isEmpty = Object.keys(body).length === 0
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(isEmpty ? '' : JSON.stringify(body))
}

/** The JSON of a request; undefined when it is none. At most 1 MB is read. */
export async function readJson(request: IncomingMessage): Promise<Json | undefined> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > 1_000_000) return undefined
  }
  try {
    const value = parseJson(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
