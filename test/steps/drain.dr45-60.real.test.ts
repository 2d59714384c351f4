import { afterAll, expect } from 'vitest'
import { drain } from '../../src/commands/drain.ts'
import { uncordon } from '../../src/commands/uncordon.ts'
import { isRefusal, SluiceError } from '../../src/errors.ts'
import { real } from '../lab/need.ts'
import { endsAfter, only, row, STUCK } from './dr-row.ts'
import { isGone } from './dr-world.ts'
import { openRaw, until } from './kube-raw.ts'
import { previewOf, runChange, targetOf } from './run-steps.ts'

await real(['kube'], 'kubectl drain, rows 45 to 60', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())

  row(raw, 'DR-45', 'a pod that terminates for too long is skipped', async (w) => {
    await w.owned('s', { meta: STUCK })
    await raw.remove(`/api/v1/namespaces/${w.ns}/pods/s`)
    await until(
      's is old enough',
      async () => Date.now() - Date.parse((await w.exists('s'))?.['metadata'].deletionTimestamp) > 2_100,
    )
    const ran = await w.drain({ skipWaitForDeleteTimeoutSeconds: 1 })
    expect(ran.done[1]?.evidence.text).toBe('no pods to evict, 1 stay')
    expect(w.evictions()).toEqual([])
    const off = await w.drain({ timeoutMs: 1_000 })
    expect(off.gate?.code).toBe('DRAIN-TIMEOUT')
  })

  row(raw, 'DR-46', 'a pod that becomes too old while it is waited for counts as done', async (w) => {
    await w.owned('s', { meta: STUCK })
    const ran = await w.drain({ skipWaitForDeleteTimeoutSeconds: 1 })
    expect(ran.gate).toBeUndefined()
    expect(ran.done[1]?.evidence.data?.['notes']).toEqual([
      'pod s has DeletionTimestamp older than 1 seconds, skipping',
    ])
    expect(w.evictions()).toEqual(['s'])
  })

  row(raw, 'DR-47', 'a pod selector lists only its pods; a bad one fails before the cordon', async (w) => {
    await Promise.all([w.owned('x'), w.pod('naked')])
    await expect(w.drain({ podSelector: 'a in (' })).rejects.toBeInstanceOf(SluiceError)
    expect(w.audit()).toEqual([])
    const ran = await w.drain({ podSelector: 'app=x' })
    expect(ran.blocked).toEqual([])
    expect(ran.error).toBeUndefined()
    expect(w.evictions()).toEqual(['x'])
    expect(await isGone(w, 'naked')).toBe(false)
  })

  row(raw, 'DR-48', 'without eviction: DELETE one by one, against the budgets, and destructive (us)', async (w) => {
    await Promise.all([w.owned('x'), w.owned('y')])
    await w.pdb('px', { minAvailable: 1, selector: only('x') })
    const ran = await w.drain({ disableEviction: true })
    expect(ran.error).toBeUndefined()
    expect(drain.risk({ cluster: 'p10', nodes: [w.a], disableEviction: true })).toBe('destructive')
    expect(ran.findings.find(({ topic }) => topic === 'pdb')?.reason).toBe(
      'is ignored: the pods are deleted, not evicted',
    )
    expect(w.evictions()).toEqual([])
    expect(w.audit().map(({ method }) => method)).toEqual(['PATCH', 'DELETE', 'DELETE'])
  })

  row(raw, 'DR-49', 'evictions are policy/v1 (us: nothing older)', async (w) => {
    await w.owned('x')
    await w.drain()
    expect(JSON.parse(w.audit().find(({ path }) => path.endsWith('/eviction'))?.body ?? '')).toMatchObject({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
    })
  })

  row(raw, 'DR-50', 'a dry run is the plan: nothing is written', async (w) => {
    await w.owned('x')
    const target = await targetOf(drain, { cluster: 'p10', nodes: [w.a] }, w.cluster)
    if (isRefusal(target)) throw new Error(target.text)
    const findings = await previewOf(drain.steps(target), w.cluster)
    expect(findings.map(({ topic, verdict }) => [topic, verdict])).toEqual([
      ['cordon', 'do'],
      ['evict', 'do'],
    ])
    expect(w.audit()).toEqual([])
  })

  row(raw, 'DR-51', 'a dry run by the server uses no budget up', async (w) => {
    const { metadata } = await w.owned('x')
    const answer = await w.cluster.evict(
      { namespace: w.ns, name: 'x' },
      { uid: metadata.uid, gracePeriodSeconds: -1, dryRun: true },
    )
    expect(answer.kind).toBe('accepted')
    expect((await w.exists('x'))?.['metadata'].deletionTimestamp).toBeUndefined()
  })

  row(raw, 'DR-52', 'pods made after the list are not evicted', async (w) => {
    await w.owned('x')
    let made: Promise<unknown> | undefined
    const ran = await w.drain(
      {},
      {
        safePoint: async () => {
          if (w.audit().some(({ method }) => method === 'PATCH')) await (made ??= w.owned('late'))
        },
      },
    )
    expect(ran.error).toBeUndefined()
    expect(w.evictions()).toEqual(['x'])
    expect(ran.done.at(-1)?.evidence.text).toBe(`drained; came after the cordon and stay: ${w.ns}/late`)
  })

  row(raw, 'DR-53', 'a pod made again under its name is not evicted in its place: uid precondition (us)', async (w) => {
    await w.owned('x')
    let again: Promise<unknown> | undefined
    const ran = await w.drain(
      {},
      {
        safePoint: async () => {
          if (!w.audit().some(({ method }) => method === 'PATCH')) return
          again ??= raw
            .remove(`/api/v1/namespaces/${w.ns}/pods/x`, { gracePeriodSeconds: 0 })
            .then(() => w.owned('x', { node: w.b }))
          await again
        },
      },
    )
    expect(ran.error).toBeUndefined()
    const now = await w.exists('x')
    expect(now?.['spec'].nodeName).toBe(w.b)
    expect(now?.['metadata'].deletionTimestamp).toBeUndefined()
  })

  row(raw, 'DR-54', 'all evictions start at once, success only when all are gone', async (w) => {
    const names = ['p1', 'p2', 'p3', 'p4', 'p5']
    await Promise.all(names.map((name) => w.owned(name, { meta: endsAfter('1s') })))
    let asked: readonly string[] | undefined
    const ran = await w.drain(
      {},
      {
        onProgress: ({ done }) => {
          if (done > 0) asked ??= [...w.evictions()]
        },
      },
    )
    expect(asked?.toSorted()).toEqual(names)
    expect(ran.done[1]?.evidence.text).toBe('5 pods gone, 0 stay')
  })

  row(raw, 'DR-55', 'uncordon patches only where needed', async (w) => {
    await raw.patch(`/api/v1/nodes/${w.a}`, { spec: { unschedulable: true } })
    const run = () => runChange(uncordon, { cluster: 'p10', nodes: [w.a] }, w.cluster, { choose: () => 'uncordon' })
    expect((await run()).done.map(({ evidence }) => evidence.text)).toEqual(['uncordoned'])
    expect((await w.node())['spec'].unschedulable).toBeFalsy()
    expect((await run()).done.map(({ evidence }) => evidence.text)).toEqual(['already uncordoned'])
    expect(w.audit().map(({ method }) => method)).toEqual(['PATCH'])
  })

  row(raw, 'DR-56', 'killed in the middle and run again: terminating pods are only waited for (us)', async (w) => {
    const names = ['p1', 'p2', 'p3', 'p4']
    await Promise.all(names.map((name) => w.owned(name, { meta: endsAfter('2s') })))
    const killed = new AbortController()
    const dead = await w.drain(
      {},
      {
        signal: killed.signal,
        safePoint: async () => {},
        onProgress: ({ waiting }) => {
          if (waiting.length >= 2) killed.abort(new SluiceError('JOB-LOST', 'testing'))
        },
      },
    )
    expect(dead.error?.code).toBe('JOB-LOST')
    const ran = await w.drain({}, { journals: dead.journals })
    expect(ran.error).toBeUndefined()
    expect(ran.done[1]?.evidence.text).toMatch(/^(4 pods gone|no pods to evict), 0 stay$/)
    expect(w.evictions().toSorted()).toEqual(names)
  })

  row(raw, 'DR-57', 'cancel: no new eviction, what was accepted is reported', async (w) => {
    await w.deployment('web', 3, { terminationGracePeriodSeconds: 1 })
    await w.pdb('web', { maxUnavailable: 1, selector: only('web') })
    const cancelled = new AbortController()
    const ran = await w.drain(
      {},
      {
        signal: cancelled.signal,
        onProgress: ({ waiting }) => {
          if (waiting.length > 0) cancelled.abort(new SluiceError('CANCELLED', 'testing'))
        },
      },
    )
    expect(ran.error?.code).toBe('CANCELLED')
    expect(ran.error?.message).toMatch(
      /0 gone; still terminating: dr-57\/web-[a-z0-9-]+; not evicted: (dr-57\/web-[a-z0-9-]+(, )?){2}/,
    )
    expect(w.evictions()).toHaveLength(1)
    expect((await w.node())['spec'].unschedulable).toBe(true)
  })

  row(raw, 'DR-58', 'a control plane asks for the quorum, and says whether it is shut down next (us)', async (w) => {
    const target = await targetOf(drain, { cluster: 'p10', nodes: ['server63'], withoutShutdown: true }, w.cluster)
    if (isRefusal(target)) throw new Error(target.text)
    expect(drain.facts(target)).toContain('quorum')
    expect(drain.locks(target)).toEqual(['cluster/p10', 'control-plane/p10', 'node/p10/server63'])
    expect(target.args['withoutShutdown']).toBe(true)
    expect(target.sentence).toBe('drain server63 on p10 without shutdown')
  })

  row(raw, 'DR-59', 'a storage node asks for the storage; two failure domains are refused (us)', async (w) => {
    const meta = { labels: { app: 'rook-ceph-osd' } }
    await Promise.all([w.owned('osd-0', { meta }), w.owned('osd-1', { meta, node: w.b })])
    const target = await targetOf(drain, { cluster: 'p10', nodes: [w.a] }, w.cluster)
    if (isRefusal(target)) throw new Error(target.text)
    expect(drain.facts(target)).toContain('storage')
    expect(drain.locks(target)).toEqual(['cluster/p10', 'storage/p10', `node/p10/${w.a}`])
    const both = await w.drain({ nodes: [w.a, w.b] })
    expect(both.refusal?.code).toBe('STORAGE-DOMAINS')
    expect(both.refusal?.choices?.map(({ text }) => text)).toEqual([`drain ${w.a} on p10`, `drain ${w.b} on p10`])
    expect(w.audit()).toEqual([])
  })

  row(raw, 'DR-60', 'a new class of pod between plan and list stops and asks (us)', async (w) => {
    await w.owned('x')
    const other = await raw.create(`/api/v1/namespaces/${w.ns}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'other' },
    })
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: other['metadata'].uid, controller: true }
    const late = await w.drain({}, { between: async () => void (await w.pod('new', { owner })) })
    expect(late.gate?.code).toBe('PLAN-GREW')
    expect(late.gate?.details?.[0]).toContain(`${w.ns}/other`)
    expect(w.evictions()).toEqual([])
    await raw.remove(`/api/v1/namespaces/${w.ns}/pods/new`, { gracePeriodSeconds: 0 })
    const going = await w.drain(
      {},
      { between: async () => void (await w.pod('new', { owner })), choose: () => 'again' },
    )
    expect(going.error).toBeUndefined()
    expect(w.evictions().toSorted()).toEqual(['new', 'x'])
  })
})
