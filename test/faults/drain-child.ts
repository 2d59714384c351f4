import { writeSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openSlack } from '../../src/bot/slack.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { FINAL } from '../../src/jobs/job.ts'
import { makeLog } from '../../src/log.ts'
import { startSluice } from '../../src/main.ts'
import { openStore } from '../../src/store/open.ts'
import { openTickets } from '../../src/systems/redmine/adapter.ts'
import { pointsOf, STOPPED } from './drain-points.ts'

/**
 * The bot in a process of its own: `drain-child.ts JSON` on Slack, Redis, Redmine and a cluster where policy lets nico act alone.
 * It kills itself with SIGKILL at the named moment of its journal; else it ends when the job has and nothing is left to be said,
 * and prints what it came to.
 */
export type Given = {
  readonly kubeconfig: string
  readonly uid: string
  /** The node to drain, as the registry knows it. */
  readonly node: string
  readonly redis: string
  readonly redmine: { readonly url: string; readonly key: string }
  readonly slack: {
    readonly apiUrl: string
    readonly botToken: string
    readonly appToken: string
    readonly room: string
    readonly nico: string
  }
  /** One of POINTS, or '' for a run that is not disturbed. */
  readonly killAt: string
  /** One of POINTS: it stops itself there, until somebody lets it go on. */
  readonly stopAt?: string
}
export type Told = {
  readonly state: string
  readonly code: string | null
  readonly result: readonly string[]
  readonly points: readonly string[]
}

const JOB = '1'

function configOf(given: Given): Config {
  const loaded = loadConfig(path.join(import.meta.dirname, '..', '..', 'config'))
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
  const { config } = loaded
  return {
    ...config,
    logLevel: 'error',
    rooms: [{ name: 'ops', clusters: ['p10'], slack: given.slack.room }],
    people: config.people.map((one) => (one.name === 'nico' ? { ...one, slack: given.slack.nico } : one)),
    clusters: config.clusters.map((one) =>
      one.name === 'p10'
        ? {
            ...one,
            type: 'development',
            maintainers: ['nico'],
            credentials: { kubeconfig: given.kubeconfig },
            uid: given.uid,
            nodes: [...one.nodes, { name: given.node, controlPlane: false }],
          }
        : one,
    ),
    limits: { ...config.limits, stalledCheckMs: 250 },
  }
}

/** Until SIGCONT. */
function stopHere(): void {
  writeSync(process.stdout.fd, STOPPED)
  process.kill(process.pid, 'SIGSTOP')
}

async function main(given: Given): Promise<void> {
  const config = configOf(given)
  const log = makeLog('warn')
  const store = await openStore({ url: `unix://${given.redis}`, dir: '', log, unsafe: 'throw' })
  const chat = await openSlack({ ...given.slack, mode: 'socket', log })
  const points: string[] = []
  const sluice = await startSluice({
    config: () => config,
    store,
    clock: { now: Date.now },
    log,
    practice: false,
    tickets: openTickets({ url: given.redmine.url, apiKey: given.redmine.key }),
    host: () => () => {
      throw new Error('no hosts here')
    },
    env: {},
    lease: `sluice-${given.node}`,
    onJournalWrite: pointsOf((point) => {
      points.push(point)
      if (point === given.killAt) process.kill(process.pid, 'SIGKILL')
      if (point === given.stopAt) stopHere()
    }),
    chats: async () => [chat],
  })
  const { engine } = sluice
  // the test has waited for too long: what is it that does not end?
  process.once('SIGTERM', () => {
    void Promise.allSettled([engine.idle(), engine.jobs.get(JOB)]).then((stuck) => {
      process.stderr.write(`${JSON.stringify(stuck)}\n`, () => process.exit(1))
    })
  })
  const over = new AbortController()
  for await (const transition of engine.jobs.transitions('0', over.signal))
    if (transition.job === JOB && FINAL.has(transition.state)) break
  over.abort()
  // a store that is asked by a process that has just been woken does not answer in time: that is no end
  const isIdle = (): Promise<boolean> =>
    engine.idle().then(
      ({ idle }) => idle,
      () => false,
    )
  while (!(await isIdle())) await pause(10)
  const ended = await engine.jobs.get(JOB)
  const told: Told = {
    state: ended?.state ?? '',
    code: ended?.code ?? null,
    result: ended?.result?.details ?? [],
    points,
  }
  await sluice.stop()
  await store.close()
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

// written by the test, with exactly this type
await main(JSON.parse(process.argv[2] ?? '') as Given)
