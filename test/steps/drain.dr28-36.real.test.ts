import { afterAll, expect } from 'vitest'
import { real } from '../lab/need.ts'
import { only, row, status } from './dr-row.ts'
import { isGone } from './dr-world.ts'
import { openRaw, type Seen } from './kube-raw.ts'

type Answer = ReturnType<typeof status>
/** Answers the first so many evictions of the pod itself. */
const first = (times: number, pod: string, answer: Answer) => {
  let left = times
  return { tamper: ({ path }: Seen) => (path.endsWith(`/pods/${pod}/eviction`) && left-- > 0 ? answer : undefined) }
}
const budget = (message: string): object => ({
  reason: 'TooManyRequests',
  details: { retryAfterSeconds: 1, causes: [{ reason: 'DisruptionBudget', message }] },
})

await real(['kube'], 'kubectl drain, rows 28 to 36', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())

  row(raw, 'DR-28', 'a budget at its limit: 429 with its numbers, others go meanwhile', async (w) => {
    await Promise.all([w.owned('x'), w.owned('y')])
    await w.pdb('px', { minAvailable: 1, selector: only('x') })
    const ran = await w.drain({ timeoutMs: 2_000 })
    expect(ran.findings.find(({ topic }) => topic === 'pdb')).toMatchObject({
      verdict: 'warn',
      reason: 'is at its limit',
      object: `${w.ns}/px`,
    })
    expect(ran.gate?.code).toBe('DRAIN-TIMEOUT')
    expect(ran.progress.at(-1)?.waiting.map(({ object, why }) => [object, why])).toEqual([
      [`${w.ns}/x`, 'The disruption budget px needs 1 healthy pods and has 1 currently'],
    ])
    expect(await isGone(w, 'y')).toBe(true)
    expect(w.evictions().filter((name) => name === 'x')).toHaveLength(1)
  })

  row(raw, 'DR-29', 'room in the budget is seen by its watch, then the next try succeeds', async (w) => {
    await w.owned('x')
    await w.pdb('px', { minAvailable: 1, selector: only('x') })
    let asked: Promise<unknown> | undefined
    const ran = await w.drain(
      {},
      {
        onProgress: ({ waiting }) => {
          if (waiting.length > 0)
            asked ??= raw.patch(`/apis/policy/v1/namespaces/${w.ns}/poddisruptionbudgets/px`, {
              spec: { minAvailable: 0 },
            })
        },
      },
    )
    await asked
    expect(ran.error).toBeUndefined()
    expect(ran.gate).toBeUndefined()
    expect(w.evictions()).toEqual(['x', 'x'])
  })

  row(
    raw,
    'DR-30',
    'a budget that is not counted yet: Retry-After is honoured (429 by a proxy: the real controller counts at once)',
    async (w) => {
      await w.owned('x')
      const ran = await w.drain()
      expect(ran.progress.some(({ waiting }) => waiting[0]?.why === 'still processing')).toBe(true)
      expect(w.evictions()).toEqual(['x', 'x'])
      expect(await isGone(w, 'x')).toBe(true)
    },
    first(1, 'x', status(429, 'Cannot evict pod', budget('still processing'))),
  )

  row(
    raw,
    'DR-31',
    'a VM that migrates: shown so, gone by itself (429 by a proxy in the place of the webhook)',
    async (w) => {
      await w.owned('vm')
      let gone: Promise<unknown> | undefined
      const ran = await w.drain(
        {},
        {
          onProgress: ({ waiting }) => {
            if (waiting[0]?.why === 'VM migrating') gone ??= raw.remove(`/api/v1/namespaces/${w.ns}/pods/vm`)
          },
        },
      )
      await gone
      expect(gone).toBeDefined()
      expect(ran.error).toBeUndefined()
      expect(await isGone(w, 'vm')).toBe(true)
    },
    first(
      99,
      'vm',
      status(
        429,
        'admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "ns/vm"',
      ),
    ),
  )

  row(
    raw,
    'DR-32',
    'priority and fairness: tried again, not called a budget (429 by a proxy)',
    async (w) => {
      await w.owned('x')
      const ran = await w.drain()
      expect(ran.progress.flatMap(({ waiting }) => waiting.map(({ why }) => why))).toContain(
        'K8S-BUSY: Too many requests, please try again later.',
      )
      expect(await isGone(w, 'x')).toBe(true)
    },
    first(
      1,
      'x',
      status(429, 'Too many requests, please try again later.', {
        reason: 'TooManyRequests',
        details: { retryAfterSeconds: 1 },
      }),
    ),
  )

  row(
    raw,
    'DR-33',
    'two budgets over a pod refuse the plan (us); found late, that pod fails and the others go',
    async (w) => {
      await Promise.all([w.owned('x'), w.owned('y')])
      await w.pdb('p1', { minAvailable: 0, selector: only('x') })
      const late = await w.drain({}, { between: () => w.pdb('p2', { minAvailable: 0, selector: only('x') }) })
      expect(late.gate?.code ?? late.error?.code).toBe('PLAN-GREW')
      const forced = await w.drain({}, { between: async () => {}, choose: () => 'again' })
      expect(forced.blocked.map(({ code, fix }) => [code, fix])).toEqual([
        ['DRAIN-MULTIPDB', `Remove one of the PDBs ${w.ns}/p1, ${w.ns}/p2.`],
      ])
      await raw.remove(`/apis/policy/v1/namespaces/${w.ns}/poddisruptionbudgets/p2`)
      const gone = await w.drain(
        {},
        { between: () => w.pdb('p2', { minAvailable: 0, selector: only('x') }), choose: () => 'again' },
      )
      expect(gone.error?.code).toBe('DRAIN-MULTIPDB')
      expect(gone.error?.message).toContain(
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      )
      expect(await isGone(w, 'y')).toBe(true)
      expect(await isGone(w, 'x')).toBe(false)
    },
  )

  row(
    raw,
    'DR-34',
    'Pending and finished pods are evicted in spite of a full budget, a terminating one is waited for',
    async (w) => {
      const meta = { labels: { app: 'x' } }
      await Promise.all([
        w.owned('x', { meta, phase: 'Pending' }),
        w.owned('f', { meta, phase: 'Succeeded' }),
        w.owned('t', { meta: { ...meta, annotations: { 'kubelab/term': '1s' } } }),
      ])
      await w.pdb('px', { minAvailable: 3, selector: only('x') })
      await raw.remove(`/api/v1/namespaces/${w.ns}/pods/t`)
      const ran = await w.drain()
      expect(ran.error).toBeUndefined()
      expect(w.evictions().toSorted()).toEqual(['f', 'x'])
      expect(await isGone(w, 't')).toBe(true)
    },
  )

  row(raw, 'DR-35', 'a pod that is not Ready goes while enough are healthy', async (w) => {
    const meta = { labels: { app: 'x' } }
    await Promise.all([w.owned('good', { meta }), w.owned('bad', { meta })])
    await raw.patch(`/api/v1/namespaces/${w.ns}/pods/bad/status`, {
      status: { conditions: [{ type: 'Ready', status: 'False' }] },
    })
    await w.pdb('px', { minAvailable: 1, selector: only('x') })
    const ran = await w.drain({ timeoutMs: 2_000 })
    expect(ran.gate?.code).toBe('DRAIN-TIMEOUT')
    expect(await isGone(w, 'bad')).toBe(true)
    expect(await isGone(w, 'good')).toBe(false)
  })

  row(
    raw,
    'DR-36',
    'a pod that is gone when its eviction arrives counts as done',
    async (w) => {
      await Promise.all([w.owned('x'), w.owned('y')])
      const ran = await w.drain()
      expect(ran.error).toBeUndefined()
      expect(w.evictions().toSorted()).toEqual(['x', 'y'])
      expect(ran.done[1]?.evidence.text).toBe('2 pods gone, 0 stay')
    },
    {
      tamper: async ({ path }) => {
        if (path.endsWith('/pods/x/eviction'))
          await raw.remove('/api/v1/namespaces/dr-36/pods/x', { gracePeriodSeconds: 0 })
        return undefined
      },
    },
  )
})
