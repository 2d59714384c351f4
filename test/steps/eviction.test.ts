import { expect, test, vi } from 'vitest'
import { SluiceError } from '../../src/errors.ts'
import type { DrainOptions } from '../../src/steps/drain-filters.ts'
import { evictAll } from '../../src/steps/eviction.ts'
import type { EvictionRun } from '../../src/steps/eviction-loop.ts'
import type { Cluster, Eviction, PdbEvent, Pod, PodEvent } from '../../src/systems/kubernetes/port.ts'
import { DRAIN_OPTIONS, makeCluster, makePdb, makePod } from './objects.ts'

const HOUR_MS = 3_600_000
const OPTIONS: DrainOptions = { ...DRAIN_OPTIONS, timeoutMs: HOUR_MS }
const later: Eviction = {
  kind: 'later',
  cause: 'budget',
  text: 'needs 3 healthy pods and has 3',
  retryAfterMs: HOUR_MS,
}

/** A cluster whose evictions are answered by the test, and whose watches tell what the test says. */
function world(
  names: readonly string[],
  answer: (pod: string, nth: number) => Eviction | SluiceError,
  more: Partial<EvictionRun> = {},
) {
  const pods = new Map<string, Pod>(names.map((name) => [name, makePod({ name })]))
  const log: string[] = []
  let onPod: (event: PodEvent) => void = () => {}
  let onPdb: (event: PdbEvent) => void = () => {}
  const until = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const remove = (name: string): void => {
    const pod = pods.get(name)
    pods.delete(name)
    if (pod !== undefined) onPod({ type: 'DELETED', pod })
  }
  const ask =
    (verb: string) =>
    async ({ name }: { readonly name: string }): Promise<Eviction> => {
      log.push(`${verb} ${name}`)
      const said = answer(name, log.filter((line) => line === `${verb} ${name}`).length)
      if (said instanceof SluiceError) throw said
      if (said.kind === 'accepted') setImmediate(() => remove(name))
      return said
    }
  const cluster: Cluster = makeCluster({
    evict: ask('evict'),
    deletePod: ask('delete'),
    pod: async (_namespace, name) => pods.get(name),
    watchPods: ({ signal }, tell) => ((onPod = tell), until(signal)),
    watchPdbs: ({ signal }, tell) => ((onPdb = tell), until(signal)),
  })
  const run: EvictionRun = {
    cluster,
    node: 'server23',
    options: OPTIONS,
    pods: [...pods.values()].map((pod) => ({ pod, does: 'evict' })),
    pdbs: [],
    resourceVersion: '1',
    serverAheadMs: 0,
    intended: new Set(),
    goneBefore: 0,
    journal: {
      intent: async (entries) => void log.push(`intent ${entries.length}`),
      evidence: async (entries) => void log.push(`evidence ${entries.length}`),
      read: async () => new Map(),
    },
    report: () => {},
    trouble: () => {},
    safePoint: async () => {},
    nowMs: Date.now,
    signal: new AbortController().signal,
    ...more,
  }
  return {
    log,
    run,
    remove,
    pods,
    tellPod: (event: PodEvent) => onPod(event),
    tellPdb: (event: PdbEvent) => onPdb(event),
    end: () => evictAll(run),
  }
}
const lost = new SluiceError('K8S-UNREACHABLE', 'testing')

test('intent is written before the first eviction, evidence after', async () => {
  const w = world(['a', 'b'], () => ({ kind: 'accepted' }))
  expect((await w.end()).kind).toBe('done')
  expect(w.log.slice(0, 3)).toEqual(['intent 2', 'evict a', 'evict b'])
  expect(w.log.at(-1)).toMatch(/^evidence/)
})

test('a pod that goes while the evidence of another is written has its own', async () => {
  const written: string[] = []
  const w = world(['a', 'b'], () => ({ kind: 'accepted' }), {
    journal: {
      intent: async () => {},
      evidence: async (entries) => {
        written.push(...entries.map(({ key }) => key))
        if (written.length === 1) w.remove('b')
      },
      read: async () => new Map(),
    },
  })
  expect((await w.end()).kind).toBe('done')
  expect(written.toSorted()).toEqual(['pod:uid-a', 'pod:uid-b'])
})

test('news of room in the budget frees a pod long before its Retry-After', async () => {
  const w = world(
    ['a'],
    (_pod, nth) => {
      if (nth > 1) return { kind: 'accepted' }
      setImmediate(() => w.tellPdb({ type: 'MODIFIED', pdb: makePdb({ disruptionsAllowed: 1 }) }))
      return later
    },
    { pdbs: [makePdb({ disruptionsAllowed: 0 })] },
  )
  expect((await w.end()).kind).toBe('done')
  expect(w.log.filter((line) => line.startsWith('evict'))).toEqual(['evict a', 'evict a'])
})

test('a budget that is removed holds nothing up', async () => {
  const w = world(
    ['a', 'b'],
    (pod, nth) => {
      if (nth > 1 || pod === 'b') return { kind: 'accepted' }
      setImmediate(() => w.tellPdb({ type: 'DELETED', pdb: makePdb() }))
      return later
    },
    { pdbs: [makePdb({ disruptionsAllowed: 0 })] },
  )
  expect((await w.end()).kind).toBe('done')
})

test('after a lost answer the pod is looked at: one that terminates is not asked again', async () => {
  const w = world(['a', 'b'], (pod) => {
    if (pod === 'b') return { kind: 'accepted' }
    w.pods.set('a', makePod({ name: 'a', deletionAtMs: Date.now() }))
    setTimeout(() => w.remove('a'), 700)
    return lost
  })
  expect((await w.end()).kind).toBe('done')
  expect(w.log.filter((line) => line === 'evict a')).toHaveLength(1)
})

test('a pod that somebody else deletes is not asked again', async () => {
  const w = world(['a'], () => {
    const pod = makePod({ name: 'a', deletionAtMs: Date.now() })
    setImmediate(() => w.tellPod({ type: 'MODIFIED', pod }))
    setTimeout(() => w.remove('a'), 300)
    return { kind: 'later', cause: 'busy', text: 'busy', retryAfterMs: 50 }
  })
  expect((await w.end()).kind).toBe('done')
  expect(w.log.filter((line) => line.startsWith('evict'))).toEqual(['evict a'])
})

test('after a lost answer a pod that stands is asked again', async () => {
  const w = world(['a'], (_pod, nth) => (nth === 1 ? lost : { kind: 'accepted' }))
  expect((await w.end()).kind).toBe('done')
  expect(w.log.filter((line) => line === 'evict a')).toHaveLength(2)
})

// 130 hits the gap between the look for pods to ask and the look for the next moment, were they two
test.each([90, 130, 170, 240])(
  'a pod that falls due while the loop looks round is not forgotten (%d ms)',
  { timeout: 10_000 },
  async (stepMs) => {
    let nowMs = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs))
    try {
      const w = world(['a'], (_pod, nth) => (nth === 1 ? lost : { kind: 'accepted' }))
      expect((await w.end()).kind).toBe('done')
    } finally {
      clock.mockRestore()
    }
  },
)

test('answers may be lost for as long as the drain has time', async () => {
  const troubles: (string | undefined)[] = []
  const w = world(
    ['a'],
    (_pod, nth) => (nth < 9 ? new SluiceError('K8S-UNREACHABLE', 'x', { pauseMs: 1 }) : { kind: 'accepted' }),
    {
      trouble: (error) => void troubles.push(error?.code),
    },
  )
  expect((await w.end()).kind).toBe('done')
  expect(troubles).toContain('K8S-UNREACHABLE')
  expect(troubles.at(-1)).toBeUndefined()
})

test('trouble is over when a watch saw what became of those whose answer was lost', async () => {
  const troubles: (string | undefined)[] = []
  let isOver = false
  const w = world(
    ['a'],
    () => {
      const pod = makePod({ name: 'a', deletionAtMs: Date.now() })
      w.pods.set('a', pod)
      setImmediate(() => w.tellPod({ type: 'MODIFIED', pod }))
      return new SluiceError('K8S-TIMEOUT', 'x', { pauseMs: HOUR_MS })
    },
    {
      trouble: (error) => {
        troubles.push(error?.code)
        if (troubles.length === 3) setImmediate(() => ((isOver = true), w.remove('a')))
      },
    },
  )
  expect((await w.end()).kind).toBe('done')
  expect(isOver).toBe(true)
  // what stood in the way of getting there, what the eviction met, and its end long before the pod's
  expect(troubles).toEqual([undefined, 'K8S-TIMEOUT', undefined])
})

const fault: Eviction = {
  kind: 'later',
  cause: 'fault',
  text: 'etcd',
  retryAfterMs: 1,
  trouble: new SluiceError('K8S-FAULT', 'x'),
}

test('a 500 is tried again, but not for ever: a webhook may be broken for good', async () => {
  const passes = world(['a'], (_pod, nth) => (nth < 5 ? fault : { kind: 'accepted' }))
  expect((await passes.end()).kind).toBe('done')
  const stays = world(['a', 'b'], (pod) => (pod === 'a' ? fault : { kind: 'accepted' }), { faultMs: 50 })
  const end = await stays.end()
  expect([end.kind, end.gone]).toEqual(['failed', 1])
  expect(end.flights[0]?.error?.text).toContain('etcd')
})

test('the time of a 500 begins anew when something else was said', async () => {
  const other: Eviction = { kind: 'later', cause: 'busy', text: 'conflict', retryAfterMs: 1 }
  const w = world(['a'], (_pod, nth) => (nth === 30 ? { kind: 'accepted' } : nth % 2 === 0 ? fault : other), {
    faultMs: 0,
  })
  expect((await w.end()).kind).toBe('done')
})

test('what an earlier attempt intended is looked at first', async () => {
  const w = world(['a'], () => ({ kind: 'accepted' }), { intended: new Set(['uid-a']) })
  w.pods.delete('a')
  const end = await w.end()
  expect([end.kind, end.gone]).toEqual(['done', 1])
  expect(w.log).toEqual(['evidence 1'])
})

test('a journal that says the job is lost stops it before any effect', async () => {
  const gone = new SluiceError('JOB-LOST', 'testing')
  const w = world(['a'], () => ({ kind: 'accepted' }), {
    journal: { intent: () => Promise.reject(gone), evidence: async () => {}, read: async () => new Map() },
  })
  await expect(w.end()).rejects.toBe(gone)
  expect(w.log).toEqual([])
})

test.each(['CANCELLED', 'STOPPED'] as const)('a safe point that says %s stops it between pods', async (code) => {
  let left = 1
  const w = world(['a', 'b'], () => ({ kind: 'accepted' }), {
    options: { ...OPTIONS, disableEviction: true },
    safePoint: async () => {
      if (left-- === 0) throw new SluiceError(code, 'testing')
    },
  })
  const end = await w.end()
  expect(end.kind).toBe('stopped')
  expect(w.log.filter((line) => line.startsWith('delete'))).toEqual(['delete a'])
  expect(end.flights.map(({ phase }) => phase)).toEqual(['terminating', 'ready'])
})

test('the first deletion that fails aborts the others; an eviction that fails does not', async () => {
  const no: Eviction = { kind: 'refused', status: 403, multiPdb: false, text: 'no' }
  const answer = (pod: string): Eviction => (pod === 'a' ? no : { kind: 'accepted' })
  const deleted = world(['a', 'b'], answer, { options: { ...OPTIONS, disableEviction: true } })
  expect((await deleted.end()).kind).toBe('failed')
  expect(deleted.log.filter((line) => line.startsWith('delete'))).toEqual(['delete a'])
  const evicted = world(['a', 'b'], answer)
  const end = await evicted.end()
  expect([end.kind, end.gone]).toEqual(['failed', 1])
})

test('a watch that ends with refused credentials fails the step', async () => {
  const refused = new SluiceError('K8S-CREDENTIALS', 'testing')
  const w = world(['a'], () => ({ kind: 'later', cause: 'migrating', text: 'VMI', retryAfterMs: HOUR_MS }))
  const cluster = makeCluster({ ...w.run.cluster, watchPods: () => Promise.reject(refused) })
  await expect(evictAll({ ...w.run, cluster })).rejects.toBe(refused)
})
