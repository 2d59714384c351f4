import { afterAll, expect } from 'vitest'
import { real } from '../lab/need.ts'
import { EMPTY_DIR, heldDaemonSet, row, status } from './dr-row.ts'
import { isGone } from './dr-world.ts'
import { openRaw } from './kube-raw.ts'

const notesOf = (
  done: readonly { readonly evidence: { readonly data?: Readonly<Record<string, unknown>> } }[],
): unknown => done.find(({ evidence }) => evidence.data?.['notes'] !== undefined)?.evidence.data?.['notes']

await real(['kube'], 'kubectl drain, rows 15 to 27', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())

  row(raw, 'DR-15', 'a DaemonSet pod stays, with a warning', async (w) => {
    await w.pod('ds', { owner: await heldDaemonSet(w, 'ds') })
    const ran = await w.drain()
    expect(notesOf(ran.done) ?? ran.done[1]?.evidence.text).toEqual('no pods to evict, 1 stay')
    expect(ran.findings.find(({ topic }) => topic === 'stays')?.verdict).toBe('skip')
    expect(await isGone(w, 'ds')).toBe(false)
    await w.owned('x')
    const again = await w.drain()
    expect(notesOf(again.done)).toEqual([`ignoring DaemonSet-managed Pods: ${w.ns}/ds`])
  })

  row(raw, 'DR-16', 'a DaemonSet pod with emptyDir stays and is no error', async (w) => {
    await w.pod('ds', { owner: await heldDaemonSet(w, 'ds'), spec: EMPTY_DIR })
    const ran = await w.drain()
    expect(ran.blocked).toEqual([])
    expect(await isGone(w, 'ds')).toBe(false)
  })

  row(raw, 'DR-17', 'a finished DaemonSet pod is evicted even when they are not ignored', async (w) => {
    await w.pod('ds', { owner: await heldDaemonSet(w, 'ds'), phase: 'Failed' })
    const ran = await w.drain({ ignoreDaemonsets: false })
    expect(ran.blocked).toEqual([])
    expect(await isGone(w, 'ds')).toBe(true)
  })

  const noDaemonSet = (code: number, message: string) => ({
    tamper: ({ path }: { readonly path: string }) =>
      path.endsWith('/daemonsets/ds') ? status(code, message) : undefined,
  })
  row(
    raw,
    'DR-18',
    'a DaemonSet that does not exist is fatal (404 by a proxy: the garbage collector removes such pods)',
    async (w) => {
      await w.pod('ds', { owner: await heldDaemonSet(w, 'ds') })
      const ran = await w.drain()
      expect(ran.blocked.map(({ reason }) => reason)).toEqual(['cannot delete daemonsets.apps "ds" not found'])
    },
    noDaemonSet(404, 'daemonsets.apps "ds" not found'),
  )

  row(
    raw,
    'DR-19',
    'the same with force is evicted (404 by a proxy)',
    async (w) => {
      await w.pod('ds', { owner: await heldDaemonSet(w, 'ds') })
      const ran = await w.drain({ force: true })
      expect(ran.findings.some(({ topic }) => topic === 'daemonset-missing')).toBe(true)
      expect(await isGone(w, 'ds')).toBe(true)
    },
    noDaemonSet(404, 'daemonsets.apps "ds" not found'),
  )

  row(
    raw,
    'DR-20',
    'a DaemonSet that cannot be read is fatal in spite of force (500 by a proxy)',
    async (w) => {
      await w.pod('ds', { owner: await heldDaemonSet(w, 'ds') })
      const ran = await w.drain({ force: true })
      expect(ran.blocked.map(({ reason }) => reason)[0]).toContain('etcd is unhappy')
    },
    noDaemonSet(500, 'etcd is unhappy'),
  )

  row(raw, 'DR-21', 'only apps/v1 is a DaemonSet', async (w) => {
    await w.pod('old', {
      owner: {
        apiVersion: 'extensions/v1beta1',
        kind: 'DaemonSet',
        name: 'old',
        uid: '11111111-2222-3333-4444-555555555555',
        controller: true,
      },
    })
    const ran = await w.drain({ ignoreDaemonsets: false })
    expect(ran.blocked).toEqual([])
    expect(w.evictions()).toEqual(['old'])
  })

  row(raw, 'DR-22', 'a mirror pod is skipped in silence, with emptyDir too', async (w) => {
    await w.pod('mirror', {
      meta: {
        annotations: {
          'kubernetes.io/config.mirror': 'abc',
          'kubernetes.io/config.hash': 'abc',
          'kubernetes.io/config.source': 'file',
        },
      },
      spec: EMPTY_DIR,
    })
    await w.owned('x')
    const ran = await w.drain()
    expect(notesOf(ran.done)).toEqual([])
    expect(await isGone(w, 'mirror')).toBe(false)
    expect(await isGone(w, 'x')).toBe(true)
  })

  row(raw, 'DR-23', 'an emptyDir pod refuses the plan and offers the sentence', async (w) => {
    await w.owned('e', { spec: EMPTY_DIR })
    const ran = await w.drain()
    expect(ran.blocked.map(({ code, reason, sentence }) => ({ code, reason, sentence }))).toEqual([
      {
        code: 'DRAIN-LOCAL',
        reason: 'cannot delete Pods with local storage (use --delete-emptydir-data to override)',
        sentence: `drain ${w.a} on p10 aggressively`,
      },
    ])
    expect(w.audit()).toEqual([])
  })

  row(raw, 'DR-24', 'an emptyDir pod with the flag is evicted', async (w) => {
    await w.owned('e', { spec: EMPTY_DIR })
    const ran = await w.drain({ deleteEmptydirData: true })
    expect(ran.findings.find(({ topic }) => topic === 'emptydir')?.verdict).toBe('warn')
    expect(await isGone(w, 'e')).toBe(true)
  })

  row(raw, 'DR-25', 'finished pods with emptyDir or without controller are evicted without flags', async (w) => {
    await w.owned('e', { spec: EMPTY_DIR, phase: 'Succeeded' })
    await w.pod('naked', { phase: 'Failed' })
    const ran = await w.drain()
    expect(ran.blocked).toEqual([])
    expect(w.evictions().toSorted()).toEqual(['e', 'naked'])
  })

  row(raw, 'DR-26', 'hostPath and local volumes are evicted; a pinned one is named (us)', async (w) => {
    await raw.create('/api/v1/persistentvolumes', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'dr-26' },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'none',
        local: { path: '/data' },
        claimRef: { namespace: w.ns, name: 'data' },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [w.a] }] },
            ],
          },
        },
      },
    })
    await raw.create(`/api/v1/namespaces/${w.ns}/persistentvolumeclaims`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'none',
        volumeName: 'dr-26',
        resources: { requests: { storage: '1Gi' } },
      },
    })
    await w.owned('h', { spec: { volumes: [{ name: 'h', hostPath: { path: '/tmp' } }] } })
    await w.owned('l', { spec: { volumes: [{ name: 'l', persistentVolumeClaim: { claimName: 'data' } }] } })
    const ran = await w.drain()
    expect(ran.findings.filter(({ topic }) => topic === 'local-volume').map(({ object }) => object)).toEqual([
      `${w.ns}/l`,
    ])
    expect(w.evictions().toSorted()).toEqual(['h', 'l'])
    await raw.remove('/api/v1/persistentvolumes/dr-26')
  })

  row(raw, 'DR-27', 'several kinds of errors are all named, grouped', async (w) => {
    const make = async (): Promise<void> => {
      await Promise.all([w.pod('n1'), w.pod('n2'), w.owned('e1', { spec: EMPTY_DIR })])
    }
    const late = await w.drain({}, { between: make })
    expect(late.gate?.details?.toSorted()).toEqual([
      `cannot delete Pods that declare no controller (use --force to override): ${w.ns}/n1, ${w.ns}/n2`,
      `cannot delete Pods with local storage (use --delete-emptydir-data to override): ${w.ns}/e1`,
    ])
    const ran = await w.drain()
    expect(ran.blocked.map(({ code }) => String(code)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'DRAIN-LOCAL',
      'DRAIN-UNMANAGED',
      'DRAIN-UNMANAGED',
    ])
    expect(ran.blocked[0]?.sentence).toBe(`drain ${w.a} on p10 aggressively including unmanaged pods`)
  })
})
