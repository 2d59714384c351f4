import { appendFileSync, existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openGuard } from '../../src/jobs/guard.ts'
import { FINAL } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Credentials } from '../../src/systems/kubernetes/adapter.ts'
import { asked, change, engineOn, toyStep } from '../jobs/toy.ts'

/**
 * An installation of its own, `guard-child.ts JSON`: its Redis lies in `data`, the world is the file `world` that all of them share. Its one job notes that it
 * begins, waits for the file NAME.go, and has its effect behind a safe point.
 */
export type Given = {
  readonly name: string
  readonly data: string
  readonly world: string
  readonly credentials: Credentials
  readonly durationMs: number
}

async function main({ name, data, world, credentials, durationMs }: Given): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  const note = (what: string): void => appendFileSync(path.join(world, 'world'), `${name} ${what}\n`)
  const store = await openStore({ dir: data, log: silentLog })
  const clock = { now: Date.now }
  const cluster = openCluster({ name: 'p10', credentials, userAgent: 'sluice-test', requestTimeoutMs: 10_000, clock })
  const step = toyStep('a', {
    timeoutMs: 60_000,
    done: async () => undefined,
    run: async (ctx) => {
      note('begins')
      say('here')
      while (!existsSync(path.join(world, `${name}.go`))) await pause(5)
      await ctx.safePoint()
      note('acts')
      return { kind: 'evidence', text: 'a' }
    },
  })
  const engine = engineOn({
    store,
    change: change([step]),
    // its own lock is not what is looked at here
    limits: { lockMs: 60_000, stalledMs: 1_000, sweepMs: 100, progressMs: 20, graceMs: 200 },
    guard: openGuard({ store, cluster: () => cluster, log: silentLog, durationMs }),
  })
  await engine.start()
  const job = await engine.jobs.submit(asked())
  const over = new AbortController()
  const watching = (async () => {
    for (let told = ''; !over.signal.aborted; await pause(5)) {
      const { trouble } = (await engine.jobs.get(job)) ?? {}
      if (trouble === undefined || trouble.text === told) continue
      told = trouble.text
      say(`waits ${trouble.code} ${trouble.text}`)
    }
  })()
  for await (const transition of engine.jobs.transitions('0', over.signal)) {
    if (transition.job !== job || !FINAL.has(transition.state)) continue
    say(`ended ${transition.state}`)
    break
  }
  over.abort()
  await watching
  await engine.stop()
  await cluster.close()
  await store.close()
}

// written by the test, with exactly this type
await main(JSON.parse(process.argv[2] ?? '') as Given)
