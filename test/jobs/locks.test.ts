import { describe, expect, test } from 'vitest'
import { engines } from './engines.ts'
import { asked, change, engineOn, latch, revised, toyStep, until, word } from './toy.ts'

const { store, start } = engines()

/** A change that holds the locks its arguments name until its latch opens. */
const world = () => {
  const order: string[] = []
  const latches = new Map<string, ReturnType<typeof latch>>()
  let parallel = 0
  const most = { at: 0 }
  const locking = change([], {
    locks: (t) => String(t.args['locks']).split(','),
    steps: (t) => [
      toyStep('hold', {
        run: async () => {
          const name = String(t.args['name'])
          order.push(name)
          most.at = Math.max(most.at, ++parallel)
          await latches.get(name)?.opened
          parallel--
          return { kind: 'evidence', text: name }
        },
      }),
    ],
  })
  const ask = (name: string, locks: string) => {
    latches.set(name, latch())
    return asked({ args: { cluster: 'p10', name, locks } })
  }
  return { order, most, locking, ask, free: (name: string) => latches.get(name)?.open() }
}

describe('locks', () => {
  test('first come, first served; a job gets its whole set or waits; later ones do not overtake on a wanted lock', async () => {
    const w = world()
    const { jobs, idle } = await start({ change: w.locking })
    const one = await jobs.submit(w.ask('one', 'cluster/p10'))
    await until(jobs, one, 'running')
    const both = await jobs.submit(w.ask('both', 'cluster/c2,cluster/p10'))
    await until(jobs, both, 'queued')
    const behind = await jobs.submit(w.ask('behind', 'cluster/c2'))
    await until(jobs, behind, 'queued')
    const free = await jobs.submit(w.ask('free', 'cluster/c4'))
    await until(jobs, free, 'running')
    expect((await jobs.get(both))?.behind).toBe(one)
    expect((await jobs.get(behind))?.behind).toBe(both)
    expect(await jobs.holders({ lock: 'cluster/p10' })).toMatchObject([
      { lock: 'cluster/p10', holder: { job: one, person: 'nico', state: 'running' }, queue: [{ job: both }] },
    ])
    // nobody holds it, and yet who comes now is not the first
    expect(await jobs.holders({ lock: 'cluster/c2' })).toMatchObject([
      { lock: 'cluster/c2', queue: [{ job: both, sinceMs: expect.any(Number) }, { job: behind }] },
    ])
    expect((await jobs.holders({ lock: 'cluster/c2' }))[0]?.holder).toBeUndefined()
    expect((await idle()).busyJobs.toSorted()).toEqual([one, both, behind, free].toSorted())
    await expect.poll(() => w.order).toEqual(['one', 'free'])
    w.free('one')
    await until(jobs, both, 'running')
    w.free('both')
    await until(jobs, behind, 'running')
    w.free('behind')
    w.free('free')
    for (const job of [one, both, behind, free]) await until(jobs, job, 'done')
    expect(w.order).toEqual(['one', 'free', 'both', 'behind'])
    expect(await jobs.holders()).toEqual([])
  })

  test('a cancelled job leaves the line', async () => {
    const w = world()
    const { jobs } = await start({ change: w.locking })
    const one = await jobs.submit(w.ask('one', 'cluster/p10'))
    await until(jobs, one, 'running')
    const two = await jobs.submit(w.ask('two', 'cluster/p10'))
    await until(jobs, two, 'queued')
    const three = await jobs.submit(w.ask('three', 'cluster/p10'))
    await until(jobs, three, 'queued')
    await jobs.cancel({ job: two, ...word('nico') })
    await until(jobs, two, 'cancelled')
    w.free('one')
    await until(jobs, three, 'running')
    w.free('three')
    await until(jobs, three, 'done')
    expect(w.order).toEqual(['one', 'three'])
  })

  test('twelve jobs on one cluster over two replicas: one at a time, each once', async () => {
    const w = world()
    const names = Array.from({ length: 12 }, (_, i) => `j${i}`)
    const { jobs } = await start({ change: w.locking })
    await start({ change: w.locking })
    const numbers = []
    for (const name of names) {
      const ask = w.ask(name, 'cluster/p10')
      w.free(name)
      numbers.push(await jobs.submit(ask))
    }
    for (const job of numbers) await until(jobs, job, 'done')
    expect(w.order.toSorted()).toEqual(names.toSorted())
    expect(w.most.at).toBe(1)
  })

  test('a job queued behind one that waits for people is not under way', async () => {
    const gate = toyStep('g', {
      run: async () => ({ kind: 'gate', code: 'DRAIN-TIMEOUT', text: 't', choices: [], withinMs: 60_000 }),
    })
    const { jobs, idle } = await start({ change: change([toyStep('a'), gate]) })
    const one = await jobs.submit(asked())
    await until(jobs, one, 'waiting')
    const two = await jobs.submit(asked())
    await until(jobs, two, 'queued')
    await revised(jobs, two, (r) => r.behind === one)
    await expect.poll(async () => (await idle()).idle).toBe(true)
  })

  test('an engine that was never started still answers, and another carries its jobs on', async () => {
    const w = world()
    const silent = engineOn({ store: store(), change: w.locking })
    const ask = w.ask('one', 'cluster/p10')
    w.free('one')
    const job = await silent.jobs.submit(ask)
    const { jobs } = await start({ change: w.locking })
    await until(jobs, job, 'done')
    await silent.stop()
  })
})
