import { afterAll, expect } from 'vitest'
import { real } from '../lab/need.ts'
import { only, row, STUCK, status } from './dr-row.ts'
import { isGone } from './dr-world.ts'
import { openRaw, type Seen } from './kube-raw.ts'

type Answer = ReturnType<typeof status>
/** Answers the first so many evictions of the pod itself. */
const first = (times: number, pod: string, answer: Answer) => {
  let left = times
  return { tamper: ({ path }: Seen) => (path.endsWith(`/pods/${pod}/eviction`) && left-- > 0 ? answer : undefined) }
}
const terminating = { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } }

await real(['kube'], 'kubectl drain, rows 37 to 44', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())

  row(
    raw,
    'DR-37',
    'a terminating namespace and the pod terminates: no more evictions (403 by a proxy)',
    async (w) => {
      await w.owned('x', { meta: { annotations: { 'kubelab/term': '1s' } } })
      let asked: Promise<unknown> | undefined
      const ran = await w.drain(
        {},
        {
          onProgress: ({ waiting }) => {
            if (waiting.length > 0) asked ??= raw.remove(`/api/v1/namespaces/${w.ns}/pods/x`)
          },
        },
      )
      await asked
      expect(ran.error).toBeUndefined()
      expect(w.evictions()).toEqual(['x'])
    },
    first(9, 'x', status(403, 'unable to create new content because it is being terminated', terminating)),
  )

  row(
    raw,
    'DR-38',
    'the same while the pod does not terminate: tried again (403 by a proxy)',
    async (w) => {
      await w.owned('x')
      const ran = await w.drain()
      expect(ran.error).toBeUndefined()
      expect(w.evictions()).toEqual(['x', 'x'])
      expect(await isGone(w, 'x')).toBe(true)
    },
    first(1, 'x', status(403, 'unable to create new content because it is being terminated', terminating)),
  )

  row(
    raw,
    'DR-39',
    'any other refusal fails that pod at once, the others go (400 by a proxy)',
    async (w) => {
      await Promise.all([w.owned('x'), w.owned('y')])
      const ran = await w.drain()
      expect(ran.error?.code).toBe('DRAIN-EVICT')
      expect(ran.error?.message).toContain(`error when evicting pods/"x" -n "${w.ns}": nonsense`)
      expect(w.evictions().filter((name) => name === 'x')).toHaveLength(1)
      expect(await isGone(w, 'y')).toBe(true)
    },
    first(9, 'x', status(400, 'nonsense')),
  )

  const graceOf = (seen: readonly Seen[]): unknown =>
    JSON.parse(seen.find(({ path }) => path.endsWith('/eviction'))?.body ?? '{}').deleteOptions?.gracePeriodSeconds
  row(raw, 'DR-40', "the pod's own grace period: none is sent", async (w) => {
    await w.owned('x')
    expect((await w.drain()).error).toBeUndefined()
    expect(w.evictions()).toEqual(['x'])
    expect(graceOf(w.seen)).toBeUndefined()
  })

  row(raw, 'DR-41', 'a given grace period is sent', async (w) => {
    await w.owned('x')
    expect((await w.drain({ gracePeriodSeconds: 0 })).error).toBeUndefined()
    expect(graceOf(w.seen)).toBe(0)
    await raw.patch(`/api/v1/nodes/${w.a}`, { spec: { unschedulable: false } })
    w.seen.length = 0
    await w.owned('y')
    expect((await w.drain({ gracePeriodSeconds: 900 })).error).toBeUndefined()
    expect(graceOf(w.seen)).toBe(900)
  })

  row(raw, 'DR-42', 'a pod that is back under its name with another uid is done', async (w) => {
    const template = {
      metadata: { labels: { app: 'ss' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        nodeSelector: { dr: w.ns },
        tolerations: [{ key: 'dr', operator: 'Exists' }],
        containers: [{ name: 'c', image: 'registry.example/c:1' }],
      },
    }
    await raw.patch(`/api/v1/nodes/${w.b}`, { spec: { unschedulable: true } })
    await raw.create(`/apis/apps/v1/namespaces/${w.ns}/statefulsets`, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'ss' },
      spec: { serviceName: 'ss', replicas: 1, selector: { matchLabels: { app: 'ss' } }, template },
    })
    const { until } = await import('./kube-raw.ts')
    await until('ss-0 runs on a', async () => (await w.exists('ss-0'))?.['status'].phase === 'Running')
    await raw.patch(`/api/v1/nodes/${w.b}`, { spec: { unschedulable: false } })
    const ran = await w.drain()
    expect(ran.error).toBeUndefined()
    expect(ran.findings.find(({ topic }) => topic === 'single-replica')?.object).toBe(`${w.ns}/ss-0`)
    expect(w.evictions()).toEqual(['ss-0'])
    expect(await until('ss-0 runs on b', async () => (await w.exists('ss-0'))?.['spec'].nodeName)).toBe(w.b)
  })

  let broken = 3
  row(
    raw,
    'DR-43',
    'errors while waiting are tolerated (us; 500 by a proxy)',
    async (w) => {
      await w.owned('x', { meta: { annotations: { 'kubelab/term': '1s' } } })
      const ran = await w.drain()
      expect(ran.error).toBeUndefined()
      expect(broken).toBeLessThan(0)
      expect(await isGone(w, 'x')).toBe(true)
    },
    {
      tamper: ({ path }) =>
        path.includes('watch=1') && path.includes('/pods') && broken-- > 0 ? status(500, 'no') : undefined,
    },
  )

  row(
    raw,
    'DR-44',
    "the time-out is a gate with kubectl's texts; the node stays cordoned; force via delete names the budget",
    async (w) => {
      await Promise.all([w.owned('x'), w.owned('s', { meta: { ...STUCK } })])
      await raw.patch(`/api/v1/namespaces/${w.ns}/pods/s`, { metadata: { labels: { app: 's' } } })
      await w.pdb('px', { minAvailable: 1, selector: only('x') })
      await raw.patch(`/api/v1/namespaces/${w.ns}/pods/x`, { metadata: { labels: { app: 'x' } } })
      const ran = await w.drain({ timeoutMs: 2_000 })
      expect(ran.gate).toMatchObject({ kind: 'gate', code: 'DRAIN-TIMEOUT' })
      expect(ran.gate?.text).toContain(`There are pending pods in node "${w.a}"`)
      expect(ran.gate?.choices.map(({ word, risk }) => [word, risk])).toEqual([
        ['wait', 'disruptive'],
        ['pdb', 'read'],
        ['force', 'destructive'],
        ['abort', 'change'],
      ])
      expect(ran.gate?.choices.find(({ word }) => word === 'force')?.label).toContain(`${w.ns}/px`)
      const details = ran.gate?.details?.join('\n')
      expect(details).toContain(`error when evicting pods/"x" -n "${w.ns}": global timeout reached: 2s`)
      expect(details).toContain(
        `error when waiting for pod "s" in namespace "${w.ns}" to terminate: context deadline exceeded`,
      )
      expect((await w.node())['spec'].unschedulable).toBe(true)
    },
  )
})
