import { afterAll, expect } from 'vitest'
import { drain } from '../../src/commands/drain.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import { real } from '../lab/need.ts'
import { heldDaemonSet, row, status } from './dr-row.ts'
import { isGone } from './dr-world.ts'
import { openRaw, until } from './kube-raw.ts'
import { runChange } from './run-steps.ts'

const notesOf = (
  done: readonly { readonly evidence: { readonly data?: Readonly<Record<string, unknown>> } }[],
): unknown => done.find(({ evidence }) => evidence.data?.['notes'] !== undefined)?.evidence.data?.['notes']

await real(['kube'], 'kubectl drain, rows 1 to 14', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())

  row(raw, 'DR-01', 'a schedulable node is cordoned before any pod is touched', async (w) => {
    await w.owned('x')
    const ran = await w.drain()
    expect(ran.error).toBeUndefined()
    expect(w.audit().map(({ method }) => method)).toEqual(['PATCH', 'POST'])
    expect((await w.node())['spec'].unschedulable).toBe(true)
    expect(await isGone(w, 'x')).toBe(true)
  })

  row(raw, 'DR-02', 'a cordoned node gets no PATCH, the drain goes on', async (w) => {
    await w.owned('x')
    await raw.patch(`/api/v1/nodes/${w.a}`, { spec: { unschedulable: true } })
    const ran = await w.drain()
    expect(ran.done[0]?.evidence.text).toBe('already cordoned')
    expect(w.audit().map(({ method }) => method)).toEqual(['POST'])
    expect(await isGone(w, 'x')).toBe(true)
  })

  row(raw, 'DR-03', 'a name that does not exist: nothing is touched', async (w) => {
    await w.owned('x')
    const ran = await w.drain({ nodes: [w.a, `${w.a}x`] })
    expect(ran.refusal?.code).toBe('PARSE-NODE')
    expect(ran.refusal?.details?.[0]).toContain(`did you mean ${w.a}`)
    expect(w.audit()).toEqual([])
  })

  row(
    raw,
    'DR-04',
    'several nodes in turn (us), control planes last, the first failure stops, the rest is pending',
    async (w) => {
      await w.owned('x', { node: w.b })
      await w.owned('y')
      await raw.patch(`/api/v1/nodes/${w.a}`, { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } })
      const ran = await w.drain({ nodes: [w.a, w.b] })
      expect(ran.target?.nodes.map(({ name }) => name)).toEqual([w.b, w.a])
      expect(ran.error?.code).toBe('DRAIN-EVICT')
      expect(ran.pending).toEqual([`drain ${w.b}`, `verify ${w.b}`, `cordon ${w.a}`, `drain ${w.a}`, `verify ${w.a}`])
      expect((await w.node(w.a))['spec'].unschedulable).toBeUndefined()
    },
    { tamper: ({ path }) => (path.endsWith('/pods/x/eviction') ? status(400, 'no') : undefined) },
  )

  row(raw, 'DR-05', 'a forbidden cordon stops it, nothing is evicted (us)', async (w) => {
    await w.owned('x')
    const path = '/apis/rbac.authorization.k8s.io/v1'
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'dr-05' } }
    await raw.create(`${path}/clusterroles`, {
      ...role,
      kind: 'ClusterRole',
      rules: [
        { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
      ],
    })
    await raw.create(`${path}/clusterrolebindings`, {
      ...role,
      kind: 'ClusterRoleBinding',
      roleRef: { kind: 'ClusterRole', name: 'dr-05', apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [{ kind: 'User', name: 'looker', apiGroup: 'rbac.authorization.k8s.io' }],
    })
    const cluster = openCluster({
      name: 'p10',
      credentials: { server: w.server },
      userAgent: 'sluice-test',
      impersonate: { user: 'looker', groups: [] },
      requestTimeoutMs: 10_000,
      clock: { now: Date.now },
    })
    const ran = await until('the role is known', async () => {
      const one = await runChange(drain, { cluster: 'p10', nodes: [w.a] }, cluster).catch(() => undefined)
      return one?.error === undefined ? undefined : one
    }).finally(() => cluster.close())
    expect(ran.error?.code).toBe('DRAIN-CORDON-FAILED')
    expect(w.evictions()).toEqual([])
    expect(await isGone(w, 'x')).toBe(false)
  })

  row(raw, 'DR-06', 'name and filter together, or neither', async (w) => {
    expect((await w.drain({ selector: { cordoned: true } })).refusal?.code).toBe('PARSE-AMBIGUOUS')
    expect((await w.drain({ nodes: undefined })).refusal?.code).toBe('PARSE-MISSING')
  })

  row(raw, 'DR-07', 'an empty node is drained', async (w) => {
    const ran = await w.drain()
    expect(ran.done.map(({ evidence }) => evidence.text)).toEqual(['cordoned', 'no pods to evict, 0 stay', 'drained'])
    expect(w.evictions()).toEqual([])
  })

  const expired = { left: 1 }
  row(
    raw,
    'DR-08',
    'long lists are read page by page; an expired page starts the list again (us). Pages of 2 by a proxy',
    async (w) => {
      await Promise.all(['p1', 'p2', 'p3', 'p4', 'p5'].map((name) => w.owned(name)))
      const ran = await w.drain()
      expect(ran.error).toBeUndefined()
      expect(w.evictions().toSorted()).toEqual(['p1', 'p2', 'p3', 'p4', 'p5'])
      expect(expired.left).toBe(0)
    },
    {
      rewrite: (path) => path.replace('limit=500', 'limit=2'),
      tamper: ({ path }) =>
        path.includes('continue=') && path.includes('spec.nodeName') && expired.left-- > 0
          ? status(410, 'expired', { reason: 'Expired' })
          : ((expired.left = Math.max(0, expired.left)), undefined),
    },
  )

  row(raw, 'DR-09', 'pods of ReplicaSet, ReplicationController, StatefulSet and Job are evicted', async (w) => {
    const template = (name: string): object => ({
      metadata: { labels: { app: name } },
      spec: {
        nodeName: w.a,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: 'registry.example/c:1' }],
      },
    })
    await w.deployment('rs', 1)
    await raw.create(`/api/v1/namespaces/${w.ns}/replicationcontrollers`, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'rc' },
      spec: { replicas: 1, selector: { app: 'rc' }, template: template('rc') },
    })
    await raw.create(`/apis/apps/v1/namespaces/${w.ns}/statefulsets`, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'ss' },
      spec: { serviceName: 'ss', replicas: 1, selector: { matchLabels: { app: 'ss' } }, template: template('ss') },
    })
    await raw.create(`/apis/batch/v1/namespaces/${w.ns}/jobs`, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job' },
      spec: {
        template: {
          ...template('job'),
          spec: { nodeName: w.a, restartPolicy: 'Never', containers: [{ name: 'c', image: 'registry.example/c:1' }] },
        },
      },
    })
    const uids = await until('four pods', async () => {
      const { body } = await raw.get(`/api/v1/namespaces/${w.ns}/pods`)
      const there = body['items'].filter((pod: { status: { phase: string } }) => pod.status.phase !== 'Pending')
      return there.length === 4
        ? there.map((pod: { metadata: { name: string } }) => pod.metadata.name.slice(0, 2)).toSorted()
        : undefined
    })
    expect(uids).toEqual(['jo', 'rc', 'rs', 'ss'])
    const ran = await w.drain({}, { only: ({ id }) => !id.startsWith('verify') })
    expect(ran.error).toBeUndefined()
    expect(
      ran.findings
        .filter(({ topic }) => topic === 'evict')
        .map(({ reason }) => reason)
        .toSorted(),
    ).toEqual(['evicted (Deployment)', 'evicted (Job)', 'evicted (ReplicationController)', 'evicted (StatefulSet)'])
    expect(
      w
        .evictions()
        .map((name) => name.slice(0, 2))
        .toSorted(),
    ).toEqual(['jo', 'rc', 'rs', 'ss'])
  })

  row(raw, 'DR-10', 'any other kind of controller will do, without force', async (w) => {
    await w.owned('x')
    const ran = await w.drain()
    expect(ran.findings.find(({ topic }) => topic === 'evict')?.reason).toBe('evicted (ConfigMap)')
    expect(await isGone(w, 'x')).toBe(true)
  })

  row(raw, 'DR-11', 'an owner that is no controller does not count', async (w) => {
    const { body } = await raw.get(`/api/v1/namespaces/${w.ns}/configmaps/owner`)
    await w.pod('x', { owner: { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: body['metadata'].uid } })
    const ran = await w.drain()
    expect(ran.blocked.map(({ code }) => code)).toEqual(['DRAIN-UNMANAGED'])
  })

  row(
    raw,
    'DR-12',
    'a naked pod refuses the plan: nothing is cordoned (us); found at the start it is a gate and nothing is evicted',
    async (w) => {
      await w.owned('x')
      const late = await w.drain({}, { between: async () => void (await w.pod('naked')) })
      expect(late.gate?.code).toBe('DRAIN-UNMANAGED')
      expect(late.gate?.details).toEqual([
        `cannot delete Pods that declare no controller (use --force to override): ${w.ns}/naked`,
      ])
      expect(w.evictions()).toEqual([])
      expect((await w.node())['spec'].unschedulable).toBe(true)
      await raw.patch(`/api/v1/nodes/${w.a}`, { spec: { unschedulable: false } })
      const ran = await w.drain()
      expect(ran.blocked.map(({ code, object, sentence }) => ({ code, object, sentence }))).toEqual([
        { code: 'DRAIN-UNMANAGED', object: `${w.ns}/naked`, sentence: `drain ${w.a} on p10 including unmanaged pods` },
      ])
      expect((await w.node())['spec'].unschedulable).toBeUndefined()
    },
  )

  row(raw, 'DR-13', 'a naked pod with force is evicted, with a warning', async (w) => {
    await w.pod('naked')
    const ran = await w.drain({ force: true })
    expect(notesOf(ran.done)).toEqual([`deleting Pods that declare no controller: ${w.ns}/naked`])
    expect(await isGone(w, 'naked')).toBe(true)
  })

  row(raw, 'DR-14', 'a DaemonSet pod without ignoring them is fatal', async (w) => {
    await w.pod('ds', { owner: await heldDaemonSet(w, 'ds') })
    const ran = await w.drain({ ignoreDaemonsets: false })
    expect(ran.blocked.map(({ code, reason }) => [code, reason])).toEqual([
      ['DRAIN-DAEMONSET', 'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)'],
    ])
  })
})
