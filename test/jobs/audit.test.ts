import { describe, expect, test } from 'vitest'
import { digestOf, readHead } from '../../src/jobs/audit-chain.ts'
import { readEntry } from '../../src/jobs/audit-entry.ts'
import { writeExport } from '../../src/jobs/audit-file.ts'
import { trimAudit } from '../../src/jobs/audit-keep.ts'
import { append, headOf, type LogLine, pages } from '../../src/jobs/audit-log.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import { keys } from '../../src/store/keys.ts'
import { at, auditWorld, changes, drained } from './audit-world.ts'
import { engines } from './engines.ts'
import { asked, until, word } from './toy.ts'

const { store, start } = engines()
const { all, entries, forge, path, verify } = auditWorld(store)

const lied = ({ entry, ...line }: LogLine, rehash: boolean): LogLine => {
  const text = entry.replace('"by":"nico"', '"by":"fran"').replace('"what":"planned"', '"what":"pleased"')
  return { ...line, entry: text, hash: rehash ? digestOf(text) : line.hash }
}

describe('what an entry holds', () => {
  test('event, person, words, command, plan, policy, decision, votes, steps with digests of their evidence, outcome', async () => {
    const { jobs } = await start({ ...changes, policyVersion: () => 'sha256:rules-of-today' })
    await drained(jobs)
    const list = await entries()
    const of = (what: string) => list.find((e) => e.what === what)
    expect(list.map(({ v }) => v)).toEqual(list.map(() => 1))
    expect(list.map(({ n }) => n)).toEqual(list.map((_, i) => i + 1))
    expect(of('received')).toMatchObject({
      by: 'nico',
      event: expect.stringMatching(/^e\d+$/),
      room: 'ops',
      ticket: '1234',
      command: 'toy',
      args: { cluster: 'p10' },
      words: { by: 'nico', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    })
    const plan = (await jobs.get('1'))?.plan?.hash
    expect(of('planned')).toMatchObject({ plan, sentence: 'toy server23 on p10', cluster: 'p10' })
    expect(of('asked')).toMatchObject({
      plan,
      policy: 'sha256:rules-of-today',
      decision: { kind: 'needs', rules: ['pair'] },
    })
    expect(of('queued')).toMatchObject({
      by: 'fran',
      event: expect.stringMatching(/^w\d+$/),
      votes: [{ person: 'fran', choice: 'approve' }],
      words: { by: 'fran' },
    })
    // decided again just before the first step
    expect(of('step cordon')).toMatchObject({ decision: { kind: 'needs' }, policy: 'sha256:rules-of-today' })
    expect(of('step evict')?.steps).toMatchObject([
      { id: 'cordon', mark: 'done', evidence: expect.stringMatching(/^sha256:/) },
    ])
    expect(of('done')).toMatchObject({ state: 'done', outcome: 'toy server23 on p10' })
    const [cordon, evict] = of('done')?.steps ?? []
    expect([cordon?.evidence, evict?.evidence]).toEqual([of('step evict')?.steps?.[0]?.evidence, expect.any(String)])
    expect(cordon?.evidence).not.toBe(evict?.evidence)
  })

  test('nothing that was typed is in the chain itself, only beside it', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    const no = await jobs.submit(asked({ text: 'please do the thing' }))
    await until(jobs, no, 'waiting')
    await jobs.vote({ job: no, choice: 'deny', reason: 'on no account', ...word('fran') })
    const stop = await jobs.submit(asked())
    await until(jobs, stop, 'waiting')
    await jobs.cancel({ job: stop, reason: 'changed my mind', ...word('nico') })
    await until(jobs, stop, 'cancelled')
    const chain = (await all()).map(({ entry }) => entry).join('\n')
    for (const typed of ['smokes', 'go on', 'do the thing', 'on no account', 'changed my mind'])
      expect(chain).not.toContain(typed)
    const beside = Object.values(await store().redis.hgetall(keys.auditWords)).join('\n')
    for (const typed of ['it smokes', 'go on', 'do the thing', 'on no account', 'changed my mind'])
      expect(beside).toContain(typed)
    expect(await verify()).toMatchObject({ ok: true, forgotten: 0 })
  })
})

describe('the chain', () => {
  test.each([true, false])(
    'holds; a changed entry is named, whether its hash was mended (%s) or not',
    async (rehash) => {
      const { jobs } = await start(changes)
      await drained(jobs)
      const lines = await all()
      expect(await verify()).toMatchObject({ ok: true, entries: lines.length, trimmed: 0 })
      await forge(lines.map((line, i) => (i === 1 ? lied(line, rehash) : line)))
      expect(await verify()).toMatchObject({ ok: false, at: 2, why: expect.stringContaining('was changed') })
    },
  )

  test('one that was cut out is missing by its number, also the first and the last', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    const lines = await all()
    for (const n of [1, 4, lines.length]) {
      await forge(lines.filter((line) => line.n !== n))
      expect(await verify()).toMatchObject({ ok: false, at: n, why: expect.stringContaining('is missing') })
    }
    await forge(lines)
    expect(await verify()).toMatchObject({ ok: true })
  })

  test('two that were swapped, and one that was put in twice', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    const lines = await all()
    await forge([at(lines, 0), at(lines, 1), at(lines, 3), at(lines, 2), ...lines.slice(4)])
    expect(await verify()).toEqual({ ok: false, at: 3, why: 'and entry 4 are swapped' })
    await forge([at(lines, 0), at(lines, 1), at(lines, 1), ...lines.slice(2)])
    expect(await verify()).toMatchObject({ ok: false, at: 2, why: 'stands where entry 3 should' })
  })

  test('a forged head, and a log that was cut back to an older one', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    const { redis } = store()
    const lines = await all()
    const head = (await redis.get(keys.auditHead)) ?? ''
    await redis.set(keys.auditHead, `${lines.length} sha256:forged`)
    expect(await verify()).toMatchObject({ ok: false, at: lines.length, why: expect.stringContaining('head') })
    await redis.set(keys.auditHead, `3 ${at(lines, 2).hash}`)
    expect(await verify()).toMatchObject({ ok: false, at: 3, why: expect.stringContaining('there are entries up to') })
    await redis.del(keys.auditHead)
    expect(await verify()).toMatchObject({ ok: false })
    await redis.set(keys.auditHead, head)
    expect(await verify()).toMatchObject({ ok: true })
    // whoever can also set the head can cut the end off; only what was exported before shows it
    const file = path()
    await writeExport(
      file,
      { from: { n: 0, hash: '' }, head: await headOf(redis) },
      pages(redis, { n: 0, hash: '' }),
      1,
    )
    await forge(lines.slice(0, 3))
    await redis.set(keys.auditHead, `3 ${at(lines, 2).hash}`)
    for (const { n } of lines.slice(3)) await redis.hdel(keys.auditWords, String(n))
    expect(await verify()).toMatchObject({ ok: true })
    expect(await verify([file])).toMatchObject({ ok: false, at: 4 })
  })

  test('replicas that write at once never fork it', async () => {
    const [one, two] = [await start({ change: changes.change }), await start({ change: changes.change })]
    const jobs = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? one : two).jobs.submit(asked({ text: `number ${i}` }))),
    )
    const beside = Array.from({ length: 20 }, (_, i) => append(store().redis, { atMs: i, what: 'beside' }))
    await Promise.all(beside)
    for (const job of jobs) await until(one.jobs, job, 'done')
    const list = await entries()
    expect(list.map(({ n }) => n)).toEqual(list.map((_, i) => i + 1))
    expect(list.filter(({ what }) => what === 'done')).toHaveLength(30)
    expect(list.filter(({ what }) => what === 'beside')).toHaveLength(20)
    expect(await verify()).toMatchObject({ ok: true, entries: list.length })
  })

  test('entries of the schema before it are read and gone on from; those of a newer one are refused', async () => {
    const { redis } = store()
    let prev = ''
    for (const what of ['received', 'planned']) {
      const entry = JSON.stringify({ prev, atMs: 1, job: '0', revision: 1, state: what, code: null, by: 'nico', what })
      prev = digestOf(entry)
      await redis.xadd(keys.audit, '*', 'entry', entry, 'hash', prev)
    }
    await redis.set(keys.auditHead, prev)
    expect(await verify()).toMatchObject({ ok: true, entries: 2, head: { n: 2 } })
    const { jobs } = await start({ change: changes.change })
    await until(jobs, await jobs.submit(asked()), 'done')
    const list = await entries()
    expect(list.map(({ v }) => v).slice(0, 3)).toEqual([0, 0, 1])
    expect(list.map(({ n }) => n)).toEqual(list.map((_, i) => i + 1))
    expect(await verify()).toMatchObject({ ok: true, entries: list.length })
    expect(() => readEntry(JSON.stringify({ ...at(list, 2), v: 2 }), 3)).toThrow(/STORE-NEWER.*schema 2.*up to 1/)
  })
})

describe('who did what', () => {
  test('from the log: person, sentence, approvals, outcome, ticket; by cluster, person, node and time', async () => {
    const clock = { ms: Date.UTC(2026, 10, 18, 9) }
    const { jobs } = await start({ ...changes, clock: { now: () => clock.ms } })
    const [first] = [await drained(jobs), (clock.ms += 3_600_000)]
    const middle = clock.ms
    const second = await jobs.submit(asked({ by: 'amal' }))
    await until(jobs, second, 'waiting')
    await jobs.vote({ job: second, choice: 'deny', ...word('fran') })
    await until(jobs, second, 'refused')
    const { deeds, ...rest } = await jobs.history({ fromMs: 0 })
    expect(deeds).toEqual([
      {
        job: second,
        atMs: middle,
        asker: 'amal',
        sentence: 'toy server23 on p10',
        state: 'refused',
        code: 'APPROVAL-DENIED',
        approvals: [],
        endedBy: 'fran',
      },
      {
        job: first,
        atMs: middle - 3_600_000,
        asker: 'nico',
        sentence: 'toy server23 on p10',
        state: 'done',
        code: null,
        approvals: ['fran'],
        ticket: '1234',
      },
    ])
    expect(rest).toEqual({ sinceMs: middle - 3_600_000, trimmed: false, more: false })
    const jobsOf = async (filter: Partial<Parameters<Jobs['history']>[0]>) =>
      (await jobs.history({ fromMs: 0, ...filter })).deeds.map(({ job }) => job)
    expect(await jobsOf({ fromMs: middle })).toEqual([second])
    expect(await jobsOf({ toMs: middle })).toEqual([first])
    expect(await jobsOf({ person: 'amal' })).toEqual([second])
    expect(await jobsOf({ person: 'fran' })).toEqual([second, first])
    expect(await jobsOf({ cluster: 'c2' })).toEqual([])
    expect(await jobsOf({ node: 'server23' })).toEqual([second, first])
    expect(await jobsOf({ node: 'server2' })).toEqual([])
    expect(await jobsOf({ limit: 1 })).toEqual([second])
  })

  test('over many pages, and with the rest in files', async () => {
    const { redis } = store()
    for (let i = 0; i < 1_200; i++)
      await append(redis, { atMs: i, what: 'x', job: String(i), state: 'done', sentence: `toy ${i}`, asker: 'nico' })
    const { jobs } = await start(changes)
    const { deeds } = await jobs.history({ fromMs: 0, limit: 2_000 })
    expect(deeds).toHaveLength(1_200)
    expect(deeds[0]).toMatchObject({ job: '1199' })
    await trimAudit(redis, { dir: path(), keepEntries: 100, keepForMs: 1e12 }, 1e6)
    expect(await jobs.history({ fromMs: 0 })).toMatchObject({ trimmed: true, sinceMs: 1_100 })
    expect(readHead((await redis.get(keys.auditHead)) ?? '').n).toBe(1_201)
  })
})
