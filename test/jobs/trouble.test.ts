import { describe, expect, test } from 'vitest'
import { type Code, SluiceError } from '../../src/errors.ts'
import type { Step } from '../../src/steps/step.ts'
import { engines } from './engines.ts'
import { asked, change, latch, revised, SHORT, toyStep, until, word } from './toy.ts'

const { start } = engines()
const limits = { ...SHORT, patienceMs: 60_000 }
const away = (code: Code = 'K8S-UNREACHABLE') =>
  new SluiceError(code, 'testing', { text: 'connection refused', pauseMs: 5 })

/** A world that takes the step's effect and does not answer while it is away. */
function world(more: Partial<Step> = {}) {
  const back = latch()
  const state = { away: true, so: false, effects: 0 }
  void back.opened.then(() => {
    state.away = false
  })
  const step = toyStep('a', {
    done: async () => {
      if (state.away && state.effects > 0) throw away()
      return state.so ? { kind: 'evidence', text: 'it is so' } : undefined
    },
    run: async () => {
      state.effects += 1
      state.so = true
      if (state.away) throw away('K8S-TIMEOUT')
      return { kind: 'evidence', text: 'a ran' }
    },
    ...more,
  })
  return { step, state, back: back.open }
}

describe('a system that does not answer', () => {
  test('the step waits, says why with its code, and a lost answer is no second effect', async () => {
    const w = world()
    const { jobs } = await start({ change: change([w.step]), limits })
    const job = await jobs.submit(asked())
    const waiting = await revised(jobs, job, ({ trouble }) => trouble?.code === 'K8S-UNREACHABLE')
    expect(waiting).toMatchObject({
      state: 'running',
      trouble: { text: 'connection refused' },
      steps: [{ mark: 'running' }],
    })
    w.back()
    const end = await until(jobs, job, 'done', 'failed')
    // done, and not skipped: it was this job that did it
    expect(end).toMatchObject({ state: 'done', steps: [{ mark: 'done', note: 'it is so' }] })
    expect(end.trouble).toBeUndefined()
    expect(w.state.effects).toBe(1)
  })

  test('it keeps the time at which it began, whatever it says in between', async () => {
    const w = world()
    const { jobs } = await start({ change: change([w.step]), limits })
    const job = await jobs.submit(asked())
    const first = await revised(jobs, job, ({ trouble }) => trouble !== undefined)
    const later = await revised(
      jobs,
      job,
      ({ revision, trouble }) => trouble !== undefined && revision > first.revision + 2,
    )
    expect(later.trouble?.sinceMs).toBe(first.trouble?.sinceMs)
    w.back()
    await until(jobs, job, 'done')
  })

  test('what may not be repeated is for a human, once it is known that it is not so', async () => {
    const w = world({ repeatable: false })
    const lost = async () => {
      w.state.effects += 1
      throw away()
    }
    const { jobs } = await start({ change: change([{ ...w.step, run: lost }]), limits })
    const job = await jobs.submit(asked())
    await revised(jobs, job, ({ trouble }) => trouble !== undefined)
    w.back()
    expect(await until(jobs, job, 'needs-human', 'done', 'failed')).toMatchObject({
      state: 'needs-human',
      code: 'STEP-UNCLEAR',
    })
    expect((await jobs.get(job))?.trouble).toBeUndefined()
    expect(w.state.effects).toBe(1)
  })

  test('the patience of a job ends: failed with the code, and what was changed', async () => {
    const w = world()
    const { jobs } = await start({ change: change([w.step]), limits: { ...SHORT, patienceMs: 50 } })
    const end = await until(jobs, await jobs.submit(asked()), 'failed', 'done')
    expect(end).toMatchObject({ state: 'failed', code: 'K8S-UNREACHABLE' })
    expect(end.result?.details.join()).toContain('cannot be read')
    expect(end.trouble).toBeUndefined()
  })

  test('who takes the job over does not go on telling of what is over', async () => {
    const w = world()
    const first = await start({ change: change([w.step]), limits })
    const job = await first.jobs.submit(asked())
    await revised(first.jobs, job, ({ trouble }) => trouble !== undefined)
    await first.stop()
    const end = latch()
    const done = async () => {
      await end.opened
      return { kind: 'evidence', text: 'it is so' } as const
    }
    const { jobs } = await start({ change: change([{ ...w.step, done }]), limits })
    const taken = await revised(jobs, job, ({ state, trouble }) => state === 'running' && trouble === undefined)
    expect(taken.steps).toMatchObject([{ mark: 'running' }])
    end.open()
    expect(await until(jobs, job, 'done', 'failed')).toMatchObject({ state: 'done' })
  })

  test('a cancel does not wait for it', async () => {
    const run = () => Promise.reject(new SluiceError('K8S-BUSY', 'testing', { pauseMs: 50_000 }))
    const { jobs } = await start({ change: change([toyStep('a', { run })]), limits })
    const job = await jobs.submit(asked())
    await revised(jobs, job, ({ trouble }) => trouble !== undefined)
    await jobs.cancel({ job, ...word('nico') })
    expect(await until(jobs, job, 'cancelled', 'failed', 'done')).toMatchObject({ state: 'cancelled' })
  })

  test('undoing waits for it too, and is done once', async () => {
    const undone: string[] = []
    let isAway = true
    const begun = latch()
    const first = toyStep('a', {
      undo: async () => {
        if (isAway) throw away()
        undone.push('a')
        return { kind: 'evidence', text: 'taken back' }
      },
    })
    const second = toyStep('b', {
      run: ({ signal }) => {
        begun.open()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
    })
    const { jobs } = await start({ change: change([first, second], { onCancel: 'undo' }), limits })
    const job = await jobs.submit(asked())
    await begun.opened
    await jobs.cancel({ job, ...word('nico') })
    await revised(jobs, job, ({ trouble }) => trouble !== undefined)
    isAway = false
    expect(await until(jobs, job, 'cancelled', 'failed')).toMatchObject({ state: 'cancelled' })
    expect(undone).toEqual(['a'])
  })

  test('planning waits for it and says so before there is a plan', async () => {
    let isAway = true
    const preview = () => (isAway ? Promise.reject(away()) : Promise.resolve([]))
    const { jobs } = await start({ change: change([toyStep('a', { preview })]), limits })
    const job = await jobs.submit(asked())
    await revised(jobs, job, ({ state, trouble }) => state === 'received' && trouble?.code === 'K8S-UNREACHABLE')
    isAway = false
    const end = await until(jobs, job, 'done', 'refused')
    expect(end.state).toBe('done')
    expect(end.trouble).toBeUndefined()
  })

  test('looking again before the first step waits for it too', async () => {
    const plans = { made: 0, isAway: true }
    const preview = async () => {
      plans.made += 1
      if (plans.made > 1 && plans.isAway) throw away()
      return []
    }
    const { jobs } = await start({ change: change([toyStep('a', { preview })]), limits })
    const job = await jobs.submit(asked())
    await revised(jobs, job, ({ state, trouble }) => state === 'running' && trouble?.code === 'K8S-UNREACHABLE')
    plans.isAway = false
    expect(await until(jobs, job, 'done', 'failed', 'refused')).toMatchObject({ state: 'done' })
  })

  test('a fact that can be read in a moment is not one that cannot be read', async () => {
    let reads = 0
    const readFacts = async () =>
      ++reads < 3 ? { identity: { ok: false, why: 'away', trouble: away() } as const } : {}
    const { jobs } = await start({ change: change([toyStep('a')]), readFacts, limits })
    expect(await until(jobs, await jobs.submit(asked()), 'done', 'refused')).toMatchObject({ state: 'done' })
    expect(reads).toBeGreaterThan(2)
  })

  test('planning that hangs is refused at its limit, and not begun for ever', async () => {
    let plans = 0
    const resolve = (_args: unknown, { signal }: { readonly signal: AbortSignal }) => {
      plans += 1
      return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const { jobs } = await start({ change: change([toyStep('a')], { resolve }), limits: { ...limits, planMs: 100 } })
    const end = await until(jobs, await jobs.submit(asked()), 'refused', 'done')
    expect(end).toMatchObject({ state: 'refused', code: 'PLAN-TIMEOUT' })
    expect(plans).toBe(1)
  })
})
