import { expect, test } from 'vitest'
import { drain } from '../../src/commands/drain.ts'
import { SluiceError } from '../../src/errors.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import { openTestWorld } from '../practice/open-practice.ts'
import { runChange } from './run-steps.ts'

test('a drain that was stopped, and whose stop was lifted while it came to an end, ends as stopped: it goes on anew', async () => {
  const practice = await openTestWorld()
  const { server = '', caPem = '', token = '' } = practice.file.clusters.p10 ?? {}
  const cluster = openCluster({
    name: 'p10',
    credentials: { server, ca: caPem, token },
    userAgent: 'sluice-test',
    requestTimeoutMs: 10_000,
    clock: { now: Date.now },
  })
  let state: 'before' | 'stopped' | 'lifted' = 'before'
  const ran = await runChange(drain, { cluster: 'p10', nodes: ['server23'] }, cluster, {
    onWrite: (what) => {
      if (what.startsWith('intent')) state = state === 'before' ? 'stopped' : state
    },
    safePoint: async () => {
      if (state !== 'stopped') return
      state = 'lifted'
      throw new SluiceError('STOPPED', 'running job 1')
    },
  })
  expect(state).toBe('lifted')
  expect(ran.error).toMatchObject({ code: 'STOPPED' })
  await cluster.close()
  await practice.stop()
})
