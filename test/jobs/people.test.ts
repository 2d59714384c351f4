import { describe, expect, test } from 'vitest'
import type { Decide, Decision } from '../../src/policies/policy.ts'
import type { Finding } from '../../src/steps/step.ts'
import { engines } from './engines.ts'
import {
  ALLOW,
  asked,
  change,
  counted,
  history,
  latch,
  needs,
  PEOPLE,
  person,
  revised,
  toyStep,
  until,
  word,
} from './toy.ts'

const { store, start } = engines()
const finding = (key: string, verdict: Finding['verdict'] = 'do'): Finding => ({
  key,
  object: key,
  verdict,
  reason: `${key} is ${verdict}`,
  topic: 't',
})

describe('approval', () => {
  test('it waits, another person approves, it runs; the vote is bound to the plan', async () => {
    const { ran, step } = counted()
    const { jobs, idle } = await start({ change: change([step]), decide: () => needs() })
    const job = await jobs.submit(asked())
    const waiting = await until(jobs, job, 'waiting', 'refused')
    expect(waiting.question).toMatchObject({ id: '1.1', kind: 'approval', planHash: waiting.plan?.hash, votes: [] })
    await expect.poll(async () => (await idle()).idle).toBe(true)
    expect(await jobs.vote({ job, choice: 'approve', ...word('nico') })).toMatchObject({ code: 'VOTE-OWN' })
    expect(await jobs.vote({ job, choice: 'approve', ...word('jin-guk') })).toMatchObject({ code: 'VOTE-NOT-ELIGIBLE' })
    expect(await jobs.vote({ job, choice: 'approve', question: '1.0', ...word('fran') })).toMatchObject({
      code: 'VOTE-OLD',
    })
    expect(ran).toEqual([])
    expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ ok: true })
    expect(await until(jobs, job, 'done')).toMatchObject({ approvedBy: ['fran'] })
    expect(ran).toEqual(['a'])
    expect(await history(store(), job)).toEqual(['received', 'planned', 'waiting', 'queued', 'running', 'done'])
    expect(await jobs.vote({ job, choice: 'approve', ...word('amal') })).toMatchObject({ code: 'VOTE-CLOSED' })
  })

  test('policy is asked about the nodes of the plan, when planning and again at the start', async () => {
    const { step } = counted()
    const seen: (readonly string[] | undefined)[] = []
    const decide: Decide = ({ nodes }) => {
      seen.push(nodes?.map(({ name }) => name))
      return ALLOW
    }
    const { jobs } = await start({ change: change([step]), decide })
    const { plan } = await until(jobs, await jobs.submit(asked()), 'done')
    const names = plan?.target.nodes.map(({ name }) => name)
    expect(names).not.toEqual([])
    expect(seen).toEqual([names, names])
  })

  test('two approvals are two people; the same event and the same person count once', async () => {
    const { ran, step } = counted()
    const { jobs } = await start({ change: change([step]), decide: () => needs(2) })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    const first = { job, choice: 'approve' as const, ...word('fran') }
    const answers = await Promise.all([jobs.vote(first), jobs.vote(first)])
    expect(answers[0]).toEqual(answers[1])
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    expect((await jobs.get(job))?.state).toBe('waiting')
    await jobs.vote({ job, choice: 'approve', ...word('amal') })
    expect((await until(jobs, job, 'done')).approvedBy).toEqual(['fran', 'amal'])
    expect(ran).toEqual(['a'])
  })

  test('a veto refuses it', async () => {
    const { ran, step } = counted()
    const { jobs } = await start({ change: change([step]), decide: () => needs() })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await jobs.vote({ job, choice: 'deny', reason: 'backup runs', ...word('fran') })
    expect(await until(jobs, job, 'refused')).toMatchObject({
      code: 'APPROVAL-DENIED',
      result: { text: 'fran said no: backup runs.' },
    })
    expect(ran).toEqual([])
  })

  test('a vote can be taken back while it waits, and a replay of the old event does not bring it back', async () => {
    const { step } = counted()
    const { jobs } = await start({ change: change([step]), decide: () => needs(2) })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    const first = { job, choice: 'approve' as const, ...word('fran') }
    await jobs.vote(first)
    expect(await jobs.vote({ job, choice: 'withdraw', ...word('fran') })).toMatchObject({ ok: true })
    await jobs.vote(first)
    expect((await jobs.get(job))?.question?.votes).toEqual([])
  })

  test('taken back while it is queued behind another job, it waits for people again', async () => {
    const hold = latch()
    const slow = change([
      toyStep('slow', {
        run: async () => {
          await hold.opened
          return { kind: 'evidence', text: 'x' }
        },
      }),
    ])
    const { ran, step } = counted()
    const decide: Decide = ({ command }) => (command === 'slow' ? ALLOW : needs())
    const { jobs } = await start({ changes: { slow, toy: change([step]) }, decide })
    const holder = await jobs.submit(asked({ command: 'slow' }))
    await until(jobs, holder, 'running')
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    await until(jobs, job, 'queued')
    expect(await jobs.vote({ job, choice: 'withdraw', ...word('fran') })).toMatchObject({ ok: true })
    expect(await jobs.get(job)).toMatchObject({ state: 'waiting', approvedBy: [] })
    hold.open()
    await until(jobs, holder, 'done')
    expect(ran).toEqual([])
    await jobs.vote({ job, choice: 'approve', ...word('amal') })
    expect(await until(jobs, job, 'done')).toMatchObject({ approvedBy: ['amal'] })
  })

  test('nobody answers: reminded half-way, expired at the end, nothing done', async () => {
    const { ran, step } = counted()
    let withinMs = 300
    const { jobs } = await start({ change: change([step]), decide: () => needs(1, withinMs) })
    const job = await jobs.submit(asked())
    const end = await until(jobs, job, 'expired', 'done')
    expect(end).toMatchObject({ state: 'expired', code: 'APPROVAL-EXPIRED' })
    expect(ran).toEqual([])
    // long enough for the reminder to come well before the end, also on a busy machine
    withinMs = 8_000
    const second = await jobs.submit(asked())
    const reminded = await revised(jobs, second, (r) => r.question?.remindedAtMs !== undefined)
    expect(reminded.state).toBe('waiting')
  })

  test('a voter who is no longer configured when it starts: it asks again', async () => {
    const { ran, step } = counted()
    let people = PEOPLE
    const requestContext = ({ by }: { by: string }) => ({ person: person(by), maintains: false, people })
    const hold = latch()
    const slow = change([
      toyStep('slow', {
        run: async () => {
          await hold.opened
          return { kind: 'evidence', text: 'x' }
        },
      }),
    ])
    const { jobs } = await start({
      changes: { slow, toy: change([step]) },
      requestContext,
      decide: ({ command }) => (command === 'slow' ? ALLOW : needs()),
    })
    const holder = await jobs.submit(asked({ command: 'slow' }))
    await until(jobs, holder, 'running')
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    await until(jobs, job, 'queued')
    people = PEOPLE.filter((p) => p.name !== 'fran')
    hold.open()
    const again = await revised(jobs, job, (r) => r.question?.id === '2.2')
    expect(again).toMatchObject({ state: 'waiting', approvedBy: [] })
    expect(ran).toEqual([])
    expect(await jobs.vote({ job, question: '2.1', choice: 'approve', ...word('amal') })).toMatchObject({
      code: 'VOTE-OLD',
    })
    await jobs.vote({ job, question: '2.2', choice: 'approve', ...word('amal') })
    expect(await until(jobs, job, 'done')).toMatchObject({ approvedBy: ['amal'] })
  })

  test('a policy that changed its mind before the start refuses it', async () => {
    const { ran, step } = counted()
    let decision: Decision = needs()
    const { jobs } = await start({ change: change([step]), decide: () => decision })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    decision = { kind: 'deny', code: 'POLICY-DENIED', reason: 'Changes wait until Monday.', rules: ['freeze'] }
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    expect(await until(jobs, job, 'refused', 'done')).toMatchObject({ state: 'refused', code: 'POLICY-DENIED' })
    expect(ran).toEqual([])
  })

  test('a deleted request cancels while it waits, and no later', async () => {
    const { step } = counted()
    const { jobs } = await start({
      change: change([step]),
      decide: ({ args }) => (args['now'] === true ? ALLOW : needs()),
    })
    const job = await jobs.submit(asked({ message: 'slack:C1:1' }))
    await until(jobs, job, 'waiting')
    await jobs.withdrawRequest('slack:C1:1')
    expect(await until(jobs, job, 'cancelled')).toMatchObject({ code: 'CANCELLED' })
    const second = await jobs.submit(asked({ message: 'slack:C1:2', args: { cluster: 'p10', now: true } }))
    await until(jobs, second, 'done')
    await jobs.withdrawRequest('slack:C1:2')
    expect((await jobs.get(second))?.state).toBe('done')
  })
})

describe('growth', () => {
  const growing = (decision: () => Decision) => {
    const world = { findings: [finding('evict/gitea')], ran: 0 }
    const step = toyStep('a', {
      preview: async () => world.findings,
      run: async () => {
        world.ran++
        return { kind: 'evidence', text: 'a' }
      },
    })
    return { world, setting: { change: change([step]), decide: decision } }
  }

  test('a plan that grew asks again with the difference; a vote on the old question does not count', async () => {
    const { world, setting } = growing(() => needs())
    const { jobs } = await start(setting)
    const job = await jobs.submit(asked())
    const first = await until(jobs, job, 'waiting')
    world.findings = [finding('evict/gitea', 'warn'), finding('evict/matrix'), finding('stays/calico', 'skip')]
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    const again = await revised(jobs, job, (r) => r.question?.id === '1.2')
    expect(again).toMatchObject({ state: 'waiting', code: 'PLAN-GREW', question: { kind: 'approval' } })
    expect(again.question?.growth.map((g) => [g.key, g.was?.verdict, g.now.verdict])).toEqual([
      ['evict/gitea', 'do', 'warn'],
      ['evict/matrix', undefined, 'do'],
    ])
    expect(again.question?.planHash).not.toBe(first.plan?.hash)
    expect(again.question?.planHash).toBe(again.plan?.hash)
    expect(await jobs.holders()).toEqual([])
    expect(world.ran).toBe(0)
    expect(await jobs.vote({ job, question: '1.1', choice: 'approve', ...word('amal') })).toMatchObject({
      code: 'VOTE-OLD',
    })
    await jobs.vote({ job, question: '1.2', choice: 'approve', ...word('amal') })
    await until(jobs, job, 'done')
    expect(world.ran).toBe(1)
  })

  test('smaller, or other details: no question, and the same hash for the same keys', async () => {
    const { world, setting } = growing(() => needs())
    world.findings = [finding('evict/gitea'), { ...finding('evict/matrix'), detail: '3 pods' }]
    const { jobs } = await start(setting)
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    world.findings = [{ ...finding('evict/matrix'), detail: '2 pods', reason: 'other words' }]
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    await until(jobs, job, 'done')
  })

  test('where policy allows, growth is a confirmation that the asker may give', async () => {
    const { world, setting } = growing(() => ALLOW)
    const hold = latch()
    const slow = change([
      toyStep('slow', {
        run: async () => {
          await hold.opened
          return { kind: 'evidence', text: 'x' }
        },
      }),
    ])
    const { jobs } = await start({ changes: { slow, toy: setting.change }, decide: setting.decide })
    await until(jobs, await jobs.submit(asked({ command: 'slow' })), 'running')
    const job = await jobs.submit(asked())
    await until(jobs, job, 'queued')
    world.findings = [finding('evict/gitea'), finding('evict/new')]
    hold.open()
    const waiting = await until(jobs, job, 'waiting', 'done')
    expect(waiting.question).toMatchObject({ kind: 'confirm', code: 'PLAN-GREW' })
    await jobs.vote({ job, choice: 'approve', ...word('nico') })
    await until(jobs, job, 'done')
  })

  test('something that blocks, found at start, is a gate: locks go back, `again` looks again', async () => {
    const { world, setting } = growing(() => needs())
    const { jobs } = await start(setting)
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    const before = world.findings
    world.findings = [...before, { ...finding('evict/two', 'block'), code: 'DRAIN-MULTIPDB' }]
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    const gate = await revised(jobs, job, (r) => r.question?.kind === 'gate')
    expect(gate).toMatchObject({ state: 'waiting', code: 'DRAIN-MULTIPDB' })
    expect(await jobs.holders()).toEqual([])
    expect(world.ran).toBe(0)
    expect(await jobs.choose({ job, word: 'abort', ...word('fran') })).toMatchObject({ ok: true })
  })
})
