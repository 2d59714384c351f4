import { request } from 'node:http'
import { describe, inject, test } from 'vitest'
import { own } from './process.ts'
import { type Lab, NotHere } from './server.ts'
import type { ServerData, ServerName } from './servers.ts'

/** The run's lab, for servers of a test's own (`startRedis(lab())`). */
export function lab(): Lab {
  const { dir } = inject('lab')
  return { dir, own: (pid, what) => own(dir, pid, what) }
}

function ask(name: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: inject('lab').socket, path: `/${name}`, method: 'POST' }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    call.on('error', reject).end()
  })
}

/** The plain data of a real server, shared by the whole run and brought at its first need.
 * @throws NotHere when this machine cannot have it */
export async function need<N extends ServerName>(name: N): Promise<ServerData<N>> {
  const { status, body } = await ask(name)
  const answer = JSON.parse(body) as { data: ServerData<N>; why?: string } // made by broker.ts of this run
  if (status !== 200) throw new NotHere(`${name}: ${answer.why ?? 'not to be had'}`)
  return answer.data
}

type AllData<N extends readonly ServerName[]> = { -readonly [I in keyof N]: ServerData<N[I]> }

/**
 * `describe` for tests that need real servers: `await real(['redis'], 'the store', (redis) => { test(...) })` at the top of a file.
 * Where one cannot be had, the tests count as skipped and the report says why; with CI=true the file fails.
 */
export async function real<const N extends readonly ServerName[]>(
  names: N,
  title: string,
  body: (...data: AllData<N>) => void,
): Promise<void> {
  try {
    const data = (await Promise.all(names.map((name) => need(name)))) as AllData<N> // same order as names
    describe(title, () => {
      body(...data)
    })
  } catch (error) {
    if (!(error instanceof NotHere) || process.env.CI === 'true') throw error
    describe.skip(`${title} (not run: ${error.message})`, () => {
      test('needs a server that is not here', () => {})
    })
  }
}
