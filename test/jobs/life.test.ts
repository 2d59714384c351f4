import { describe, expect, test } from 'vitest'
import { refuse, SluiceError } from '../../src/errors.ts'
import { verifyAudit } from '../../src/jobs/audit.ts'
import { keys } from '../../src/store/keys.ts'
import { engines } from './engines.ts'
import { asked, change, cluster, history, needs, target, toyStep, until, word } from './toy.ts'

const { store, start } = engines()
const run = (id: string, ran: string[]) =>
  toyStep(id, {
    run: async () => {
      ran.push(id)
      return { kind: 'evidence', text: `${id} is so` }
    },
  })

describe('the life of a job', () => {
  test('where policy allows it runs at once, through every state, with its evidence', async () => {
    const ran: string[] = []
    const { jobs, idle } = await start({ change: change([run('a', ran), run('b', ran)]) })
    const job = await jobs.submit(asked())
    expect(job).toBe('1')
    const end = await until(jobs, job, 'done', 'failed', 'refused')
    expect(end).toMatchObject({
      state: 'done',
      steps: [
        { id: 'a', mark: 'done', note: 'a is so' },
        { id: 'b', mark: 'done', note: 'b is so' },
      ],
    })
    expect(ran).toEqual(['a', 'b'])
    expect(await history(store(), job)).toEqual(['received', 'planned', 'queued', 'running', 'done'])
    expect(await jobs.holders()).toEqual([])
    await expect.poll(async () => (await idle()).idle).toBe(true)
  })

  test('the same event is one job, numbers count from 1, also for requests at once', async () => {
    const { jobs } = await start({ change: change([run('a', [])]) })
    const one = asked({ event: 'slack:1' })
    const numbers = await Promise.all([jobs.submit(one), jobs.submit(one), jobs.submit(asked()), jobs.submit(asked())])
    expect(numbers[0]).toBe(numbers[1])
    expect([...new Set(numbers)].sort()).toEqual(['1', '2', '3'])
    for (const job of new Set(numbers)) await until(jobs, job, 'done')
  })

  test('a step that is so already is skipped and nothing is run', async () => {
    const ran: string[] = []
    const so = { ...run('a', ran), done: () => Promise.resolve({ kind: 'evidence', text: 'it was so' } as const) }
    const { jobs } = await start({ change: change([so]) })
    const job = await jobs.submit(asked())
    expect(await until(jobs, job, 'done')).toMatchObject({ steps: [{ mark: 'skipped', note: 'it was so' }] })
    expect(ran).toEqual([])
  })

  test.each([
    ['an unknown command', { lookup: () => undefined }, 'PARSE-UNKNOWN'],
    [
      'a cluster without credentials',
      { cluster: async () => refuse('CLUSTER-NO-CREDENTIALS') },
      'CLUSTER-NO-CREDENTIALS',
    ],
    ['an empty target', { change: change([], { resolve: async (a) => ({ ...target(a), nodes: [] }) }) }, 'PLAN-EMPTY'],
    ['a resolver that says no', { change: change([], { resolve: async () => refuse('PARSE-NODE') }) }, 'PARSE-NODE'],
    [
      'a system that cannot be read',
      {
        change: change([
          toyStep('a', { preview: () => Promise.reject(new SluiceError('K8S-UNREACHABLE', 'reading')) }),
        ]),
      },
      'K8S-UNREACHABLE',
    ],
    [
      'a block finding',
      {
        change: change([
          toyStep('a', {
            preview: async () => [
              { key: 'a', object: 'gitea-0', verdict: 'block', code: 'DRAIN-LOCAL', reason: 'emptyDir', topic: 't' },
            ],
          }),
        ]),
      },
      'DRAIN-LOCAL',
    ],
    [
      'a policy that denies',
      { decide: () => ({ kind: 'deny', code: 'QUORUM', reason: 'no', rules: [] }) as const },
      'QUORUM',
    ],
    [
      'a policy that throws',
      {
        decide: () => {
          throw new Error('bug')
        },
      },
      'POLICY-ERROR',
    ],
    ['a person nobody knows any more', { requestContext: () => refuse('PERSON-UNKNOWN') }, 'PERSON-UNKNOWN'],
    ['approvals nobody can give', { decide: () => needs(3) }, 'POLICY-UNMET'],
    ['observe mode', { mode: 'observe' as const }, 'OBSERVE-ONLY'],
  ])('refused: %s', async (_name, setting, code) => {
    const ran: string[] = []
    const { jobs } = await start({ change: change([run('a', ran)]), ...setting })
    const job = await jobs.submit(asked())
    const end = await until(jobs, job, 'refused', 'done', 'failed', 'waiting')
    expect(end).toMatchObject({ state: 'refused', code })
    expect(end.result?.text).not.toBe('')
    expect(ran).toEqual([])
    expect(await jobs.holders()).toEqual([])
  })

  test('a failing step fails the job: cause, what is left, what is offered back', async () => {
    const world = { cordoned: false }
    const cordon = toyStep('cordon', {
      done: async () => (world.cordoned ? { kind: 'evidence', text: 'server23 is cordoned' } : undefined),
      run: async () => {
        world.cordoned = true
        return { kind: 'evidence', text: 'server23 is cordoned' }
      },
    })
    const drain = toyStep('drain', { run: () => Promise.reject(new SluiceError('DRAIN-EVICT', 'evicting gitea-0')) })
    const { jobs } = await start({ change: change([cordon, drain], { offer: () => 'uncordon server23 on p10' }) })
    const end = await until(jobs, await jobs.submit(asked()), 'failed', 'done')
    expect(end).toMatchObject({
      state: 'failed',
      code: 'DRAIN-EVICT',
      offer: 'uncordon server23 on p10',
      steps: [{ mark: 'done' }, { mark: 'failed' }],
    })
    expect(end.result?.details).toEqual(['cordon: server23 is cordoned', 'drain: begun, not finished'])
  })

  test('what is left of a step that was begun is asked from the world', async () => {
    const drain = toyStep('drain', {
      run: () => Promise.reject(new SluiceError('DRAIN-EVICT', 'evicting gitea-0')),
      left: () => Promise.resolve('stopped half-way, 1 of 2 pods gone'),
    })
    const { jobs } = await start({ change: change([drain]) })
    const job = await jobs.submit(asked())
    const end = await until(jobs, job, 'failed')
    expect(end.result?.details).toEqual(['drain: stopped half-way, 1 of 2 pods gone'])
  })

  test('what blocks is refused with each reason once and the objects', async () => {
    const block = (object: string, reason: string) =>
      ({ key: object, object, verdict: 'block', code: 'DRAIN-LOCAL', reason, topic: 't' }) as const
    const why = 'cannot delete Pods with local storage (use --delete-emptydir-data to override)'
    const preview = async () => [block('acme/a', why), block('acme/b', why), block('acme/c', 'is under two budgets')]
    const { jobs } = await start({ change: change([toyStep('a', { preview })]) })
    const end = await until(jobs, await jobs.submit(asked()), 'refused')
    expect(end.result?.text).toBe('cannot delete Pods with local storage. Nothing was done.')
    expect(end.result?.details).toEqual(['acme/a, acme/b', 'acme/c: is under two budgets'])
  })

  test('resume goes on behind what is done; retry is a new job', async () => {
    const ran: string[] = []
    const world = { broken: true }
    const b = toyStep('b', {
      run: async () => {
        if (world.broken) throw new SluiceError('K8S-TIMEOUT', 'b')
        ran.push('b')
        return { kind: 'evidence', text: 'b' }
      },
    })
    const { jobs } = await start({ change: change([run('a', ran), b]) })
    const job = await jobs.submit(asked())
    await until(jobs, job, 'failed')
    world.broken = false
    const said = word('fran')
    expect(await jobs.resume({ job, ...said })).toMatchObject({ ok: true })
    expect(await jobs.resume({ job, ...said })).toMatchObject({ ok: true })
    const end = await until(jobs, job, 'done')
    expect(end.result?.text).toBe('toy server23 on p10')
    expect(ran).toEqual(['a', 'b'])
    expect(await jobs.resume({ job, ...word('fran') })).toMatchObject({ code: 'JOB-STATE' })
    const again = word('amal')
    expect(await jobs.retry({ job, room: 'p10', ...again })).toMatchObject({ ok: true })
    expect(await jobs.retry({ job, room: 'p10', ...again })).toMatchObject({ ok: true })
    expect(await until(jobs, '2', 'done')).toMatchObject({ retryOf: '1', asked: { by: 'amal', room: 'p10' } })
    expect(await jobs.get('3')).toBeUndefined()
  })

  test('a step that ends its time is failed when it may run again, and a human decides when not', async () => {
    const hang = (repeatable: boolean) =>
      toyStep('hang', {
        repeatable,
        timeoutMs: 50,
        run: ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(new Error('aborted')))),
      })
    const first = await start({ change: change([hang(true)]) })
    expect(await until(first.jobs, await first.jobs.submit(asked()), 'failed')).toMatchObject({ code: 'STEP-TIMEOUT' })
    await first.stop()
    const second = await start({ change: change([hang(false)]) })
    const job = await second.jobs.submit(asked())
    expect(await until(second.jobs, job, 'needs-human', 'failed')).toMatchObject({
      state: 'needs-human',
      code: 'STEP-UNCLEAR',
    })
    expect(await second.jobs.holders({ lock: 'p10' })).toMatchObject([
      { lock: 'cluster/p10', holder: { job, person: 'nico', sentence: 'toy server23 on p10', state: 'needs-human' } },
    ])
  })

  test('another cluster behind the name is refused at start', async () => {
    const { jobs } = await start({ change: change([run('a', [])]), cluster: async () => cluster('uid-of-c2') })
    expect(await until(jobs, await jobs.submit(asked()), 'refused', 'done')).toMatchObject({ code: 'IDENTITY-CHANGED' })
  })

  test('secrets do not reach the store', async () => {
    const token = 'abcdef.0123456789abcdef'
    const leak = toyStep('leak', { run: () => Promise.reject(new Error(`kubeadm join --token ${token}`)) })
    const { jobs } = await start({ change: change([leak]) })
    await until(jobs, await jobs.submit(asked({ text: `join with ${token}` })), 'failed')
    const everything = await Promise.all([
      store().redis.hgetall(keys.job('1')),
      store().redis.hgetall(keys.journal('1')),
      store().redis.xrange(keys.audit, '-', '+'),
    ])
    expect(JSON.stringify(everything)).not.toContain(token)
  })

  test('the audit chain holds, and a changed entry breaks it', async () => {
    const { jobs } = await start({ change: change([run('a', [])]) })
    await until(jobs, await jobs.submit(asked()), 'done')
    const good = await verifyAudit(store().redis)
    expect(good).toMatchObject({ ok: true })
    const [[id, fields] = ['', []]] = await store().redis.xrange(keys.audit, '-', '+')
    await store().redis.xdel(keys.audit, id)
    expect(fields.length).toBeGreaterThan(0)
    expect(await verifyAudit(store().redis)).toMatchObject({ ok: false })
  })
})
