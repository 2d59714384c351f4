import { describe, expect, test } from 'vitest'
import { startAgain } from '../../src/commands/start-again.ts'
import { stopAll } from '../../src/commands/stop-all.ts'
import { isRefusal } from '../../src/errors.ts'
import type { Read } from '../../src/jobs/job.ts'
import type { Decide, Decision } from '../../src/policies/policy.ts'
import type { Itself } from '../../src/steps/step.ts'
import { amal, ask, needs, NOW, revision, text, world } from './jobs-by-hand.ts'

const no = (code: 'POLICY-NONE' | 'POLICY-DENIED'): Decision => ({ kind: 'deny', code, reason: 'no rule', rules: [] })
/** What each question about stopping, starting again, or changing a cluster is answered with. */
const policy =
  (answers: { readonly stop?: Decision; readonly again?: Decision; readonly change?: Decision }): Decide =>
  ({ command, risk }) => {
    if (risk === 'stop') return answers.stop ?? no('POLICY-NONE')
    return (command === 'start again' ? answers.again : answers.change) ?? no('POLICY-NONE')
  }
const ALLOW: Decision = { kind: 'allow', rules: [] }
const ASKS: Decision = { kind: 'needs', needs, rules: [] }
const stopping = (decide: Decide) => {
  const here = world([revision('17')], { decide })
  return { here, said: text(ask(stopAll, { reason: 'smoke' }, here, amal)) }
}
const CALL = ['stopAll', { reason: 'smoke', person: 'amal', event: 'e9', atMs: NOW }]

describe('stop all', () => {
  test.each([
    ['whom a rule about the risk names', policy({ stop: ALLOW, again: ASKS })],
    ['whose rule wants approvals: stopping waits for nobody', policy({ stop: ASKS, again: ASKS })],
    ['who may ask for some change, alone', policy({ change: ALLOW, again: ASKS })],
    ['who may ask for some change, with others', policy({ change: ASKS, again: ASKS })],
  ])('is for %s', async (_who, decide) => {
    const { here, said } = stopping(decide)
    expect(await said).toContain('stopAll noted')
    expect(here.calls).toEqual([CALL])
    expect(await said).toContain('job 17, pls drain server23 on p10 (running)')
    expect(await said).toContain('it may be asked by nico, fran, amal')
  })

  test.each([
    ['may change nothing', policy({}), 'POLICY-NONE'],
    ['is forbidden to by a rule', policy({ stop: no('POLICY-DENIED'), change: ALLOW }), 'POLICY-DENIED'],
  ])('is not for who %s', async (_who, decide, code) => {
    const { here, said } = stopping(decide)
    expect(await said).toContain(code)
    expect(here.calls).toEqual([])
  })

  test('warns where no policy would let anybody start again', async () => {
    const { said } = stopping(policy({ stop: ALLOW }))
    expect(await said).toContain('No policy lets anybody say `start again`')
  })
})

describe('start again', () => {
  const itself = (stopped: Awaited<ReturnType<Itself['stopped']>>): Read =>
    // it reads nothing but Sluice itself
    ({ itself: { stopped: () => Promise.resolve(stopped) } }) as unknown as Read
  test('is about the stop that stands; where none does it is refused', async () => {
    const stop = { id: 'e1', by: 'fran', atMs: NOW, upTo: 3 }
    expect(await startAgain.resolve({}, itself(stop))).toMatchObject({ args: { stop: 'e1' }, nodes: [] })
    const nothing = await startAgain.resolve({}, itself(undefined))
    expect(isRefusal(nothing) && nothing.code).toBe('STOPPED-NOT')
  })
})
