import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ClusterOptions, openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Cluster, Pod, PodEvent } from '../../src/systems/kubernetes/port.ts'

export type MadeCluster = {
  readonly credentials: ClusterOptions['credentials']
  /** A namespace with a Deployment of three Ready pods on `node`, all under one budget that allows one disruption,
   * and one pod under a budget that allows none. */
  readonly namespace: string
  readonly node: string
  readonly stop: () => Promise<void>
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What every API server must do through the adapter, practice or real. */
export function clusterContract(name: string, make: () => Promise<MadeCluster>): void {
  describe(name, () => {
    let made: MadeCluster
    let cluster: Cluster
    const readyPods = (app = 'web', count = 3): Promise<readonly Pod[]> =>
      until(async () => {
        const { items } = await cluster.pods({ namespace: made.namespace, labelSelector: `app=${app}` })
        const ready = items.filter((pod) => pod.ready && pod.deletionAtMs === undefined)
        return ready.length === count ? ready : undefined
      })
    const room = () =>
      until(async () =>
        (await cluster.pdbs({ namespace: made.namespace })).find(
          (pdb) => pdb.name === 'web' && pdb.disruptionsAllowed === 1,
        ),
      )
    beforeAll(async () => {
      made = await make()
      const { credentials } = made
      const clock = { now: Date.now }
      cluster = openCluster({
        name: 'p10',
        credentials,
        userAgent: 'sluice/0.1 (nico)',
        requestTimeoutMs: 10_000,
        clock,
      })
      await readyPods()
    })
    afterAll(async () => {
      await cluster.close()
      await made.stop()
    })

    it('knows who the cluster is, its version and its clock', async () => {
      expect(await cluster.identity()).toMatch(/^[0-9a-f-]{36}$/)
      expect(await cluster.version()).toMatch(/^v1\./)
      expect(await cluster.serverTimeMs()).toBeGreaterThan(Date.UTC(2020, 0))
    })

    it('reads nodes, and knows that there is none', async () => {
      const nodes = await cluster.nodes()
      const mine = nodes.find((node) => node.name === made.node)
      expect(mine).toMatchObject({ ready: 'True', unschedulable: false, controlPlane: false })
      expect(mine?.allocatable.cpuMillis).toBeGreaterThan(0)
      expect(nodes.some((node) => node.controlPlane && node.roles.includes('control-plane'))).toBe(true)
      expect((await cluster.node(made.node))?.uid).toBe(mine?.uid)
      expect(await cluster.node('server999')).toBeUndefined()
    })

    it('cordons only the node that was read', async () => {
      const node = await until(async () => cluster.node(made.node))
      const patch = { uid: node.uid, unschedulable: true, annotations: { 'sluice/cordoned-by': '17' } }
      expect(await cluster.patchNode(made.node, { ...patch, dryRun: true })).toMatchObject({ unschedulable: true })
      expect(await cluster.node(made.node)).toMatchObject({ unschedulable: false })
      expect(await cluster.patchNode(made.node, patch)).toMatchObject({
        unschedulable: true,
        annotations: patch.annotations,
      })
      const stale = { uid: node.uid, resourceVersion: node.resourceVersion, unschedulable: false }
      await expect(cluster.patchNode(made.node, stale)).rejects.toMatchObject({ code: 'K8S-CONFLICT' })
      await expect(cluster.patchNode(made.node, { ...patch, uid: NOBODY })).rejects.toMatchObject({
        code: 'K8S-CONFLICT',
      })
      await expect(cluster.patchNode('server999', patch)).rejects.toMatchObject({ code: 'K8S-NOT-FOUND' })
      const back = await cluster.patchNode(made.node, {
        uid: node.uid,
        unschedulable: false,
        annotations: { 'sluice/cordoned-by': null },
      })
      expect(back.unschedulable).toBe(false)
      expect(back.annotations['sluice/cordoned-by']).toBeUndefined()
    })

    it('reads pods by node and by label, their owners, and the budget over them', async () => {
      const pods = await readyPods()
      expect((await cluster.pods({ node: made.node })).items.map((p) => p.uid)).toEqual(
        expect.arrayContaining(pods.map((p) => p.uid)),
      )
      expect((await cluster.pods({ namespace: made.namespace, labelSelector: 'app=nothing' })).items).toEqual([])
      const owner = pods[0]?.controller
      expect(owner).toMatchObject({ kind: 'ReplicaSet', apiVersion: 'apps/v1' })
      if (owner === undefined) throw new Error('the pod has no owner')
      expect(await cluster.workload(made.namespace, owner)).toMatchObject({ kind: 'Deployment', replicas: 3 })
      expect(await cluster.workload(made.namespace, { ...owner, uid: NOBODY })).toBeUndefined()
      expect(await cluster.workload(made.namespace, { ...owner, kind: 'Rollout' })).toBeUndefined()
      expect(await cluster.daemonSet(made.namespace, 'none')).toBeUndefined()
      const pdbs = await cluster.pdbs({ namespace: made.namespace })
      expect(pdbs).toContainEqual(
        expect.objectContaining({ name: 'web', maxUnavailable: '1', expectedPods: 3, disruptionsAllowed: 1 }),
      )
      expect(await cluster.pod(made.namespace, 'none')).toBeUndefined()
    })

    it('finds nothing where there is nothing', async () => {
      expect(await cluster.custom('example.org', 'v1', 'nothings')).toEqual([])
      expect(await cluster.configMap('kube-system', 'none')).toBeUndefined()
      expect(await cluster.lease('kube-node-lease', 'server999')).toBeUndefined()
      expect(await cluster.claimPinnedTo(made.namespace, 'none')).toBeUndefined()
    })

    it('knows when a kubelet was last heard', async () => {
      const [lease, nowMs] = [await cluster.lease('kube-node-lease', made.node), await cluster.serverTimeMs()]
      expect(Math.abs(nowMs - (lease?.renewedAtMs ?? 0))).toBeLessThan(120_000)
    })

    it('gives a Lease to one holder until its time has run out, and then to one', async () => {
      const lease = (holder: string, durationMs = 60_000, name = 'guard') => ({
        namespace: made.namespace,
        name,
        holder,
        durationMs,
        annotations: { 'sluice/job': `17 of ${holder}\u202E\n` },
      })
      const ours = { kind: 'ours', untilMs: expect.any(Number) }
      /** How many of those that ask at once have it. */
      const winners = async (durationMs: number, name?: string) => {
        const asks = ['b', 'c', 'd', 'e', 'f'].map((holder) => cluster.holdLease(lease(holder, durationMs, name)))
        return (await Promise.all(asks)).filter(({ kind }) => kind === 'ours').length
      }
      expect(await winners(60_000, 'new')).toBe(1)
      const beganMs = performance.now()
      const first = await cluster.holdLease(lease('a', 1_000))
      expect(first).toEqual(ours)
      expect(first.kind === 'ours' && first.untilMs).toBeLessThan(beganMs + 1_000)
      expect(await until(async () => (await winners(1_000)) || undefined)).toBe(1)
      await until(async () => ((await cluster.holdLease(lease('a'))).kind === 'ours' ? true : undefined))
      expect(await cluster.holdLease(lease('a'))).toEqual(ours)
      expect(await cluster.holdLease(lease('b'))).toEqual({
        kind: 'other',
        holder: 'a',
        annotations: { 'sluice/job': '17 of a??' },
      })
      expect((await cluster.lease(made.namespace, 'guard'))?.holder).toBe('a')
      const before = await cluster.lease(made.namespace, 'guard')
      expect(await cluster.holdLease(lease('a'))).toEqual(ours)
      await cluster.freeLease(made.namespace, 'guard', before?.resourceVersion ?? '')
      expect((await cluster.holdLease(lease('b'))).kind).toBe('other')
      const now = await cluster.lease(made.namespace, 'guard')
      await cluster.freeLease(made.namespace, 'guard', now?.resourceVersion ?? '')
      expect(await cluster.holdLease(lease('b'))).toEqual(ours)
    })

    it('evicts as the server allows: dry run, another uid, a budget at its limit, gone', async () => {
      const [[first], [second]] = [await readyPods(), await readyPods('fixed', 1)]
      if (first === undefined || second === undefined) throw new Error('there are no pods')
      const own = { gracePeriodSeconds: -1 }
      await room()
      expect(await cluster.evict(first, { ...own, uid: first.uid, dryRun: true })).toEqual({ kind: 'accepted' })
      expect(await cluster.pod(made.namespace, first.name)).toMatchObject({ uid: first.uid })
      expect(await cluster.deletePod(first, { ...own, uid: NOBODY })).toEqual({ kind: 'replaced' })

      const list = await cluster.pods({ namespace: made.namespace })
      const stop = new AbortController()
      const events: PodEvent[] = []
      const gone = Promise.withResolvers<void>()
      const watching = cluster.watchPods(
        { namespace: made.namespace, resourceVersion: list.resourceVersion, known: list.items, signal: stop.signal },
        (event) => {
          events.push(event)
          if (event.type === 'DELETED' && event.pod.uid === first.uid) gone.resolve()
        },
      )
      expect(await cluster.evict(first, { ...own, uid: first.uid })).toEqual({ kind: 'accepted' })
      const no = await cluster.evict(second, { ...own, uid: second.uid })
      expect(no).toMatchObject({ kind: 'later', cause: 'budget', budget: 'fixed' })
      await gone.promise
      stop.abort()
      await watching
      expect(
        events.some((e) => e.type === 'MODIFIED' && e.pod.uid === first.uid && e.pod.deletionAtMs !== undefined),
      ).toBe(true)
      expect(await cluster.evict(first, { ...own, uid: first.uid })).toEqual({ kind: 'gone' })
      expect(await cluster.deletePod(first, { ...own, uid: first.uid })).toEqual({ kind: 'gone' })
    })

    it('knows that the name belongs to another pod by now', async () => {
      // A real server takes the budget's room before it looks at the uid, so that this comes after the others.
      const [pod] = await readyPods()
      await room()
      if (pod === undefined) throw new Error('there are no pods')
      expect(await cluster.evict(pod, { gracePeriodSeconds: -1, uid: NOBODY })).toEqual({ kind: 'replaced' })
      expect(await cluster.pod(made.namespace, pod.name)).toMatchObject({ uid: pod.uid })
    })

    it('tells of budgets as they are and as they come to be', async () => {
      const stop = new AbortController()
      const seen = Promise.withResolvers<string>()
      const watching = cluster.watchPdbs({ signal: stop.signal }, ({ pdb }) => {
        if (pdb.namespace === made.namespace && pdb.name === 'web') seen.resolve(pdb.name)
      })
      expect(await seen.promise).toBe('web')
      stop.abort()
      await watching
    })

    it('says K8S-CREDENTIALS when the server does not know the token', async () => {
      const { server, ca } = await serverOf(made)
      const clock = { now: Date.now }
      const credentials = { server, ca, token: 'nobody' }
      const stranger = openCluster({ name: 'p10', credentials, userAgent: 'x', requestTimeoutMs: 5_000, clock })
      await expect(stranger.nodes()).rejects.toMatchObject({ code: 'K8S-CREDENTIALS' })
      await stranger.close()
    })
  })
}

async function serverOf({ credentials }: MadeCluster): Promise<{ server: string; ca: string }> {
  if ('server' in credentials) return { server: credentials.server, ca: credentials.ca ?? '' }
  const { KubeConfig } = await import('@kubernetes/client-node')
  const kc = new KubeConfig()
  kc.loadFromFile(credentials.kubeconfig)
  const found = kc.getCurrentCluster()
  return { server: found?.server ?? '', ca: Buffer.from(found?.caData ?? '', 'base64').toString() }
}

/** The objects that the contract wants, for a server that takes them as kubectl would send them. */
export const contractObjects = (namespace: string, node: string): readonly object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  ...app(namespace, node, 'web', 3, { maxUnavailable: 1 }),
  ...app(namespace, node, 'fixed', 1, { minAvailable: 1 }),
]

const app = (namespace: string, node: string, name: string, replicas: number, budget: object): readonly object[] => [
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { ...budget, selector: { matchLabels: { app: name } } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': node },
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'c', image: 'registry.example/c:1' }],
        },
      },
    },
  },
]
