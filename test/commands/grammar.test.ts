import { describe, expect, test } from 'vitest'
import { brief, said, understand } from './understood.ts'

const drain = (cluster: string, nodes: readonly string[], more: object = {}): string =>
  `drain ${JSON.stringify(Object.fromEntries(Object.entries({ cluster, nodes, ...more }).toSorted(([a], [b]) => (a < b ? -1 : 1))))}`
const s = (...numbers: readonly number[]): readonly string[] => numbers.map((n) => `server${n}`)
const VM = '2a0a-e5c0-2-11-0-62ff-fe0b-1a3d.k8s-1.place6.ungleich.ch'

describe('how a sentence may be addressed and dressed', () => {
  test.each([
    '@sluice drain server23 on p10',
    '<@U123ABC> drain server23 on p10',
    '<@U123ABC|sluice>: drain server23 on p10',
    'sluice: drain server23 on p10',
    'Sluice, drain server23 on p10.',
    '!drain server23 on p10',
    '! drain server23 on p10',
    '/sluice drain server23 on p10',
    'hey @sluice could you please drain server23 on p10 for me, thanks!',
    'Would you kindly go ahead and DRAIN Server23 on P10 now?',
    'please drain server23 on p10?',
    'drain `server23` on `p10`',
    '`drain server23 on p10`',
    '```drain server23 on p10```',
    '*drain* server23 on p10',
    'drain server23 on the cluster p10',
    'drain server23 on p10.k8s.ooo',
    'drain server23 in place10',
    'drain node/server23 --context p10',
    'drain the node server23 of p10 🙏🏽',
    'kubectl drain server23 --context=p10',
    'kannst du bitte server23 auf p10 drainen',
    'drain server23.place10.ungleich.ch',
    'drain 23 p10',
    'drain\nserver23\non p10\nthanks',
    '  drain\tserver23   on p10  ',
  ])('%s', (text) => {
    expect(brief(understand(text))).toBe(drain('p10', s(23)))
  })
})

describe('node lists and ranges', () => {
  test.each([
    ['server23,server24', s(23, 24)],
    ['server23, server24 and server25', s(23, 24, 25)],
    ['server23 and server24', s(23, 24)],
    ['server23 24 25', s(23, 24, 25)],
    ['server23 und 24', s(23, 24)],
    ['server22-27', s(22, 23, 24, 25, 26, 27)],
    ['server22–24', s(22, 23, 24)],
    ['server22-server24', s(22, 23, 24)],
    ['server22..24', s(22, 23, 24)],
    ['server[22-24]', s(22, 23, 24)],
    ['server{22,24,26}', s(22, 24, 26)],
    ['server[22-23,26]', s(22, 23, 26)],
    ['server22 to server24', s(22, 23, 24)],
    ['server22 to 24', s(22, 23, 24)],
    ['server22 bis server24', s(22, 23, 24)],
    ['server22 server22', s(22)],
    ['nodes server22-23, 27', s(22, 23, 27)],
  ])('%s', (list, nodes) => {
    expect(brief(understand(`drain ${list} on p10`))).toBe(drain('p10', nodes))
    expect(brief(understand(`drain ${list}`))).toBe(drain('p10', nodes))
  })

  test('leading zeros keep their width', () => {
    const nodes = ['sto01', 'sto02', 'sto03'].map((name) => ({ name, controlPlane: false }))
    const lab = {
      name: 'lab',
      fqdn: 'lab.k8s.ooo',
      aliases: [],
      type: 'test' as const,
      place: '',
      purpose: '',
      state: 'active' as const,
      maintainers: [],
      masters: [],
      rook: false,
      ipFamily: 'ipv6' as const,
      live: true,
      nodes,
    }
    expect(brief(understand('drain sto01-03 on lab', { inventory: { clusters: [lab], people: [] } }))).toBe(
      drain('lab', ['sto01', 'sto02', 'sto03']),
    )
  })

  test('a name with dashes is a name, not a range', () => {
    expect(brief(understand(`drain ${VM}`))).toBe(drain('c1', [VM]))
    expect(brief(understand('drain 2a0a-e5c0-2-11-0-62ff-fe0b-1a3e.k8s-1.place6.ungleich.ch on c1'))).toBe(
      'refuse PARSE-NODE',
    )
  })

  test.each([
    ['drain server22-30 on p10', 'PARSE-RANGE', 'server28, server29, server30'],
    ['drain server27-22 on p10', 'PARSE-RANGE', 'upwards'],
    ['drain server22-22 on p10', 'PARSE-RANGE', 'one node'],
    ['drain server1-99 on p10', 'PARSE-RANGE', '20'],
    ['drain server0-999999999999999999999 on p10', 'PARSE-RANGE', ''],
    ['drain server{22,28} on p10', 'PARSE-RANGE', 'server28'],
    ['drain server22 to pi24 on p10', 'PARSE-RANGE', 'range'],
    ['drain server32 on p10', 'PARSE-NODE', 'server32 does not exist on p10'],
    ['drain server23,server99 on p10', 'PARSE-NODE', 'server99'],
    ['drain 99 on p10', 'PARSE-NODE', 'server99'],
    ['drain server23 on p6', 'PARSE-NODE', 'is on p10'],
    ['drain server23.place6.ungleich.ch on p10', 'PARSE-NODE', 'not at place6'],
    ['drain frobnicator on p10', 'PARSE-NODE', 'frobnicator'],
    ['drain server23 on p11', 'PARSE-CLUSTER', 'p11'],
    ['drain server23 on production', 'PARSE-CLUSTER', 'production'],
    ['drain server23 on p10 and on c2', 'PARSE-UNKNOWN', ''],
    ['drain server23 on p10 in p6', 'PARSE-AMBIGUOUS', 'p10 or p6'],
  ])('%s', (text, code, words) => {
    const understood = understand(text)
    expect(brief(understood)).toMatch(new RegExp(`^(refuse|ask) ${code}$`))
    expect(said(understood)).toContain(words)
  })
})

describe('selectors', () => {
  test.each([
    ['drain all workers except server23 on p10', { role: 'worker', except: ['server23'] }],
    ['drain everything on p10 that is cordoned', { cordoned: true }],
    ['drain all nodes on p10 that are not ready', { ready: false }],
    ['drain all nodes on p10 older than v1.36', { olderThanVersion: '1.36' }],
    ['drain all nodes on p10 with label a=b', { labels: ['a=b'] }],
    ['drain all nodes on p10 with osds', { osds: true }],
    ['drain all masters on p10', { role: 'control-plane' }],
    ['drain all control plane nodes on p10', { role: 'control-plane' }],
    ['drain cordoned workers on p10', { cordoned: true, role: 'worker' }],
    ['drain all nodes on p10 that are cordoned and notready', { cordoned: true, ready: false }],
    ['kubectl drain -l disk=old,rack=3 --context p10', { labels: ['disk=old', 'rack=3'] }],
  ])('%s', (text, selector) => {
    const understood = understand(text)
    expect(understood).toMatchObject({ commands: [{ command: 'drain', args: { cluster: 'p10', selector } }] })
  })

  test.each([
    'drain all nodes on p10',
    'drain everything on p10',
    'uncordon everything on p10',
    'cordon all of the nodes on p10',
    'drain all',
    'drain everything',
    'drain all nodes except server23 on p10',
    'drain the whole cluster p10',
  ])('nothing on everything: %s', (text) => expect(brief(understand(text))).toBe('refuse PARSE-ALL'))

  test('drain p10 asks for nodes', () => {
    const understood = understand('drain p10')
    expect(brief(understood)).toBe('ask PARSE-MISSING')
    expect(said(understood)).toContain('The whole cluster p10? Name the nodes')
  })
})

describe('arguments', () => {
  test.each([
    ['drain server23 on p10 aggressively', { deleteEmptydirData: true }],
    ['drain server23 hard', { deleteEmptydirData: true }],
    [
      'drain server23 on p10 including unmanaged pods timeout 1h #1234',
      { force: true, ticket: '1234', timeoutMs: 3_600_000 },
    ],
    [
      'kubectl drain —delete-emptydir-data —ignore-daemonsets server23',
      { deleteEmptydirData: true, ignoreDaemonsets: true },
    ],
    ['kubectl drain --ignore-daemonsets=false server23', { ignoreDaemonsets: false }],
    [
      'kubectl drain server23 --force --grace-period=30 --timeout=5m',
      { force: true, gracePeriodSeconds: 30, timeoutMs: 300_000 },
    ],
    ['kubectl drain server23 --grace-period 0', { gracePeriodSeconds: 0 }],
    ['kubectl drain server23 --disable-eviction', { disableEviction: true }],
    ['kubectl drain server23 --pod-selector=app=web,tier!=db', { podSelector: 'app=web,tier!=db' }],
    ['kubectl drain server23 --skip-wait-for-delete-timeout=20', { skipWaitForDeleteTimeoutSeconds: 20 }],
    ['drain server23 ticket 1234', { ticket: '1234' }],
    ['drain server23 for redmine #1234', { ticket: '1234' }],
    ['drain server23 https://redmine.ungleich.ch/issues/1234', { ticket: '1234' }],
    ['drain server23 <https://redmine.ungleich.ch/issues/1234>', { ticket: '1234' }],
    ['drain server23 support 5678', {}],
    ['drain server23 timeout 10 minutes', { timeoutMs: 600_000 }],
    ['drain server23 because the disk is not well', { reason: 'the disk is not well' }],
  ])('%s', (text, more) => {
    expect(brief(understand(text))).toBe(drain('p10', s(23), more))
  })

  test('risk follows the arguments', () => {
    expect(understand('drain server23')).toMatchObject({ commands: [{ risk: 'disruptive' }] })
    expect(understand('drain server23 --force')).toMatchObject({ commands: [{ risk: 'destructive' }] })
    expect(understand('cordon server23')).toMatchObject({ commands: [{ risk: 'change' }] })
  })

  test.each([
    ['drain server23 timeout 1h timeout 2h', 'PARSE-AMBIGUOUS'],
    ['drain server23 #1 #2', 'PARSE-AMBIGUOUS'],
    ['drain server23 --grace-period=-5', 'PARSE-ARGUMENT'],
    ['drain server23 timeout 999d', 'PARSE-ARGUMENT'],
  ])('%s is refused', (text, code) => expect(brief(understand(text))).toBe(`refuse ${code}`))

  test('a reason is free text as soon as it is introduced', () => {
    const cordon = (text: string): string => brief(understand(`cordon server23 on p10 ${text}`))
    expect(cordon('because it does not boot')).toBe(
      'cordon {"cluster":"p10","nodes":["server23"],"reason":"it does not boot"}',
    )
    expect(cordon('"do not touch" #12')).toBe(
      'cordon {"cluster":"p10","nodes":["server23"],"reason":"do not touch","ticket":"12"}',
    )
    expect(cordon('disk is failing')).toBe('cordon {"cluster":"p10","nodes":["server23"],"reason":"disk is failing"}')
    expect(cordon('should we?')).toMatch(/^plan cordon/)
  })
})
