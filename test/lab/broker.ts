import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Brought, Lab } from './server.ts'
import { SERVERS, type ServerName } from './servers.ts'

/** What the report tells at the end of a run. */
export type Ledger = {
  readonly used: readonly { readonly name: string; readonly version: string; readonly readyMs: number }[]
  readonly missing: readonly { readonly name: string; readonly why: string }[]
}

/** Whether the lab has a server of this name. */
export const isServer = (name: string): name is ServerName => Object.hasOwn(SERVERS, name)

/** Brings each server at its first need and shares it; `stop` ends them all. */
export class Broker {
  readonly #lab: Lab
  readonly #brought = new Map<ServerName, Promise<Brought<unknown>>>()
  readonly #used: Ledger['used'][number][] = []
  readonly #missing: Ledger['missing'][number][] = []

  constructor(lab: Lab) {
    this.#lab = lab
  }

  async need(name: ServerName): Promise<Brought<unknown>> {
    const known = this.#brought.get(name)
    if (known !== undefined) return known
    const started = this.#bring(name)
    this.#brought.set(name, started)
    return started
  }

  async #bring(name: ServerName): Promise<Brought<unknown>> {
    const began = performance.now()
    try {
      const server = await SERVERS[name](this.#lab)
      this.#used.push({ name, version: server.version, readyMs: Math.round(performance.now() - began) })
      return server
    } catch (error) {
      this.#missing.push({ name, why: error instanceof Error ? error.message : String(error) })
      throw error
    } finally {
      const ledger: Ledger = { used: this.#used, missing: this.#missing }
      writeFileSync(join(this.#lab.dir, 'ledger.json'), JSON.stringify(ledger))
    }
  }

  async stop(): Promise<void> {
    const servers = await Promise.allSettled(this.#brought.values())
    await Promise.allSettled(servers.flatMap((s) => (s.status === 'fulfilled' ? [s.value.stop()] : [])))
  }
}

/** Offers a broker to the workers: POST /NAME answers {data, version}, or 503 {why}. */
export function listen(broker: Broker, socket: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const name = (request.url ?? '').slice(1)
    try {
      if (!isServer(name)) throw new Error(`the lab has no server named ${name}`)
      const { data, version } = await broker.need(name)
      response.end(JSON.stringify({ data, version }))
    } catch (error) {
      response.statusCode = 503
      response.end(JSON.stringify({ why: error instanceof Error ? error.message : String(error) }))
    }
  })
  return new Promise((resolve) => server.listen(socket, () => resolve(server)))
}
