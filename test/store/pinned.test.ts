import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import type { Revision } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import { openPinned } from '../../src/pinned.ts'
import { openStore } from '../../src/store/open.ts'

const loaded = loadConfig(join(import.meta.dirname, '..', '..', 'config'))
if (!loaded.ok) throw new Error('the shipped configuration is not valid')
const { config } = loaded
const registered = {
  ...config,
  clusters: config.clusters.map((c) => (c.name === 'p6' ? { ...c, uid: 'from-the-file' } : c)),
}

let dir = ''
let store: Awaited<ReturnType<typeof openStore>>
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-pin-'))
  store = await openStore({ dir, log: silentLog })
})
afterAll(async () => {
  await store.close()
  await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
})

/** As much of a revision as pinning looks at. */
const revision = (cluster: string, clusterUid: string, startedAtMs?: number): Revision =>
  ({
    plan: { target: { cluster, clusterUid } },
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
  }) as unknown as Revision // the rest of a revision is not looked at

test('the identity a started job was approved for is pinned, once, for every replica and every later start', async () => {
  const pinned = openPinned(() => registered, store)
  await pinned.learn(revision('p10', 'first'))
  expect(pinned.uidOf('p10'), 'only planned: nothing is pinned').toBeUndefined()
  await pinned.learn(revision('p10', 'first', 1))
  expect(pinned.uidOf('p10')).toBe('first')
  await pinned.learn(revision('p10', 'second', 2))
  const later = openPinned(() => registered, store)
  await later.refresh()
  expect(later.uidOf('p10'), 'what is pinned stays').toBe('first')
})

test('the registry wins over what was learnt', async () => {
  const pinned = openPinned(() => registered, store)
  await pinned.learn(revision('p6', 'other', 1))
  expect(pinned.uidOf('p6')).toBe('from-the-file')
  expect(pinned.uidOf('c2')).toBeUndefined()
})
