import { describe, expect, test } from 'vitest'
import type { Decide } from '../../src/policies/policy.ts'
import type { Gate, StepContext } from '../../src/steps/step.ts'
import { engines } from './engines.ts'
import { ALLOW, asked, change, latch, needs, revised, toyStep, until, word } from './toy.ts'

const { start } = engines()

const GATE: Gate = {
  kind: 'gate',
  code: 'DRAIN-TIMEOUT',
  text: 'gitea-0 is still there',
  details: ['pdb gitea/gitea allows 0'],
  choices: [
    { word: 'wait', label: 'Wait 10 minutes more', risk: 'change', args: { timeoutMs: 600_000 }, effect: 'again' },
    { word: 'pdb', label: 'Show the PDB', risk: 'read', effect: 'show' },
    { word: 'force', label: 'Force', risk: 'destructive', args: { force: true }, effect: 'again' },
    { word: 'abort', label: 'Abort', risk: 'change', effect: 'abort' },
    { word: 'undo', label: 'Abort and uncordon', risk: 'change', effect: 'abort-undo' },
  ],
  withinMs: 60_000,
}

/** cordon, then a drain that comes to a gate until it is told how to go on. */
const world = (gate: Gate = GATE) => {
  const log: string[] = []
  const state = { cordoned: false }
  const cordon = toyStep('cordon', {
    done: async () => (state.cordoned ? { kind: 'evidence', text: 'server23 is cordoned' } : undefined),
    run: async () => {
      log.push('cordon')
      state.cordoned = true
      return { kind: 'evidence', text: 'server23 is cordoned' }
    },
    undo: async () => {
      log.push('uncordon')
      state.cordoned = false
      return { kind: 'evidence', text: 'server23 is schedulable' }
    },
  })
  const drain = toyStep('drain', {
    repeatable: false,
    run: async (ctx: StepContext) => {
      log.push(`drain ${JSON.stringify(ctx.chosen)}`)
      return Object.keys(ctx.chosen).length === 0 ? gate : { kind: 'evidence', text: 'drained' }
    },
  })
  return { log, state, change: change([cordon, drain], { offer: () => 'uncordon server23 on p10' }) }
}
/** Force needs somebody else, jin-guk may nothing, everything else is allowed. */
const decide: Decide = ({ risk, person }) =>
  person.name === 'jin-guk'
    ? { kind: 'deny', code: 'POLICY-NONE', reason: 'no', rules: [] }
    : risk === 'destructive'
      ? needs()
      : ALLOW

describe('a gate in the middle', () => {
  test('it parks with its locks, and the choice goes on where it stopped', async () => {
    const w = world()
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    const gate = await until(jobs, job, 'waiting', 'failed')
    expect(gate).toMatchObject({
      code: 'DRAIN-TIMEOUT',
      question: { id: '1.1', kind: 'gate', text: 'gitea-0 is still there' },
    })
    expect(gate.question?.choices.map((c) => c.word)).toEqual(['wait', 'pdb', 'force', 'abort', 'undo'])
    expect(await jobs.holders()).toMatchObject([{ holder: { job } }])
    expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ code: 'JOB-STATE' })
    expect(await jobs.choose({ job, word: 'pdb', ...word('fran') })).toEqual({
      ok: true,
      text: 'gitea-0 is still there\npdb gitea/gitea allows 0',
    })
    expect(await jobs.choose({ job, word: 'nonsense', ...word('fran') })).toMatchObject({ code: 'BUTTON-UNKNOWN' })
    expect(await jobs.choose({ job, word: 'wait', ...word('jin-guk') })).toMatchObject({ code: 'POLICY-NONE' })
    const press = word('nico')
    expect(await jobs.choose({ job, word: 'wait', ...press })).toMatchObject({ ok: true })
    expect(await jobs.choose({ job, word: 'wait', ...press })).toMatchObject({ ok: true })
    await until(jobs, job, 'done')
    expect(w.log).toEqual(['cordon', 'drain {}', 'drain {"timeoutMs":600000}'])
  })

  test('a riskier choice needs the approval of somebody else than who chose', async () => {
    const w = world()
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    expect(await jobs.choose({ job, word: 'force', ...word('fran') })).toMatchObject({ ok: true })
    expect((await jobs.get(job))?.question).toMatchObject({ id: '1.2', kind: 'approval' })
    expect(await jobs.vote({ job, choice: 'approve', ...word('fran') })).toMatchObject({ code: 'VOTE-OWN' })
    await jobs.vote({ job, choice: 'approve', ...word('amal') })
    await until(jobs, job, 'done')
    expect(w.log).toEqual(['cordon', 'drain {}', 'drain {"force":true}'])
  })

  test.each([
    ['abort', ['cordon', 'drain {}'], 'uncordon server23 on p10', 'cordon: server23 is cordoned'],
    ['undo', ['cordon', 'drain {}', 'uncordon'], undefined, 'cordon: taken back'],
  ])('%s ends it honestly', async (choice, log, offer, line) => {
    const w = world()
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await jobs.choose({ job, word: choice, ...word('nico') })
    const end = await until(jobs, job, 'cancelled', 'failed')
    expect(w.log).toEqual(log)
    expect(end.offer).toBe(offer)
    expect(end.result?.details[0]).toBe(line)
    expect(await jobs.holders()).toEqual([])
  })

  test('nobody answers a gate after an effect: failed with its code, the cordon offered back', async () => {
    const w = world({ ...GATE, withinMs: 200 })
    const { jobs } = await start({ change: w.change, decide })
    const end = await until(jobs, await jobs.submit(asked()), 'failed', 'expired')
    expect(end).toMatchObject({ state: 'failed', code: 'DRAIN-TIMEOUT', offer: 'uncordon server23 on p10' })
  })

  test('a gate before the first effect gives the locks back and expires without harm', async () => {
    const gate = toyStep('ask', { run: async () => ({ ...GATE, withinMs: 200 }) })
    const { jobs } = await start({ change: change([gate]), decide })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    expect(await jobs.holders()).toEqual([])
    expect(await until(jobs, job, 'expired', 'failed')).toMatchObject({ state: 'expired', code: 'APPROVAL-EXPIRED' })
  })
})

describe('cancel', () => {
  const running = (onCancel: 'keep' | 'undo' | 'ask') => {
    const log: string[] = []
    const begun = latch()
    const state = { cordoned: false, foreign: true }
    const foreign = toyStep('foreign', {
      done: async () => (state.foreign ? { kind: 'evidence', text: 'server22 was cordoned' } : undefined),
      undo: async () => {
        log.push('undo foreign')
        return { kind: 'evidence', text: '' }
      },
    })
    const cordon = toyStep('cordon', {
      done: async () => (state.cordoned ? { kind: 'evidence', text: 'server23 is cordoned' } : undefined),
      run: async () => {
        state.cordoned = true
        return { kind: 'evidence', text: 'server23 is cordoned' }
      },
      undo: async () => {
        log.push('undo cordon')
        state.cordoned = false
        return { kind: 'evidence', text: 'server23 is schedulable' }
      },
    })
    const drain = toyStep('drain', {
      run: async (ctx: StepContext) => {
        for (let i = 0; ; i++) {
          await ctx.safePoint()
          await ctx.journal.intent([{ key: `pod-${i}` }])
          await ctx.journal.evidence([{ key: `pod-${i}` }])
          if (i === 2) {
            begun.open()
            await new Promise((_, no) => ctx.signal.addEventListener('abort', () => no(new Error('aborted'))))
          }
        }
      },
    })
    return {
      log,
      begun,
      state,
      change: change([foreign, cordon, drain], { onCancel, offer: () => 'uncordon server23 on p10' }),
    }
  }

  test('undo takes back what this job did, in reverse, and not what others did', async () => {
    const w = running('undo')
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    await w.begun.opened
    expect(await jobs.cancel({ job, ...word('jin-guk') })).toMatchObject({ code: 'POLICY-DENIED' })
    expect(await jobs.cancel({ job, reason: 'wrong node', ...word('fran') })).toMatchObject({ ok: true })
    const end = await until(jobs, job, 'cancelled', 'failed')
    expect(end).toMatchObject({
      state: 'cancelled',
      code: 'CANCELLED',
      result: { text: 'Cancelled by fran: wrong node.' },
    })
    expect(end.result?.details).toEqual([
      'foreign: server22 was cordoned (not by this job)',
      'cordon: taken back',
      'drain: begun, not finished (3 of 3 done)',
    ])
    expect(w.log).toEqual(['undo cordon'])
    expect(end.offer).toBeUndefined()
  })

  test.each(['keep', 'ask'] as const)('%s changes nothing more and offers it back', async (onCancel) => {
    const w = running(onCancel)
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    await w.begun.opened
    await jobs.cancel({ job, ...word('nico') })
    expect(await until(jobs, job, 'cancelled', 'failed')).toMatchObject({
      state: 'cancelled',
      offer: 'uncordon server23 on p10',
    })
    expect(w.log).toEqual([])
    expect(w.state.cordoned).toBe(true)
    expect(await jobs.cancel({ job, ...word('nico') })).toMatchObject({ code: 'JOB-STATE' })
  })

  test('while it waits for people nothing was changed, and nothing is', async () => {
    const w = running('undo')
    const { jobs } = await start({ change: w.change, decide: () => needs() })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'waiting')
    await jobs.cancel({ job, ...word('nico') })
    expect(await until(jobs, job, 'cancelled')).toMatchObject({
      result: { text: 'Cancelled by nico. Nothing was changed.' },
    })
    expect(w.log).toEqual([])
  })

  test('another replica runs it: the word reaches it there', async () => {
    const w = running('undo')
    await start({ change: w.change, decide })
    const { jobs } = await start({ change: w.change, decide })
    const job = await jobs.submit(asked())
    await w.begun.opened
    await jobs.cancel({ job, ...word('nico') })
    await until(jobs, job, 'cancelled')
    expect(w.log).toEqual(['undo cordon'])
  })
})

describe('progress', () => {
  test('it is shown while it runs, is no transition, and the newest wins', async () => {
    const hold = latch()
    const step = toyStep('a', {
      run: async ({ report }) => {
        for (let done = 0; done <= 100; done++) report({ done, of: 100, waiting: [] })
        await hold.opened
        return { kind: 'evidence', text: 'a' }
      },
    })
    const { jobs } = await start({ change: change([step]) })
    const job = await jobs.submit(asked())
    const shown = await revised(jobs, job, (r) => r.progress?.done === 100)
    expect(shown.revision).toBeLessThan(12)
    hold.open()
    expect((await until(jobs, job, 'done')).progress).toBeUndefined()
  })
})
