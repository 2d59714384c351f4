import type { IncomingMessage, ServerResponse } from 'node:http'

export type Asked = {
  readonly cluster: string
  readonly atMs: number
  readonly method: string
  readonly url: string
  readonly agent: string
  /** Impersonate-User, where sent. */
  readonly user: string
  /** 0 while it is not answered. */
  status: number
}
const KEPT = 5000

/** What the API servers were asked, newest last: the audit log of the practice world. */
export class RequestLog {
  #asked: Asked[] = []

  note(cluster: string, request: IncomingMessage, response: ServerResponse): void {
    const user = request.headers['impersonate-user']
    const asked: Asked = {
      cluster,
      atMs: Date.now(),
      method: request.method ?? '',
      url: request.url ?? '',
      agent: request.headers['user-agent'] ?? '',
      user: typeof user === 'string' ? user : '',
      status: 0,
    }
    this.#asked.push(asked)
    if (this.#asked.length > KEPT) this.#asked = this.#asked.slice(-KEPT / 2)
    response.once('close', () => {
      asked.status = response.headersSent ? response.statusCode : 0
    })
  }

  all(): readonly Asked[] {
    return this.#asked
  }
}
