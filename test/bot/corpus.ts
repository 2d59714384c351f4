import { card, endLine, refusal, type View } from '../../src/bot/cards.ts'
import { closedQuestion, questionCard } from '../../src/bot/question-card.ts'
import { help } from '../../src/commands/help.ts'
import { isRefusal, refuse } from '../../src/errors.ts'
import type { Plan, Question, Revision } from '../../src/jobs/job.ts'
import type { Message } from '../../src/message.ts'
import type { Decide } from '../../src/policies/policy.ts'
import type { Finding } from '../../src/steps/step.ts'
import { ask, world } from '../commands/jobs-by-hand.ts'

/** Messages as people see them, made by the cards themselves from a drain of the practice cluster: for widths and for pictures. */
export type Example = { readonly name: string; readonly message: Message }

const AT = Date.parse('2026-11-25T10:00:00+01:00')
const MINUTE_MS = 60_000
const view: View = {
  nowMs: AT + 3 * MINUTE_MS,
  timeZone: 'Europe/Zurich',
  practice: true,
  ticketUrl: (id) => `https://redmine.example.org/issues/${id}`,
}

const finding = (topic: string, object: string, more: Partial<Finding> = {}): Finding => ({
  key: `${topic} ${object}`,
  object,
  verdict: 'do',
  reason: 'will be evicted',
  topic,
  ...more,
})
const PODS = [
  'acme/gitea-acme-0',
  'acme/jitsi-web',
  'acme/mailman-web',
  'acme/matrix-synapse',
  'acme/nextcloud',
  'acme/redmine-db-0',
  'rook-ceph/rook-ceph-mon-b',
  'rook-ceph/rook-ceph-osd-2',
  'rook-ceph/rook-ceph-osd-3',
  'argocd/argocd-repo-server',
  'calico-system/calico-typha',
  'harbor/harbor-core',
  'ingress-nginx/ingress-nginx-controller',
  'kube-system/coredns',
]
const SINGLE = ['acme/gitea-acme-0', 'acme/redmine-db-0', 'rook-ceph/rook-ceph-mon-b']
const STAY = ['calico-node', 'kube-proxy', 'node-exporter', 'csi-cephfsplugin', 'csi-rbdplugin', 'rook-discover']
const budget = (object: string, detail: string): Finding =>
  finding('pdb', object, { verdict: 'warn', reason: 'lets only some go at a time', detail })

const findings: readonly Finding[] = [
  ...PODS.map((object) => finding('evict', object)),
  finding('evict', 'acme/shop-web', { count: 2 }),
  ...SINGLE.map((object) => finding('single-replica', object, { verdict: 'warn', reason: 'has one replica' })),
  budget('acme/shop-web', '2 pods here; needs 2 healthy, has 3, lets 1 go now'),
  budget('rook-ceph/rook-ceph-osd', '2 pods here; needs 11 healthy, has 12, lets 1 go now'),
  ...STAY.map((name) => finding('stays', `kube-system/${name}`, { verdict: 'skip', reason: 'is a DaemonSet’s' })),
]
const STEPS = [
  { id: 'cordon server23', title: 'cordon server23' },
  { id: 'drain server23', title: 'evict the pods of server23 (at most 30m)' },
  { id: 'verify server23', title: 'verify that server23 is drained' },
]

export const plan: Plan = {
  target: {
    cluster: 'p10',
    clusterUid: 'u',
    nodes: [{ name: 'server23', uid: 'n', controlPlane: false }],
    args: {},
    sentence: 'drain server23 on p10',
  },
  risk: 'disruptive',
  findings,
  facts: {
    capacity: {
      ok: true,
      value: {
        needed: { cpuMillis: 1_700, memoryBytes: 2.1 * 2 ** 30 },
        free: { cpuMillis: 279_000, memoryBytes: 1131.8 * 2 ** 30 },
        nodesLeft: 9,
        fits: true,
      },
    },
  },
  hash: 'h1',
  steps: STEPS,
  plannedAtMs: AT,
}
export const question: Question = {
  id: '17.1',
  kind: 'approval',
  code: null,
  text: 'drain server23 on p10',
  details: [],
  planHash: 'h1',
  needs: { approvals: 1, from: ['fran', 'amal'], denyCount: 1, withinMs: 30 * MINUTE_MS },
  choices: [],
  growth: [],
  votes: [],
  askedAtMs: AT,
  expiresAtMs: AT + 30 * MINUTE_MS,
}

type Mark = Revision['steps'][number]['mark']
/** The drain with its three steps so marked. */
export const revision = (marks: readonly Mark[], more: Partial<Revision>): Revision => ({
  job: '17',
  revision: 3,
  state: 'waiting',
  code: null,
  atMs: AT,
  asked: {
    command: 'drain',
    args: {},
    by: 'nico',
    room: 'ops',
    text: 'drain server23 on p10 #1234',
    atMs: AT,
    event: 'e',
    ticket: '1234',
  },
  plan,
  approvedBy: [],
  steps: STEPS.map((step, i) => ({ ...step, mark: marks[i] ?? 'pending' })),
  locks: [],
  practice: true,
  ...more,
})

const running = revision(['done', 'running'], {
  state: 'running',
  approvedBy: ['fran'],
  startedAtMs: AT + MINUTE_MS,
  progress: {
    done: 12,
    of: 17,
    waiting: [
      {
        object: 'rook-ceph/rook-ceph-osd-3-cb9xsdbhh7-m6ww2',
        why: 'PDB rook-ceph-osd needs 11 healthy, has 11',
        sinceMs: AT + 2 * MINUTE_MS,
      },
      { object: 'acme/redmine-db-0', why: 'terminating', sinceMs: AT + 2.5 * MINUTE_MS },
    ],
  },
})
const done = revision(['done', 'done', 'done'], {
  state: 'done',
  approvedBy: ['fran'],
  startedAtMs: AT + MINUTE_MS,
  endedAtMs: AT + 5.2 * MINUTE_MS,
})
const failed = revision(['done', 'failed'], {
  state: 'failed',
  code: 'DRAIN-EVICT',
  approvedBy: ['fran'],
  startedAtMs: AT + MINUTE_MS,
  endedAtMs: AT + 31 * MINUTE_MS,
  result: {
    text: 'rook-ceph-osd-3 could not be evicted: its PodDisruptionBudget let nothing go for 30m',
    details: ['server23 stays cordoned', '16 of 17 pods are gone'],
    next: 'See `stuck pods p10`, then `resume 17`.',
  },
  offer: 'uncordon server23 on p10',
})
const gate: Question = {
  ...question,
  id: '17.2',
  kind: 'gate',
  code: 'DRAIN-EVICT',
  text: 'rook-ceph-osd-3 is not gone after 30m',
  details: ['PDB rook-ceph-osd needs 11 healthy, has 11'],
  choices: [
    { word: 'wait', label: 'Wait 30 min more', risk: 'disruptive' },
    { word: 'abort', label: 'Stop here', risk: 'change' },
    { word: 'force', label: 'Delete it without the budget', risk: 'destructive' },
  ],
}
const voted: Question = { ...question, votes: [{ person: 'fran', choice: 'approve', atMs: AT, event: 'v' }] }

const NODES = ['22', '23', '24', '25', '26', '27'].map((n) => [
  `server${n}`,
  n === '23' ? 'Ready,SchedulingDisabled' : 'Ready',
  n === '22' ? 'control-plane' : '<none>',
  '412d',
  'v1.33.4',
])
const wide = ['2a0a:e5c0:10:1::23', '<none>', 'Debian GNU/Linux 12 (bookworm)', '6.1.0-38-amd64', 'containerd://1.7.27']

/** As an operator has it: alone off production, there with somebody else. */
const decide: Decide = ({ cluster }) =>
  cluster?.type === 'production' ? { kind: 'needs', needs: question.needs, rules: [] } : { kind: 'allow', rules: [] }
async function helpOf(): Promise<Message> {
  const said = await ask(help, {}, world([], { decide }))
  if (isRefusal(said)) throw new Error('help never refuses')
  return said
}

const missing: Message = {
  blocks: [
    { kind: 'code', text: 'drain servr23 on p10\n      ^^^^^^^' },
    { kind: 'note', tone: 'info', text: 'servr23 is not a node of any cluster. Nothing was done. (PARSE-NODE)' },
    { kind: 'text', text: '1. server23\n2. server24' },
    { kind: 'text', text: 'Within 10m: answer with the number or the name, or react with the digit.' },
  ],
  buttons: [
    { id: 'say:drain server23 on p10', label: 'server23' },
    { id: 'say:drain server24 on p10', label: 'server24' },
  ],
  reactions: ['1️⃣', '2️⃣'],
}

const local = refuse('DRAIN-LOCAL', 'cannot delete Pods with local storage: acme/jitsi-web, harbor/harbor-core', {
  details: ['acme/jitsi-web: emptyDir recordings, 1.2 GiB', 'harbor/harbor-core: emptyDir psc, 4 KiB'],
  choices: [{ label: 'Drain aggressively', text: 'drain server23 on p10 aggressively' }],
})

const foreign: Message = {
  blocks: [
    { kind: 'heading', text: 'Wörter aus aller Welt 日本語の見出し' },
    {
      kind: 'fields',
      rows: [
        ['申請者', 'nico 👩‍💻 は server23 を空にします'],
        ['ticket', [{ link: '#1234', url: 'https://redmine.example.org/issues/1234' }]],
      ],
    },
    {
      kind: 'table',
      columns: ['名前', 'STATUS', 'メモ'],
      rows: [['サーバー23', 'Ready', '再起動を待っています。 理由は新しいディスクです']],
    },
    { kind: 'text', text: 'Cafe\u0301 ☕️ und ein sehrlangeswortohneleerzeichenundohnesatzzeichendasnirgendspasst' },
  ],
}

/** All of them, in the order of a job's life, then the other answers. */
export const corpus = async (): Promise<readonly Example[]> => [
  { name: 'card-waiting', message: card(revision([], {}), view) },
  { name: 'question', message: questionCard(revision([], {}), question, view) },
  { name: 'answered', message: closedQuestion(revision([], { state: 'queued' }), voted, view) },
  { name: 'running', message: card(running, view) },
  { name: 'gate', message: questionCard(running, gate, view) },
  { name: 'done', message: card(done, view) },
  { name: 'end', message: endLine(done) },
  { name: 'failed', message: card(failed, view) },
  { name: 'refused', message: refusal(local) },
  {
    name: 'nodes',
    message: { blocks: [{ kind: 'table', columns: ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'], rows: NODES }] },
  },
  {
    name: 'nodes-wide',
    message: {
      blocks: [
        {
          kind: 'table',
          columns: [
            'NAME',
            'STATUS',
            'ROLES',
            'AGE',
            'VERSION',
            'INTERNAL-IP',
            'EXTERNAL-IP',
            'OS-IMAGE',
            'KERNEL-VERSION',
            'CONTAINER-RUNTIME',
          ],
          rows: NODES.map((row) => [...row, ...wide]),
        },
      ],
    },
  },
  { name: 'help', message: await helpOf() },
  { name: 'missing', message: missing },
  { name: 'foreign', message: foreign },
]
