import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exportsIn, findWords, forgetWords, TAKEN } from '../../src/jobs/audit-forget.ts'
import { trimAudit } from '../../src/jobs/audit-keep.ts'
import { append, headOf } from '../../src/jobs/audit-log.ts'
import { keys } from '../../src/store/keys.ts'
import { at, auditWorld, changes, drained } from './audit-world.ts'
import { engines } from './engines.ts'
import { asked, latch, until, word } from './toy.ts'

const { store, start } = engines()
const { all, entries, forge, path, verify } = auditWorld(store)

describe('words are taken away', () => {
  test('the chain holds as before, says how many, and no text is left in the store', async () => {
    const { jobs, stop } = await start(changes)
    await drained(jobs)
    const no = await jobs.submit(asked({ by: 'amal', text: 'amal wants this' }))
    await until(jobs, no, 'waiting')
    await jobs.vote({ job: no, choice: 'deny', reason: 'certainly not', ...word('fran') })
    await until(jobs, no, 'refused')
    const again = await jobs.retry({ job: '1', room: 'ops', ...word('amal') })
    expect(again).toMatchObject({ ok: true })
    await until(jobs, '3', 'waiting')
    await jobs.cancel({ job: '3', reason: 'no longer', ...word('amal') })
    await until(jobs, '3', 'cancelled')
    await stop()
    const { redis } = store()
    const everything = async (): Promise<string> => {
      const hashes = [keys.auditWords, keys.job('1'), keys.job('2'), keys.job('3')]
      return JSON.stringify(
        await Promise.all([...hashes.map((key) => redis.hgetall(key)), redis.xrange(keys.audit, '-', '+')]),
      )
    }
    const found = await findWords(redis, 'nico', [])
    // said once, and said again for him by amal
    expect(found).toMatchObject({ entries: expect.objectContaining({ length: 2 }), open: [] })
    expect([...found.jobs].sort()).toEqual(['1', '3'])
    await forgetWords(redis, 'nico', found, 'the test', 5)
    expect(await everything()).not.toContain('smokes')
    expect(await everything()).toContain('amal wants this')
    expect((await jobs.get('1'))?.asked.text).toBe(TAKEN)
    expect(await verify()).toMatchObject({ ok: true, forgotten: 2 })
    await forgetWords(redis, 'fran', await findWords(redis, 'fran', []), 'the test', 6)
    for (const typed of ['go on', 'certainly not']) expect(await everything()).not.toContain(typed)
    expect((await jobs.get('2'))?.result?.text).toBe('fran said no.')
    expect((await entries()).slice(-2)).toMatchObject([
      { what: 'words taken away', by: 'the test', forgot: { person: 'nico', texts: 2 } },
      { what: 'words taken away', by: 'the test', forgot: { person: 'fran', texts: 2 } },
    ])
    expect(await verify()).toMatchObject({ ok: true, forgotten: 4 })
  })

  test('a text that is gone without a word, or changed, is found', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    const { redis } = store()
    const said = (await redis.hget(keys.auditWords, '1')) ?? ''
    await redis.hset(keys.auditWords, '1', said.replace('smokes', 'shines'))
    expect(await verify()).toMatchObject({ ok: false, at: 1, why: expect.stringContaining('other words') })
    await redis.hdel(keys.auditWords, '1')
    expect(await verify()).toMatchObject({ ok: false, at: 1, why: expect.stringContaining('words of nico') })
    await redis.hset(keys.auditWords, '1', said)
    expect(await verify()).toMatchObject({ ok: true })
  })

  test('a job that has not ended keeps what it needs', async () => {
    const { jobs } = await start(changes)
    const job = await jobs.submit(asked({ text: 'a secret wish' }))
    await until(jobs, job, 'waiting')
    const { redis } = store()
    const found = await findWords(redis, 'nico', [])
    expect(found).toMatchObject({ jobs: [], open: [job] })
    await forgetWords(redis, 'nico', found, 'the test', 5)
    expect((await jobs.get(job))?.asked.text).toBe('a secret wish')
    await jobs.vote({ job, choice: 'approve', ...word('fran') })
    await until(jobs, job, 'done')
    await forgetWords(redis, 'nico', await findWords(redis, 'nico', []), 'the test', 6)
    expect((await jobs.get(job))?.asked.text).toBe(TAKEN)
  })
})

describe('a bounded log', () => {
  const many = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await append(store().redis, { atMs: i * 1_000, what: `entry ${i + 1}` })
  }
  const keep = (dir: string, keepEntries: number, keepForMs = 1e12) => ({ dir, keepEntries, keepForMs })

  test('is exported, read back and said in the chain before it is trimmed; log and files hold together', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    await many(60)
    const dir = path()
    const before = await all()
    const trimmed = await trimAudit(store().redis, keep(dir, 20), 1e6)
    expect(trimmed?.upTo.n).toBe(before.length - 20)
    const list = await entries()
    expect(list[0]?.n).toBe(before.length - 19)
    expect(list.at(-1)).toMatchObject({ what: 'exported', exported: { n: before.length - 20 } })
    expect(await store().redis.hlen(keys.auditWords)).toBe(0)
    await many(60)
    await trimAudit(store().redis, keep(dir, 20), 1e6)
    expect(await trimAudit(store().redis, keep(dir, 20), 1e6)).toBeUndefined()
    const files = await exportsIn(dir)
    expect(files).toHaveLength(2)
    const now = await headOf(store().redis)
    expect(await verify()).toMatchObject({ ok: true, trimmed: now.n - 21 })
    expect(await verify(files)).toMatchObject({ ok: true, entries: now.n, trimmed: 0 })
    expect(await verify(files.slice(1))).toMatchObject({ ok: true })
    expect(await verify(files.slice(0, 1))).toMatchObject({
      ok: false,
      why: expect.stringContaining('neither in a file nor in the log'),
    })
    // words went into the file
    expect(readFileSync(at(files, 0), 'utf8')).toContain('it smokes')
  })

  test('by age as well; what is within both bounds stays', async () => {
    await many(40)
    const dir = path()
    expect(await trimAudit(store().redis, keep(dir, 100, 60_000), 60_000)).toBeUndefined()
    const trimmed = await trimAudit(store().redis, keep(dir, 100, 10_000), 30_000)
    expect(trimmed?.upTo.n).toBe(20)
    expect((await entries())[0]?.what).toBe('entry 21')
    expect(await verify(await exportsIn(dir))).toMatchObject({ ok: true })
  })

  test('by two replicas at once it loses nothing, and each has a file', async () => {
    await many(60)
    const { redis } = store()
    const [one, two] = [path(), path()]
    await Promise.all([trimAudit(redis, keep(one, 20), 1e6), trimAudit(redis, keep(two, 20), 1e6)])
    const [first, second] = [await exportsIn(one), await exportsIn(two)]
    expect(await verify(first)).toMatchObject({ ok: true, trimmed: 0 })
    expect(await verify(second)).toMatchObject({ ok: true, trimmed: 0 })
    expect((await all()).length).toBeGreaterThanOrEqual(20)
  })

  test('one that was slow does not take back what another one trimmed meanwhile', async () => {
    await many(60)
    const { redis } = store()
    const [one, two] = [path(), path()]
    const [reached, go] = [latch(), latch()]
    let scripts = 0
    // stands still before its second script, which is the trim
    const slow = new Proxy(redis, {
      get: (target, name) => {
        if (name !== 'eval') return Reflect.get(target, name)
        return async (...args: Parameters<typeof redis.eval>) => {
          if (++scripts === 2) {
            reached.open()
            await go.opened
          }
          return target.eval(...args)
        }
      },
    })
    const late = trimAudit(slow, keep(one, 40), 1e6)
    await reached.opened
    expect((await trimAudit(redis, keep(two, 20), 1e6))?.upTo.n).toBe(41)
    go.open()
    expect(await late).toBeUndefined()
    expect((await all())[0]?.n).toBe(42)
    expect(await verify(await exportsIn(two))).toMatchObject({ ok: true, trimmed: 0 })
  })

  test('a log that does not hold, or a folder that cannot be written, is not trimmed', async () => {
    await many(60)
    const lines = await all()
    await forge(lines.map((line, i) => (i === 4 ? { ...line, entry: line.entry.replace('entry 5', 'entry V') } : line)))
    await expect(trimAudit(store().redis, keep(path(), 20), 1e6)).rejects.toThrow(/AUDIT-BROKEN.*entry 5 was changed/)
    expect(await all()).toHaveLength(60)
    await forge(lines)
    const noFolder = path()
    writeFileSync(noFolder, '')
    await expect(trimAudit(store().redis, keep(join(noFolder, 'x'), 20), 1e6)).rejects.toThrow()
    expect(await all()).toHaveLength(60)
  })

  test('what was trimmed by somebody else, and a changed or shortened file, are found', async () => {
    await many(60)
    const { redis } = store()
    const dir = path()
    await trimAudit(redis, keep(dir, 20), 1e6)
    const file = at(await exportsIn(dir), 0)
    const text = readFileSync(file, 'utf8')
    const rows = text.trimEnd().split('\n')
    const altered = async (changed: readonly string[]) => {
      writeFileSync(file, `${changed.join('\n')}\n`)
      return verify([file])
    }
    expect(await altered(rows.map((r, i) => (i === 7 ? r.replace('entry 7', 'entry VII') : r)))).toMatchObject({
      ok: false,
      at: 7,
    })
    expect(await altered(rows.filter((_, i) => i !== 7))).toMatchObject({
      ok: false,
      at: 7,
      why: expect.stringContaining('is missing'),
    })
    expect(await altered(rows.slice(0, -5))).toMatchObject({
      ok: false,
      at: 36,
      why: expect.stringContaining('is missing'),
    })
    await expect(altered(rows.map((r, i) => (i === 7 ? '{' : r)))).rejects.toThrow(/AUDIT-FILE.*line 8/)
    await expect(altered([])).rejects.toThrow('AUDIT-FILE')
    expect(await altered(rows)).toMatchObject({ ok: true })
    // ten more go, and the base says so
    const lines = await all()
    const { n, hash } = at(lines, 9)
    await redis.xtrim(keys.audit, 'MINID', at(lines, 10).id)
    expect(await verify()).toMatchObject({ ok: false, at: 41 })
    await redis.set(keys.auditBase, `${n} ${hash}`)
    expect(await verify()).toMatchObject({
      ok: false,
      at: n,
      why: expect.stringContaining('no entry says that they were exported'),
    })
  })

  test('words go from the files too, and their chain holds', async () => {
    const { jobs } = await start(changes)
    await drained(jobs)
    await many(60)
    const { redis } = store()
    const dir = path()
    await trimAudit(redis, keep(dir, 20), 1e6)
    const files = await exportsIn(dir)
    const found = await findWords(redis, 'nico', files)
    expect(found).toMatchObject({ entries: [], jobs: ['1'], files: new Map([[at(files, 0), 1]]) })
    await forgetWords(redis, 'nico', found, 'the test', 5)
    expect(readFileSync(at(files, 0), 'utf8')).not.toContain('smokes')
    expect(readFileSync(at(files, 0), 'utf8')).toContain('go on')
    expect(readdirSync(dir)).toHaveLength(1)
    expect(await verify(files)).toMatchObject({ ok: true, forgotten: 1 })
  })
})
