import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { openConsole } from '../../src/bot/console.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import type { JobState, Revision } from '../../src/jobs/job.ts'
import { makeLog } from '../../src/log.ts'
import { startSluice } from '../../src/main.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'

/** A warm bot on one lab cluster where policy lets nico act alone: what is measured is Sluice, not the wait for people. */
export type WarmBot = {
  /** Milliseconds from the accepted line until the state is committed; the job's number too. */
  readonly runUntil: (
    sentence: string,
    state: JobState,
  ) => Promise<{ readonly startMs: number; readonly ms: number; readonly job: string }>
  /** Milliseconds from the accepted line until a message that holds the text. */
  readonly askUntil: (sentence: string, text: string) => Promise<number>
  readonly get: (job: string) => Promise<Revision | undefined>
  /** performance.now() of the first journal write of each job. */
  readonly firstIntents: readonly number[]
  readonly times: ReadonlyMap<string, number>
  readonly close: () => Promise<void>
}

/** Without a cluster nothing is asked of one. */
const configFor = (cluster: Pinned | undefined): Config => {
  const loaded = loadConfig(join(import.meta.dirname, '..', '..', 'config'))
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
  const clusters = loaded.config.clusters.map((c) =>
    c.name === 'p10' && cluster !== undefined
      ? {
          ...c,
          type: 'development' as const,
          maintainers: ['nico'],
          credentials: { kubeconfig: cluster.kubeconfig },
          uid: cluster.uid,
        }
      : c,
  )
  return {
    ...loaded.config,
    clusters,
    logLevel: 'error',
    limits: { ...loaded.config.limits, requestsPerMinute: 1_000_000 },
  }
}

type Pinned = { readonly kubeconfig: string; readonly uid: string }

/** `before`: puts into the store what shall be there already. */
export async function warmBot(
  cluster: Pinned | undefined,
  before: (store: Store) => Promise<void> = () => Promise.resolve(),
): Promise<WarmBot> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const signal = new AbortController()
  const config = configFor(cluster)
  const log = makeLog('error')
  const store = await openStore({ dir, log, signal: signal.signal })
  await before(store)
  const clock = { now: () => Date.now() }
  const firstIntents: number[] = []
  const input = new PassThrough()
  const output = new PassThrough()
  const seen: { readonly at: number; readonly line: Readonly<Record<string, unknown>> }[] = []
  let rest = ''
  output.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    // the console's own protocol
    for (const line of lines) seen.push({ at: performance.now(), line: JSON.parse(line) as Record<string, unknown> })
  })
  let talking: ReturnType<typeof openConsole> | undefined
  const sluice = await startSluice({
    config: () => config,
    store,
    clock,
    log,
    practice: false,
    host: () => () => {
      throw new Error('no hosts here')
    },
    env: {},
    onJournalWrite: (when, what) => {
      if (when === 'before' && what.includes('intent')) firstIntents.push(performance.now())
    },
    chats: async (engine) => {
      talking = openConsole({
        store,
        jobs: engine.jobs,
        rooms: () => config.rooms,
        input,
        output,
        json: true,
        speaker: 'nico',
        room: 'ops',
        nowMs: clock.now,
        idle: engine.idle,
        waitMs: 60_000,
        columns: 100,
        colours: false,
      })
      return [talking]
    },
  })
  await sluice.started
  const times = new Map<string, number>()
  const { jobs } = sluice.engine
  const follow = (async () => {
    for await (const t of jobs.transitions('0', signal.signal)) times.set(`${t.job} ${t.state}`, performance.now())
  })()
  follow.catch(() => {})
  const talk = talking?.converse(signal.signal)
  let events = 0
  const say = async (text: string): Promise<number> => {
    const event = `bench-${++events}`
    input.write(`${JSON.stringify({ as: 'nico', text, event })}\n`)
    return (await until(() => seen.find((s) => s.line['type'] === 'accepted' && s.line['event'] === event))).at
  }
  return {
    firstIntents,
    times,
    get: jobs.get,
    runUntil: async (sentence, state) => {
      const from = seen.length
      const start = await say(sentence)
      const isEnd = (line: Readonly<Record<string, unknown>>): boolean =>
        line['type'] === 'job' && (line['state'] === state || FAILED.has(String(line['state'])))
      const end = await until(() => seen.slice(from).find((s) => isEnd(s.line)))
      if (end.line['state'] !== state)
        throw new Error(`${sentence}: ${String(end.line['state'])} ${String(end.line['code'])}`)
      return { startMs: start, ms: end.at - start, job: String(end.line['job']) }
    },
    askUntil: async (sentence, text) => {
      const from = seen.length
      const start = await say(sentence)
      const end = await until(() =>
        seen.slice(from).find((s) => s.line['type'] === 'message' && String(s.line['text']).includes(text)),
      )
      return end.at - start
    },
    close: async () => {
      input.end()
      await talk
      signal.abort()
      await sluice.stop()
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const FAILED = new Set(['failed', 'refused', 'expired', 'cancelled', 'needs-human'])
const LIMIT_MS = 120_000

async function until<T>(look: () => T | undefined): Promise<T> {
  const end = performance.now() + LIMIT_MS
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error('the bench waited for more than two minutes')
    await new Promise((done) => setTimeout(done, 1))
  }
}
