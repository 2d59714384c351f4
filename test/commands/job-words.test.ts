import { describe, expect, test } from 'vitest'
import { approvals } from '../../src/commands/approvals.ts'
import { approve } from '../../src/commands/approve.ts'
import { cancel } from '../../src/commands/cancel.ts'
import { choose } from '../../src/commands/choose.ts'
import { deny } from '../../src/commands/deny.ts'
import { job } from '../../src/commands/job.ts'
import { jobs } from '../../src/commands/jobs.ts'
import { resume } from '../../src/commands/resume.ts'
import { retry } from '../../src/commands/retry.ts'
import { whoHolds } from '../../src/commands/who-holds.ts'
import { why } from '../../src/commands/why.ts'
import { withdraw } from '../../src/commands/withdraw.ts'
import type { Claim, Holding } from '../../src/jobs/job.ts'
import { ask, fran, MINUTE, needs, NOW, question, revision, text, waiting, world } from './jobs-by-hand.ts'

describe('words that act hand the speaker, the event and its time to jobs', () => {
  const speaker = { person: 'nico', event: 'e9', atMs: NOW }
  test.each([
    [approve, { job: '17' }, ['vote', { job: '17', choice: 'approve', ...speaker }]],
    [deny, { job: '17', reason: 'not now' }, ['vote', { job: '17', choice: 'deny', reason: 'not now', ...speaker }]],
    [withdraw, { job: '17' }, ['vote', { job: '17', choice: 'withdraw', ...speaker }]],
    [cancel, { job: '17', reason: 'wrong node' }, ['cancel', { job: '17', reason: 'wrong node', ...speaker }]],
    [resume, { job: '17' }, ['resume', { job: '17', ...speaker }]],
    [retry, { job: '17' }, ['retry', { job: '17', room: 'ops', ...speaker }]],
    [choose, { job: '17', word: 'cancel' }, ['cancel', { job: '17', ...speaker }]],
    [choose, { job: '17', word: 'OK' }, ['vote', { job: '17', choice: 'approve', ...speaker }]],
  ] as const)('%#', async (command, args, call) => {
    const here = world([waiting])
    expect(await text(ask(command, args, here))).toContain('noted')
    expect(here.calls).toEqual([call])
  })

  test("a gate's own word goes first, an unknown one is answered with those there are", async () => {
    const gate = revision('18', {
      state: 'waiting',
      question: {
        ...question,
        id: '18.2',
        kind: 'gate',
        code: 'DRAIN-TIMEOUT',
        choices: [
          { word: 'longer', label: 'Wait 30 min more', risk: 'disruptive' },
          { word: 'abort', label: 'Abort', risk: 'change' },
        ],
      },
    })
    const here = world([gate])
    await ask(choose, { job: '18', word: 'abort' }, here)
    expect(here.calls).toEqual([['choose', { job: '18', word: 'abort', person: 'nico', event: 'e9', atMs: NOW }]])
    expect(await text(ask(choose, { job: '18', word: 'longr' }, here))).toMatch(
      /^PARSE-ARGUMENT: Job 18 takes: longer, abort\..*\[job 18 longer\]\[job 18 abort\]$/,
    )
    expect(here.calls).toHaveLength(1)
  })

  test('a job that does not exist', async () => {
    expect(await text(ask(choose, { job: '99', word: 'x' }, world([])))).toContain('JOB-UNKNOWN: There is no job 99.')
    expect(await text(ask(job, { job: '99' }, world([])))).toContain('JOB-UNKNOWN')
  })
})

describe('stop, without saying what', () => {
  test('with one job of the speaker it asks to confirm and cancels nothing', async () => {
    const here = world([waiting, revision('18', { asked: { ...waiting.asked, by: 'fran' } })])
    expect(await text(ask(cancel, {}, here))).toMatch(
      /PARSE-MISSING: Cancel job 17, `pls drain server23 on p10` \(waiting\)\?.*\[cancel 17\]$/,
    )
    expect(here.calls).toEqual([])
  })
  test('with several it asks which, with none it says so', async () => {
    expect(await text(ask(cancel, {}, world([waiting, revision('18')])))).toMatch(
      /Which job\?.*\[cancel 17\]\[cancel 18\]$/,
    )
    expect(await text(ask(cancel, {}, world([revision('9', { state: 'done' })])))).toContain(
      'JOB-STATE: No job of yours',
    )
  })
})

describe('what runs and what waits', () => {
  test('jobs: open ones first, then those that ended', async () => {
    const said = await text(ask(jobs, {}, world([revision('9', { state: 'failed', code: 'DRAIN-PDB' }), waiting])))
    expect(said).toMatch(
      /JOB .*STATE .*BY .*WHAT .*SINCE\n17 .*waiting .*nico .*pls drain server23 on p10 .*2m ago\n9 .*failed \(DRAIN-PDB\)/,
    )
  })
  test('jobs of somebody, and none', async () => {
    expect(await text(ask(jobs, { person: 'fran' }, world([waiting])))).toBe('No jobs: nothing runs, nothing waits.')
    expect(await text(ask(jobs, {}, world([revision('9', { state: 'done' })])))).toContain(
      'Nothing runs and nothing waits. The last ones:',
    )
  })
  test('approvals: for whom, who has, how long', async () => {
    expect(await text(ask(approvals, {}, world([waiting])))).toMatch(/17 .*nico .*1 of fran .*- .*24m/)
    expect(await text(ask(approvals, { mine: true }, world([waiting])))).toBe('Nothing waits for you.')
    expect(await text(ask(approvals, { mine: true }, world([waiting]), fran))).toContain('17')
  })
  test('job N: state, question, steps, what is offered', async () => {
    const failed = revision('17', {
      state: 'failed',
      code: 'DRAIN-PDB',
      steps: [
        { id: 'a', title: 'cordon server23', mark: 'done' },
        { id: 'b', title: 'evict', mark: 'failed', note: 'PDB' },
      ],
      result: { text: 'A budget blocks.', details: ['server23 stays cordoned'], next: 'Wait.' },
      offer: 'uncordon server23 on p10',
    })
    const said = await text(ask(job, { job: '17' }, world([failed])))
    for (const part of [
      'State: failed (DRAIN-PDB)',
      'Asked by: nico in ops, 7m ago (09:53 CET): pls drain',
      '✔ cordon server23',
      '✘ evict (failed): PDB',
      'A budget blocks.',
      'server23 stays cordoned',
      'You may say: uncordon server23 on p10',
    ])
      expect(said).toContain(part)
    expect(await text(ask(job, { job: '17' }, world([waiting])))).toContain('1 of fran; nobody yet; 24m left')
  })
  test('job N: how far each platform is', async () => {
    const lag = [
      { platform: 'Slack', shows: 7, of: 7, behindMs: 0 },
      { platform: 'Matrix', shows: 5, of: 7, behindMs: 12_000 },
    ]
    expect(await text(ask(job, { job: '17' }, world([waiting], { lag })))).toContain(
      'Shown: Slack in step; Matrix shows revision 5 of 7, 12 s behind',
    )
    const late = [{ platform: 'Matrix', shows: 0, of: 3, behindMs: 185_000 }]
    expect(await text(ask(job, { job: '17' }, world([waiting], { lag: late })))).toContain(
      'Shown: Matrix shows nothing yet, 3m5s behind',
    )
  })
})

describe('why', () => {
  test('rules, who may, who has, what is missing', async () => {
    const said = await text(ask(why, { job: '17' }, world([waiting])))
    expect(said).toContain('Rules that match: production needs a second pair of eyes.')
    expect(said).toContain('They ask for 1 approval of fran.')
    expect(said).toContain('Missing: 1, from fran. nico asked and does not count.')
  })
  test('who has agreed is not missing', async () => {
    const half = revision('17', {
      ...waiting,
      question: {
        ...question,
        needs: { ...needs, approvals: 2, from: ['fran', 'amal'] },
        votes: [{ person: 'fran', choice: 'approve', atMs: NOW, event: 'e2' }],
      },
    })
    expect(await text(ask(why, { job: '17' }, world([half])))).toContain('Missing: 1, from amal.')
  })
  test("a bare why is about the speaker's newest job, also a refused one", async () => {
    const refused = revision('18', {
      state: 'refused',
      code: 'QUORUM',
      decision: {
        kind: 'deny',
        code: 'QUORUM',
        reason: 'only 1 of 3 voters would be healthy',
        rules: ['SR1 etcd keeps its quorum'],
        help: 'Bring server63 back.',
      },
    })
    const said = await text(
      ask(why, {}, world([waiting, refused, revision('19', { asked: { ...waiting.asked, by: 'fran' } })])),
    )
    for (const part of [
      'Job 18',
      'SR1 etcd keeps its quorum',
      'Refused (QUORUM): only 1 of 3 voters',
      'Bring server63 back.',
    ])
      expect(said).toContain(part)
  })
  test('without any job', async () => expect(await text(ask(why, {}, world([])))).toContain('JOB-UNKNOWN'))
})

describe('who holds', () => {
  const claim = (job: string, person: string, node: string, more: Partial<Claim> = {}): Claim => ({
    job,
    person,
    sentence: `drain ${node} on p10`,
    state: 'queued',
    sinceMs: NOW - 3 * MINUTE,
    ...more,
  })
  const holder = claim('17', 'nico', 'server23', { ticket: '1234', state: 'needs-human', sinceMs: NOW - 65 * MINUTE })
  const queue = [claim('18', 'fran', 'server24'), claim('19', 'amal', 'server25', { sinceMs: NOW - 2 * MINUTE })]
  const holding: Holding = { lock: 'cluster/p10', holder, queue }
  test('holder, person, ticket, state, since, and the queue in order', async () => {
    const said = await text(ask(whoHolds, { cluster: 'p10' }, world([], { holdings: [holding] })))
    expect(said).toContain(
      'cluster/p10: job 17 of nico, `drain server23 on p10`, #1234, needs-human, for 1h5m. Behind it: job 18 (fran: drain server24 on p10, for 3m), then job 19 (amal: drain server25 on p10, for 2m)',
    )
  })
  test('locks of one job are one line', async () => {
    const holdings = [holding, { ...holding, lock: 'storage/p10' }]
    const said = await text(ask(whoHolds, { cluster: 'p10' }, world([], { holdings })))
    expect(said).toContain('cluster/p10, storage/p10: job 17 of nico')
    expect(said.match(/job 18/g)).toHaveLength(1)
  })
  test('of a node: its own lock and those of its whole cluster; a lock that is only waited for is not free', async () => {
    const holdings: readonly Holding[] = [
      holding,
      { lock: 'node/p10/server23.place10.ungleich.ch', holder, queue: [] },
      { lock: 'node/p10/server24', queue: [queue[0] ?? holder] },
    ]
    const of = (node: string) => text(ask(whoHolds, { cluster: 'p10', node }, world([], { holdings })))
    expect(await of('server23')).toMatch(/^- cluster\/p10, node\/p10\/server23\.place10\.ungleich\.ch: job 17[^\n]*$/)
    expect(await of('server24')).toContain(
      'node/p10/server24: nobody, but next is job 18 (fran: drain server24 on p10, for 3m)',
    )
  })
  test('while everything is stopped that comes first', async () => {
    const stopped = { id: 'e', by: 'amal', atMs: NOW, reason: 'smoke', upTo: 17 }
    const said = await text(ask(whoHolds, { cluster: 'c2' }, world([], { holdings: [holding], stopped })))
    expect(said).toMatch(
      /amal stopped everything at .*: smoke\. Nothing begins before `start again`\.\nNobody holds c2\./,
    )
  })
  test('nobody', async () => {
    expect(await text(ask(whoHolds, { cluster: 'c2' }, world([], { holdings: [holding] })))).toBe(
      'Nobody holds c2: the next job starts at once.',
    )
    expect(await text(ask(whoHolds, {}, world([])))).toContain('Nobody holds anything')
  })
})
