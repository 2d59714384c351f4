import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PracticeFile } from '../../src/practice/file.ts'
import { type Json, parseJson, textAt } from '../../src/practice/json.ts'
import { openWorld } from '../../src/practice/world.ts'

/** A practice world in this process, fast enough for tests. */
export type TestWorld = {
  readonly file: PracticeFile
  readonly dir: string
  readonly api: (cluster: string, method: string, path: string, body?: Json, type?: string) => Promise<Answer>
  readonly tell: (event: Json) => Promise<number>
  readonly stop: () => Promise<void>
}
export type Answer = {
  readonly status: number
  readonly body: Json
  readonly headers: Record<string, unknown>
  readonly text: string
}

export const FAST = { terminateMs: 10, startMs: 10, readyMs: 10, rookMs: 10, bookmarkMs: 10, bendFactor: 0.01 }

/** One HTTPS request to a cluster of the world. */
export function ask(
  file: PracticeFile,
  cluster: string,
  method: string,
  path: string,
  {
    body,
    type = 'application/json',
    token,
    headers = {},
  }: { body?: Json; type?: string; token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const target = file.clusters[cluster]
  if (!target) throw new Error(`no cluster ${cluster}`)
  const url = new URL(path, target.server)
  const options = {
    method,
    ca: target.caPem,
    headers: { authorization: `Bearer ${token ?? target.token}`, 'content-type': type, ...headers },
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const isJson = response.headers['content-type'] === 'application/json' && !text.trim().includes('\n')
        resolve({
          status: response.statusCode ?? 0,
          body: isJson ? parseJson(text) : text,
          headers: response.headers,
          text,
        })
      })
    })
    sent.on('error', reject)
    // A body of DELETE is only sent whole when its length is known.
    const text = body === undefined ? '' : JSON.stringify(body)
    if (text !== '') sent.setHeader('content-length', Buffer.byteLength(text))
    sent.end(text)
  })
}

/** Opens a world; its files are removed by `stop`. */
export async function openTestWorld(offsetMs = 0, timing: Partial<typeof FAST> = {}): Promise<TestWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-practice-'))
  const world = await openWorld({
    home: dir,
    offsetMs,
    idleLimitMs: 60_000,
    isOrphan: () => false,
    timing: { ...FAST, ...timing },
    onEnd: () => {},
  })
  const { file } = world
  return {
    file,
    dir,
    api: (cluster, method, path, body, type) =>
      ask(file, cluster, method, path, {
        ...(body === undefined ? {} : { body }),
        ...(type === undefined ? {} : { type }),
      }),
    tell: async (event) => {
      const headers = { authorization: `Bearer ${file.controlToken}` }
      return (await fetch(`${file.controlUrl}/event`, { method: 'POST', headers, body: JSON.stringify(event) })).status
    },
    stop: async () => {
      await world.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Asks again until the answer satisfies; the test's own limit ends it otherwise. */
export async function until<T>(look: () => Promise<T>, enough: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (enough(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The lines of a WATCH, as they come; `stop` hangs up. */
export function watch(
  file: PracticeFile,
  cluster: string,
  path: string,
): { readonly events: Json[]; readonly ended: Promise<void>; readonly stop: () => void } {
  const target = file.clusters[cluster]
  if (!target) throw new Error(`no cluster ${cluster}`)
  const events: Json[] = []
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const headers = { authorization: `Bearer ${target.token}` }
  const sent = request(new URL(path, target.server), { ca: target.caPem, headers }, (response) => {
    let rest = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      events.push(...lines.map(parseJson))
    })
    response.on('error', () => {})
    response.on('close', resolve)
  })
  sent.on('error', () => resolve())
  sent.end()
  return { events, ended, stop: () => sent.destroy() }
}

/** `TYPE name` of watch events. */
export const brief = (events: readonly Json[]): string[] =>
  events.map((event) => `${textAt(event, 'type')} ${textAt(event, 'object', 'metadata', 'name') ?? ''}`.trim())
