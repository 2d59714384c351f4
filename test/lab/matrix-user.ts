import { createHmac, randomUUID } from 'node:crypto'
import type { SynapseData } from './synapse.ts'

/** An event of a room's timeline, as /sync gives it. */
export type MatrixEvent = {
  readonly event_id: string
  readonly room_id?: string
  readonly type: string
  readonly sender: string
  readonly redacts?: string
  readonly content: Readonly<Record<string, unknown>>
}
export type Seen = { readonly room: string; readonly event: MatrixEvent }

export class MatrixRefusal extends Error {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  constructor(doing: string, status: number, body: Readonly<Record<string, unknown>>) {
    super(`${doing}: ${status} ${JSON.stringify(body)}`)
    this.status = status
    this.body = body
  }
}

type Answer = Readonly<Record<string, unknown>>

async function call(base: string, method: string, path: string, body?: unknown, token?: string): Promise<Answer> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const response = await fetch(base + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json().catch(() => ({}))) as Answer // a test reads its own homeserver
  if (!response.ok) throw new MatrixRefusal(`${method} ${path}`, response.status, answer)
  return answer
}

const text = (answer: Answer, key: string): string => String(answer[key])
const part = encodeURIComponent

type SyncAnswer = {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<Record<string, { readonly timeline: { readonly events: readonly MatrixEvent[] } }>>
  }
}

/** A person on the homeserver: what a human client does. `stop()` ends its sync loop. */
export class MatrixUser {
  readonly id: string
  readonly token: string
  readonly #url: string
  readonly #seen: Seen[] = []
  readonly #waiting = new Set<() => void>()
  readonly #ending = new AbortController()
  #since: string | undefined

  constructor(url: string, id: string, token: string) {
    this.#url = url
    this.id = id
    this.token = token
  }

  /** A request of the client API, path behind `/_matrix/client/v3`. */
  request(method: string, path: string, body?: unknown): Promise<Answer> {
    return call(this.#url, method, `/_matrix/client/v3${path}`, body, this.token)
  }

  /** @returns the room id; `room_version` 10, 11 and 12 differ (12: no server part, creator not in power levels) */
  async createRoom(options: Answer = {}): Promise<string> {
    return text(await this.request('POST', '/createRoom', options), 'room_id')
  }

  async invite(room: string, user: string): Promise<void> {
    await this.request('POST', `/rooms/${part(room)}/invite`, { user_id: user })
  }

  async join(room: string): Promise<void> {
    await this.request('POST', `/join/${part(room)}`, {})
  }

  /** @returns the event id */
  async send(room: string, content: string | Answer, type = 'm.room.message'): Promise<string> {
    const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
    return text(await this.request('PUT', `/rooms/${part(room)}/send/${type}/${randomUUID()}`, body), 'event_id')
  }

  /** @returns the event id of the reaction, for `redact` */
  react(room: string, event: string, key: string): Promise<string> {
    return this.send(room, { 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key } }, 'm.reaction')
  }

  /** An edit, as Element sends it. */
  edit(room: string, event: string, body: string): Promise<string> {
    const replaced = { msgtype: 'm.text', body }
    const relation = { rel_type: 'm.replace', event_id: event }
    return this.send(room, {
      msgtype: 'm.text',
      body: `* ${body}`,
      'm.new_content': replaced,
      'm.relates_to': relation,
    })
  }

  inThread(room: string, root: string, body: string): Promise<string> {
    return this.send(room, { msgtype: 'm.text', body, 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  }

  async redact(room: string, event: string): Promise<void> {
    await this.request('PUT', `/rooms/${part(room)}/redact/${part(event)}/${randomUUID()}`, {})
  }

  /** Starts the sync loop; events before it are not seen. */
  async listen(): Promise<void> {
    await this.#sync()
    void this.#loop()
  }

  stop(): void {
    this.#ending.abort()
  }

  /** Everything seen since listen(), oldest first. */
  get seen(): readonly Seen[] {
    return this.#seen
  }

  /** The first event seen since listen() for which `which` holds. */
  async wait(which: (event: MatrixEvent, room: string) => boolean, limitMs = 15_000): Promise<MatrixEvent> {
    const signal = AbortSignal.timeout(limitMs)
    for (;;) {
      const found = this.#seen.find(({ event, room }) => which(event, room))
      if (found !== undefined) return found.event
      if (signal.aborted)
        throw new Error(`${this.id} did not see it within ${limitMs} ms; saw ${JSON.stringify(this.#seen.slice(-5))}`)
      await this.#next(signal)
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  async #loop(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      // A restarted homeserver refuses connections for a moment.
      await this.#sync().catch(() => new Promise((resolve) => setTimeout(resolve, 100)))
    }
  }

  async #sync(): Promise<void> {
    const filter = part(JSON.stringify({ room: { timeline: { limit: 100 } }, presence: { types: [] } }))
    const since = this.#since === undefined ? '' : `&since=${part(this.#since)}`
    const path = `/_matrix/client/v3/sync?timeout=${this.#since === undefined ? 0 : 20_000}&filter=${filter}${since}`
    const headers = { authorization: `Bearer ${this.token}` }
    const response = await fetch(this.#url + path, { headers, signal: this.#ending.signal })
    if (!response.ok) throw new MatrixRefusal('sync', response.status, {})
    const { next_batch, rooms } = (await response.json()) as SyncAnswer // a test reads its own homeserver
    const first = this.#since === undefined
    this.#since = next_batch
    if (first) return
    for (const [room, { timeline }] of Object.entries(rooms?.join ?? {})) {
      for (const event of timeline.events) this.#seen.push({ room, event })
    }
    for (const wake of this.#waiting) wake()
  }
}

/** Makes people on the lab's homeserver. Names get a random tail, because tests share the server. */
export function attachSynapse(data: SynapseData) {
  const passwords = new Map<string, string>()
  const register = async (name: string, admin: boolean): Promise<MatrixUser> => {
    const username = `${name}-${randomUUID().slice(0, 8)}`
    const password = randomUUID()
    const path = '/_synapse/admin/v1/register'
    const nonce = text(await call(data.url, 'GET', path), 'nonce')
    const signed = [nonce, username, password, admin ? 'admin' : 'notadmin'].join('\0')
    const mac = createHmac('sha1', data.registrationSecret).update(signed).digest('hex')
    const made = await call(data.url, 'POST', path, { nonce, username, password, admin, mac })
    passwords.set(text(made, 'user_id'), password)
    return new MatrixUser(data.url, text(made, 'user_id'), text(made, 'access_token'))
  }
  const login = async (user: string): Promise<MatrixUser> => {
    const identifier = { type: 'm.id.user', user }
    const body = { type: 'm.login.password', identifier, password: passwords.get(user) }
    const made = await call(data.url, 'POST', '/_matrix/client/v3/login', body)
    return new MatrixUser(data.url, user, text(made, 'access_token'))
  }
  return {
    user: (name: string): Promise<MatrixUser> => register(name, false),
    admin: (): Promise<MatrixUser> => register('admin', true),
    /** The same user on a new device, with a token of its own. */
    login,
  }
}
