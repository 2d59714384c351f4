import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { backUp, restoreFrom } from '../../src/cli/backup.ts'
import { OPEN } from '../../src/jobs/restored.ts'
import { writeStop } from '../../src/jobs/stop.ts'
import { silentLog } from '../../src/log.ts'
import { backupParts, type Part } from '../../src/store/backup.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open.ts'
import { restoreParts } from '../../src/store/restore.ts'
import type { Client } from '../../src/store/store.ts'
import { engines } from './engines.ts'
import { again, stop, world } from './stop-world.ts'
import { asked, engineOn, until, word } from './toy.ts'

const { store, start } = engines()
const home = mkdtempSync(join(tmpdir(), 'sluice-backup-'))
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
let names = 0
const fresh = async () => {
  const other = await openStore({ dir: join(home, String(++names)), log: silentLog })
  ends.push(() => other.close())
  return other
}

/** A backup during which something happens: after keys were looked for, before the moment at its end. */
async function* during(redis: Client, happens: () => Promise<unknown>): AsyncGenerator<Part> {
  let walked = false
  for await (const part of backupParts(redis, OPEN, Date.now)) {
    if (!walked && part.type !== 'stream') {
      walked = true
      await happens()
    }
    yield part
  }
}

test('a stop of everything is in the backup as it stood at its end, however long the backup took', async () => {
  const { redis } = store()
  const to = await fresh()
  await redis.set(keys.accepted('e'), '1')
  const said = { ...word('fran'), reason: 'smoke' }
  await restoreParts(
    to.redis,
    during(redis, () => writeStop(redis, said, 1)),
    1,
  )
  expect(await to.redis.hgetall(keys.stopped)).toMatchObject({ by: 'fran', reason: 'smoke' })
  expect(await to.redis.get(keys.answered(said.event)), 'told again, it counts once').not.toBeNull()

  const later = await fresh()
  await redis.sadd(keys.stoppedJobs, '1')
  await restoreParts(
    later.redis,
    during(redis, () => redis.del(keys.stopped, keys.stoppedJobs)),
    1,
  )
  expect(await later.redis.exists(keys.stopped, keys.stoppedJobs)).toBe(0)
})

test('what was halted when the backup was taken waits for people, and everything stays stopped until `start again`', async () => {
  const w = world()
  const { jobs, stop: end } = await start({ changes: w.changes })
  const job = await jobs.submit(asked())
  await w.inside
  await stop(jobs, 'smoke')
  await until(jobs, job, 'queued')
  await end()
  const [file, to] = [join(home, 'halted.jsonl'), await fresh()]
  await backUp(file, store().redis, new AbortController().signal)
  await restoreFrom(file, to.redis, false, new AbortController().signal)
  const later = engineOn({ store: to, changes: w.changes })
  await later.start()
  ends.push(() => later.stop())
  w.free()
  expect(await later.jobs.stopped()).toMatchObject({ by: 'fran', reason: 'smoke' })
  const restored = await later.jobs.get(job)
  expect(restored).toMatchObject({ state: 'needs-human', code: 'RESTORED', locks: ['cluster/p10'] })
  expect(restored?.stopped, 'it does not go on by itself').toBeUndefined()
  expect(await to.redis.smembers(keys.stoppedJobs)).toEqual([])
  const lift = await later.jobs.submit(again())
  await until(later.jobs, lift, 'done')
  expect(await later.jobs.resume({ job, ...word('fran') })).toMatchObject({ ok: true })
  await until(later.jobs, job, 'done')
  expect(w.ran).toEqual(['a', 'b'])
})

test('who was at work when the backup was taken, and the name clusters know this Redis by, stay behind', async () => {
  const { redis } = store()
  const own = [keys.installation, keys.lease('matrix'), keys.begun('inbox', 'ops'), keys.begun('outbox', 'job/1')]
  for (const key of own) await redis.set(key, 'of this Redis')
  await redis.set(keys.leaseTurn('matrix'), '7')
  await redis.hset(keys.due('outbox'), 'job/1', '1')
  const to = await fresh()
  await restoreParts(to.redis, backupParts(redis, OPEN, Date.now), 1)
  expect(await to.redis.exists(...own)).toBe(0)
  expect(await to.redis.get(keys.leaseTurn('matrix'))).toBe('7')
  expect(await to.redis.hgetall(keys.due('outbox'))).toEqual({ 'job/1': '1' })
})
