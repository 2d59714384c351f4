import { expect, test } from 'vitest'
import type { DrainOptions } from '../../src/steps/drain-filters.ts'
import { evictPods } from '../../src/steps/evict-pods.ts'
import type { Finding } from '../../src/steps/step.ts'
import type { Cluster, Pdb, Pod, Workload } from '../../src/systems/kubernetes/port.ts'
import { DRAIN_OPTIONS, makeCluster, makeNode, makePdb, makePod } from './objects.ts'
import { previewOf } from './run-steps.ts'

const workload = (replicas: number): Workload => ({
  kind: 'Deployment',
  namespace: 'acme',
  name: 'web',
  uid: 'd',
  replicas,
  readyReplicas: replicas,
})

type World = {
  readonly pods: readonly Pod[]
  readonly pdbs?: readonly Pdb[]
  readonly replicas?: number
  readonly more?: Partial<Cluster>
}
async function findings(
  { pods, pdbs = [], replicas = 3, more = {} }: World,
  options: Partial<DrainOptions> = {},
): Promise<readonly Finding[]> {
  const cluster = makeCluster({
    node: async () => makeNode(),
    pods: async () => ({ items: pods, resourceVersion: '1' }),
    pdbs: async () => pdbs,
    workload: async () => workload(replicas),
    daemonSet: async (_namespace, name) => ({ name, uid: 'u' }),
    claimPinnedTo: async () => undefined,
    ...more,
  })
  const step = evictPods({
    cluster: 'p10',
    node: { name: 'server23', uid: 'uid-server23' },
    options: { ...DRAIN_OPTIONS, ...options },
    approved: new Set(),
    sentence: (words) => `say ${Object.keys(words).join(' ')}`,
  })
  return previewOf([step], cluster)
}
const short = (all: readonly Finding[]): readonly string[] =>
  all.map(({ topic, verdict, object }) => `${topic} ${verdict} ${object}`)

test('pods of one workload are one finding, whatever their names and number', async () => {
  const one = await findings({ pods: [makePod({ name: 'web-1' })] })
  const two = await findings({ pods: [makePod({ name: 'web-7' }), makePod({ name: 'web-8' })] })
  expect(short(one)).toEqual(['evict do acme/web'])
  expect(short(two)).toEqual(['evict do acme/web'])
  expect(one.map(({ key }) => key)).toEqual(two.map(({ key }) => key))
  expect(two[0]).toMatchObject({ count: 2, detail: 'web-7, web-8' })
})

test('one replica is named', async () => {
  expect(short(await findings({ pods: [makePod()], replicas: 1 }))).toEqual([
    'evict do acme/web',
    'single-replica warn acme/web',
  ])
})

test('a budget is a warning whose verdict does not follow its momentary count', async () => {
  const [free, full] = await Promise.all(
    [1, 0].map((disruptionsAllowed) => findings({ pods: [makePod()], pdbs: [makePdb({ disruptionsAllowed })] })),
  )
  expect(full?.map(({ key, verdict }) => [key, verdict])).toEqual(free?.map(({ key, verdict }) => [key, verdict]))
  expect(full?.at(-1)).toMatchObject({ topic: 'pdb', verdict: 'warn', code: 'DRAIN-PDB', reason: 'is at its limit' })
  expect(free?.at(-1)?.reason).not.toContain('limit')
})

test('another budget over the same workload is another key: the plan grew', async () => {
  const keys = async (pdbs: readonly Pdb[]) => (await findings({ pods: [makePod()], pdbs })).map(({ key }) => key)
  expect(await keys([])).not.toEqual(await keys([makePdb()]))
})

test('two budgets block, unless the pods are deleted or the server would not look', async () => {
  const pdbs = [makePdb(), makePdb({ name: 'also' })]
  expect(
    (await findings({ pods: [makePod()], pdbs }))
      .filter(({ verdict }) => verdict === 'block')
      .map(({ code, fix }) => [code, fix]),
  ).toEqual([['DRAIN-MULTIPDB', 'Remove one of the PDBs acme/web, acme/also.']])
  for (const calm of [
    await findings({ pods: [makePod({ phase: 'Pending' })], pdbs }),
    await findings({ pods: [makePod()], pdbs }, { disableEviction: true }),
  ])
    expect(calm.filter(({ verdict }) => verdict === 'block')).toEqual([])
})

test('what blocks says which sentence would let it go', async () => {
  const pods = [makePod({ name: 'n', controller: undefined }), makePod({ name: 'e', emptyDirs: ['x'] })]
  const all = await findings({ pods })
  expect(all.map(({ code, sentence }) => [code, sentence])).toEqual([
    ['DRAIN-UNMANAGED', 'say deleteEmptydirData force'],
    ['DRAIN-LOCAL', 'say deleteEmptydirData force'],
  ])
  expect(short(await findings({ pods }, { deleteEmptydirData: true, force: true }))).toEqual([
    'evict do acme/n',
    'unmanaged warn acme/n',
    'evict do acme/web',
    'emptydir warn acme/web',
  ])
})

test('what stays: DaemonSet pods, static pods', async () => {
  const controller = { kind: 'DaemonSet', apiVersion: 'apps/v1', name: 'calico-node', uid: 'u' }
  expect(short(await findings({ pods: [makePod({ controller }), makePod({ name: 'etcd', mirror: true })] }))).toEqual([
    'stays skip acme/calico-node',
    'mirror skip acme/etcd',
  ])
})

test('a local volume is named only when no other node has it', async () => {
  const pinned = (nodes: readonly string[] | undefined) =>
    findings({ pods: [makePod({ claims: ['data'] })], more: { claimPinnedTo: async () => nodes } })
  expect(short(await pinned(['server23']))).toContain('local-volume warn acme/web-1')
  expect(short(await pinned(['server23', 'server24']))).toEqual(['evict do acme/web'])
  expect(short(await pinned(undefined))).toEqual(['evict do acme/web'])
})

test('a node that is gone, or another one under its name, blocks', async () => {
  for (const node of [undefined, makeNode({ uid: 'other' })])
    expect(
      (await findings({ pods: [], more: { node: async () => node } })).map(({ verdict, code }) => [verdict, code]),
    ).toEqual([['block', 'K8S-NOT-FOUND']])
})
