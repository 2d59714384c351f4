import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { backUp, restoreFrom } from '../../src/cli/backup.ts'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { readEntry } from '../../src/jobs/audit-entry.ts'
import { baseOf, pages } from '../../src/jobs/audit-log.ts'
import { FINAL, STATES } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { asked, change, engineOn, needs, tempStore, toyStep, until, word } from './toy.ts'

const home = mkdtempSync(join(tmpdir(), 'sluice-backup-'))
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
const never = new AbortController().signal
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** What the records say is what the chain says, the lists and the locks: all of one moment. */
async function ofOneMoment({ redis }: Store): Promise<number> {
  expect(await verifyAudit(redis)).toMatchObject({ ok: true })
  const said = new Map<string, string>()
  for await (const page of pages(redis, await baseOf(redis)))
    for (const { entry, n } of page) {
      const { job, state } = readEntry(entry, n)
      if (job !== undefined && state !== undefined) said.set(job, state)
    }
  const states = new Map<string, string>()
  for (const state of STATES)
    for (const job of await redis.zrange(keys.jobsIn(state), '0', '-1')) states.set(job, state)
  expect(states).toEqual(said)
  expect(states.size).toBe(Number(await redis.get(keys.jobCount)))
  const held = Object.values(await redis.hgetall(keys.locksHeld))
  expect(held.filter((job) => FINAL.has((states.get(job) ?? 'done') as 'done'))).toEqual([])
  return states.size
}

test('a backup of a bot that is busy is of one moment: jobs, journals, audit log and locks agree, however long it took', async () => {
  const { store: from, stop } = await tempStore()
  ends.push(stop)
  const busyChange = change([toyStep('a'), toyStep('b')], {
    locks: ({ args }) => [`cluster/${String(args['cluster'])}`],
  })
  const both = [0, 1].map(() => engineOn({ store: from, change: busyChange, decide: () => needs() }))
  for (const engine of both) await engine.start()
  ends.push(() => Promise.all(both.map((engine) => engine.stop())))
  const load = new AbortController()
  const askers = both.map(async (engine, i) => {
    for (let n = 0; !load.signal.aborted; n++) {
      const job = await engine.jobs.submit(asked({ args: { cluster: `c${n % 5}` }, event: `busy-${i}-${n}` }))
      await until(engine.jobs, job, 'waiting')
      await engine.jobs.vote({ job, choice: 'approve', ...word('fran') })
    }
  })
  ends.push(async () => {
    load.abort()
    await Promise.allSettled(askers)
  })
  await until(engineOn({ store: from }).jobs, '20', 'done')
  const sizes: number[] = []
  for (let i = 0; i < 5; i++) {
    const [file, to] = [join(home, `${i}.jsonl`), await openStore({ dir: join(home, String(i)), log: silentLog })]
    ends.push(() => to.close())
    await backUp(file, from.redis, never)
    await restoreFrom(file, to.redis, true, never)
    sizes.push(await ofOneMoment(to))
  }
  load.abort()
  await Promise.all(askers)
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
  expect(sizes[0], 'it worked meanwhile').toBeLessThan(sizes[4] ?? 0)
})
