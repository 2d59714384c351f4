import { expect, test } from 'vitest'
import type { AnswerCommand, Capabilities, Situation } from '../../src/commands/command.ts'
import { listNodes } from '../../src/commands/list-nodes.ts'
import { showNode } from '../../src/commands/show-node.ts'
import { stuckPods } from '../../src/commands/stuck-pods.ts'
import { isRefusal } from '../../src/errors.ts'
import { plain } from '../../src/message.ts'
import type { Node, Pod } from '../../src/systems/kubernetes/port.ts'
import { makeCluster, makeNode, makePod } from '../steps/objects.ts'

const DAY_MS = 86_400_000
const NOW_MS = 100 * DAY_MS
const NODES: readonly Node[] = [
  makeNode({
    name: 'server63',
    controlPlane: true,
    roles: ['master', 'control-plane'],
    createdAtMs: NOW_MS - 52 * DAY_MS,
    kubeletVersion: 'v1.22.0',
  }),
  makeNode({
    name: 'server23',
    createdAtMs: NOW_MS - 52 * DAY_MS,
    unschedulable: true,
    annotations: {
      'sluice.ungleich.ch/cordon-job': '17',
      'sluice.ungleich.ch/cordon-person': 'fran',
      'sluice.ungleich.ch/cordon-reason': 'bad disk',
    },
  }),
  makeNode({ name: 'server22', createdAtMs: NOW_MS - 3 * 3_600_000, ready: 'Unknown', kubeletVersion: 'v1.22.0' }),
]

async function say(command: AnswerCommand, args: object, pods: readonly Pod[] = []): Promise<string> {
  const cluster = makeCluster({
    nodes: async () => NODES,
    serverTimeMs: async () => NOW_MS,
    pods: async ({ node }) => ({
      items: pods.filter((pod) => node === undefined || pod.node === node),
      resourceVersion: '1',
    }),
  })
  // an answer gets no more than it takes
  const ctx = { cluster: async () => cluster, signal: new AbortController().signal } as unknown as Capabilities &
    Situation
  const parsed = command.args.parse({ cluster: 'p10', ...args })
  const answer = await command.answer(parsed, ctx)
  return isRefusal(answer) ? `${answer.code} ${answer.text} ${(answer.details ?? []).join(' ')}` : plain(answer)
}
const rows = async (args: object): Promise<readonly string[]> =>
  (await say(listNodes, args))
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/)[0] ?? '')

test("list nodes: kubectl's columns, in kubectl's order", async () => {
  expect(await say(listNodes, {})).toBe(
    [
      'NAME       STATUS                     ROLES                  AGE   VERSION',
      'server22   NotReady                   <none>                 3h    v1.22.0',
      'server23   Ready,SchedulingDisabled   <none>                 52d   v1.22.2',
      'server63   Ready                      control-plane,master   52d   v1.22.0',
    ].join('\n'),
  )
})

test('list nodes wide has the other columns', async () => {
  const [head, first] = (await say(listNodes, { wide: true })).split('\n')
  expect(head?.split(/\s{2,}/).slice(5)).toEqual([
    'INTERNAL-IP',
    'EXTERNAL-IP',
    'OS-IMAGE',
    'KERNEL-VERSION',
    'CONTAINER-RUNTIME',
  ])
  expect(first?.split(/\s{2,}/).slice(5)).toEqual([
    'fd00:0:0:1::23',
    '<none>',
    'Debian GNU/Linux 12 (bookworm)',
    '6.1.0-35-amd64',
    'containerd://1.7.24',
  ])
})

test('list nodes: filters', async () => {
  expect(await rows({ cordoned: true })).toEqual(['server23'])
  expect(await rows({ ready: false })).toEqual(['server22'])
  expect(await rows({ role: 'control-plane' })).toEqual(['server63'])
  expect(await rows({ role: 'worker' })).toEqual(['server22', 'server23'])
  expect(await rows({ olderThanVersion: 'v1.22.2' })).toEqual(['server22', 'server63'])
  expect(await rows({ selector: { cordoned: true }, role: 'control-plane' })).toEqual([])
})

test('show node: who cordoned it, and its pods by namespace', async () => {
  const pods = [
    makePod({ name: 'b' }),
    makePod({ name: 'a' }),
    makePod({ namespace: 'rook', name: 'osd', waitingReason: 'CrashLoopBackOff', ready: false }),
    makePod({ name: 'other', node: 'server24' }),
  ]
  const text = await say(showNode, { node: 'server23' }, pods)
  expect(text).toContain('Cordoned by: fran (job 17): bad disk')
  expect(text).toContain('Pods: 3 of 110')
  expect(text).toMatch(/acme: a, b\n.*rook: osd \(CrashLoopBackOff\)/)
})

test('show node: a name that is nearly right', async () => {
  expect(await say(showNode, { node: 'server24' })).toMatch(
    /^PARSE-NODE There is no node server24 on p10\. Did you mean server23 or server22/,
  )
})

test('stuck pods: longer than five minutes beyond the grace period, the oldest first', async () => {
  const pods = [
    makePod({ name: 'young', deletionAtMs: NOW_MS - 299_000 }),
    makePod({ name: 'old', deletionAtMs: NOW_MS - 301_000, finalizers: ['kubelab.example/hold'] }),
    makePod({ name: 'older', deletionAtMs: NOW_MS - 2 * DAY_MS, node: undefined }),
    makePod({ name: 'alive' }),
  ]
  const lines = (await say(stuckPods, {}, pods)).split('\n').map((line) => line.split(/\s{2,}/))
  expect(lines.slice(1)).toEqual([
    ['acme', 'older', '<none>', '2d', '<none>'],
    ['acme', 'old', 'server23', '5m1s', 'kubelab.example/hold'],
  ])
  expect(await say(stuckPods, {}, [makePod()])).toContain('No pod of p10')
})
