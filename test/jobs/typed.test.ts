import { describe, expect, test } from 'vitest'
import type { Decide, Decision } from '../../src/policies/policy.ts'
import { engines } from './engines.ts'
import { asked, change, counted, needs, revised, target, toyStep, until, word } from './toy.ts'

const { start } = engines()

describe('a typed confirmation', () => {
  const typed = (approvals = 2): Decision => {
    const decision = needs(approvals)
    return decision.kind === 'needs' ? { ...decision, needs: { ...decision.needs, confirm: 'typed' } } : decision
  }
  const begin = async (decide: Decide = () => typed()) => {
    const { ran, step } = counted()
    const { jobs } = await start({ change: change([step]), decide })
    const job = await jobs.submit(asked())
    const waiting = await until(jobs, job, 'waiting')
    const approve = (name: string) => jobs.vote({ job, choice: 'approve', ...word(name) })
    const type = (name: string, text: string) => jobs.choose({ job, word: text, ...word(name) })
    return { ran, jobs, job, waiting, approve, type }
  }

  test('approvals alone do not start it; the name typed by the asker does', async () => {
    const { ran, jobs, job, waiting, approve, type } = await begin()
    expect(waiting.question?.typed).toEqual({ word: 'server23' })
    await approve('fran')
    expect(await approve('amal')).toMatchObject({ ok: true, text: expect.stringContaining('`job 1 server23`') })
    expect(await jobs.get(job)).toMatchObject({ state: 'waiting', approvedBy: [] })
    expect(await type('fran', 'server23')).toMatchObject({ code: 'VOTE-NOT-ELIGIBLE' })
    expect(await type('nico', 'server24')).toMatchObject({ code: 'BUTTON-UNKNOWN' })
    expect(ran).toEqual([])
    expect(await type('nico', 'server23')).toEqual({ ok: true, text: 'Confirmed.' })
    expect((await until(jobs, job, 'done')).approvedBy).toEqual(['fran', 'amal'])
    expect(ran).toEqual(['a'])
  })

  test('typed first, it waits for the approvals, and the asker still has no vote', async () => {
    const { jobs, job, approve, type } = await begin()
    expect(await type('nico', 'server23')).toEqual({ ok: true, text: 'Confirmed: 2 more approval(s) needed.' })
    expect(await approve('nico')).toMatchObject({ code: 'VOTE-OWN' })
    await approve('fran')
    expect((await jobs.get(job))?.state).toBe('waiting')
    await approve('amal')
    await until(jobs, job, 'done')
  })

  test('a policy that wants it only when the job starts asks then', async () => {
    let want = false
    const { ran, jobs, job, approve, type } = await begin(() => (want ? typed(1) : needs(1)))
    want = true
    await approve('fran')
    const again = await revised(jobs, job, (r) => r.question?.id === '1.2')
    expect(again.question?.typed).toEqual({ word: 'server23' })
    expect(ran).toEqual([])
    await approve('fran')
    await type('nico', 'server23')
    await until(jobs, job, 'done')
  })

  test('a veto refuses it also when it was typed', async () => {
    const { jobs, job, type } = await begin()
    await type('nico', 'server23')
    await jobs.vote({ job, choice: 'deny', ...word('fran') })
    expect(await until(jobs, job, 'refused')).toMatchObject({ code: 'APPROVAL-DENIED' })
  })
})

test('several nodes are confirmed by the name of their cluster', async () => {
  const nodes = ['server23', 'server24'].map((name) => ({ name, uid: name, controlPlane: false }))
  const { jobs } = await start({
    change: change([toyStep('a')], { resolve: async (args) => ({ ...target(args), nodes }) }),
    decide: () => ({
      kind: 'needs',
      rules: [],
      needs: { approvals: 1, from: ['fran'], denyCount: 1, withinMs: 60_000, confirm: 'typed' },
    }),
  })
  const waiting = await until(jobs, await jobs.submit(asked()), 'waiting')
  expect(waiting.question?.typed).toEqual({ word: 'p10' })
})
