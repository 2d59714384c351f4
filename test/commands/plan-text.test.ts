import { expect, test } from 'vitest'
import type { Plan } from '../../src/jobs/job.ts'
import { plain } from '../../src/message.ts'
import { planBlocks } from '../../src/plan-text.ts'
import type { Finding } from '../../src/steps/step.ts'

const finding = (topic: string, object: string, more: Partial<Finding> = {}): Finding => ({
  key: `${topic} ${object}`,
  topic,
  object,
  verdict: 'do',
  reason: 'r',
  ...more,
})
const plan = (findings: readonly Finding[], more: Partial<Plan> = {}): Plan => ({
  target: {
    cluster: 'p10',
    clusterUid: 'u',
    nodes: [{ name: 'server23', uid: 'n', controlPlane: false }],
    args: {},
    sentence: 'drain server23 on p10',
  },
  risk: 'disruptive',
  findings,
  facts: {},
  hash: 'h',
  steps: [
    { id: 'cordon server23', title: '' },
    { id: 'drain server23', title: '' },
  ],
  plannedAtMs: 0,
  ...more,
})
const said = (findings: readonly Finding[], more: Partial<Plan> = {}): string =>
  plain({ blocks: planBlocks(plan(findings, more)) })

const DRAIN = [
  finding('evict', 'acme/gitea', { count: 15 }),
  finding('evict', 'gitea-acme/gitea-acme-0', { count: 1 }),
  finding('evict', 'redmine/redmine-db-0', { count: 1 }),
  finding('single-replica', 'gitea-acme/gitea-acme-0', { verdict: 'warn' }),
  finding('single-replica', 'redmine/redmine-db-0', { verdict: 'warn' }),
  finding('pdb', 'acme/gitea', { verdict: 'warn', reason: 'is at its limit' }),
  finding('pdb', 'acme/other', { verdict: 'warn', reason: 'lets only some go at a time' }),
  ...[1, 2, 3, 4, 5, 6].map((i) => finding('stays', `kube-system/calico-node-${i}`, { verdict: 'skip', count: 1 })),
]

test('the headline of a drain', () => {
  expect(said(DRAIN).split('\n')[0]).toBe(
    'server23 on p10: 17 pods to evict, 6 daemonset pods stay, 2 single-replica (gitea-acme-0, redmine-db-0) will be down during the move, 1 PDB at its limit',
  )
})

test('one of each is in the singular, nothing is not spoken of', () => {
  const text = said([finding('evict', 'acme/x', { count: 1 }), finding('stays', 'kube-system/y', { verdict: 'skip' })])
  expect(text.split('\n')[0]).toBe('server23 on p10: 1 pod to evict, 1 daemonset pod stays')
})

test('what blocks comes first, with its code and what to do', () => {
  const text = said([
    ...DRAIN,
    finding('emptydir', 'acme/e', {
      verdict: 'block',
      code: 'DRAIN-LOCAL',
      reason: 'cannot delete Pods with local storage',
      fix: 'Say `aggressively`.',
    }),
  ])
  expect(text.split('\n')[1]).toContain(
    'DRAIN-LOCAL: acme/e: cannot delete Pods with local storage. Say `aggressively`.',
  )
})

test('capacity is said, and a warning when it does not fit or cannot be read', () => {
  const value = {
    needed: { cpuMillis: 500, memoryBytes: 2 ** 30 },
    free: { cpuMillis: 400, memoryBytes: 2 ** 31 },
    nodesLeft: 3,
    fits: false,
  }
  expect(said([], { facts: { capacity: { ok: true, value } } })).toContain(
    '⚠ Capacity: the pods ask for 500m CPU and 1.0 GiB; 3 other nodes have 400m CPU and 2.0 GiB free. They do not fit.',
  )
  expect(said([], { facts: { capacity: { ok: true, value: { ...value, fits: true } } } })).not.toContain('⚠')
  expect(said([], { facts: { capacity: { ok: false, why: 'forbidden' } } })).toContain(
    '⚠ Capacity cannot be read: forbidden',
  )
})

test('control planes are marked', () => {
  const nodes = [
    { name: 'server23', uid: 'n', controlPlane: false },
    { name: 'server63', uid: 'c', controlPlane: true },
  ]
  const target = { ...plan([]).target, nodes }
  expect(said([], { target })).toContain('⚠ Control plane: server63, done last and one at a time.')
})

test('other changes say their sentence', () => {
  const text = said([finding('cordon', 'server23', { reason: 'no new pods start here' })], {
    steps: [{ id: 'cordon server23', title: '' }],
    target: { ...plan([]).target, sentence: 'cordon server23 on p10' },
  })
  expect(text).toMatch(/^cordon server23 on p10\n/)
  expect(text).toContain('server23: no new pods start here')
})

test('what moves is said by namespace, each workload once over all nodes', () => {
  const text = said([
    ...DRAIN,
    finding('evict', 'acme/shop', { count: 2 }),
    finding('evict', 'acme/shop', { count: 1, key: 'evict server24 acme/shop' }),
  ])
  expect(text).toContain('Evicted:\n- acme: gitea ×15, shop ×3\n- gitea-acme/gitea-acme-0, redmine/redmine-db-0\n')
  expect(text).toContain('Stay (DaemonSet): calico-node-1, calico-node-2,')
})

test('a budget with room says its numbers, one at its limit says so', () => {
  const text = said([
    finding('pdb', 'acme/a', { verdict: 'warn', reason: 'is at its limit', detail: '1 pod here' }),
    finding('pdb', 'acme/b', { verdict: 'warn', reason: 'lets only some go at a time', detail: '2 pods here' }),
  ])
  expect(text).toContain('- acme/a: is at its limit (1 pod here)\n- acme/b: 2 pods here')
})

test('many single replicas are counted in the headline and named once below', () => {
  const text = said([1, 2, 3, 4].map((i) => finding('single-replica', `acme/db-${i}`, { verdict: 'warn' })))
  expect(text.split('\n')[0]).toContain('4 single-replica will be down during the move')
  expect(text.split('\n')[1]).toBe('Down during the move (one replica): acme: db-1, db-2, db-3, db-4')
})

test('the same reason to refuse is one note with all its objects', () => {
  const why = {
    verdict: 'block',
    code: 'DRAIN-LOCAL',
    reason: 'has local data',
    fix: 'Say so.',
    detail: 'pod',
  } as const
  const text = said([finding('emptydir', 'acme/a', why), finding('emptydir', 'acme/b', why)])
  expect(text.split('\n')[1]).toBe('✘ DRAIN-LOCAL: acme/a, acme/b: has local data. Say so.')
})

test('a drain does not say that it cordons, but that it does not', () => {
  const cordon = (verdict: Finding['verdict']) => said([finding('cordon', 'server23', { verdict, reason: 'is so' })])
  expect(cordon('do')).not.toContain('Cordon')
  expect(cordon('skip')).toContain('Cordon: server23: is so')
})
