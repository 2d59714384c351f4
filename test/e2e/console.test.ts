import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder, type Said, states, type Talk, talk } from './console-process.ts'

const DRAIN = { as: 'nico', text: 'drain server23 on p10 #1234', event: 'e1' }
const folders: { remove: () => void }[] = []
const talks: Talk[] = []
afterEach(() => {
  for (const t of talks.splice(0)) if (t.child.exitCode === null && t.child.signalCode === null) t.child.kill('SIGTERM')
  for (const f of folders.splice(0)) f.remove()
})
const folder = (): string => {
  const f = dataFolder()
  folders.push(f)
  return f.dir
}
const start = (...args: readonly string[]): Talk => {
  const t = talk(args)
  talks.push(t)
  return t
}
const text = (said: readonly Said[]): string => said.map((s) => s.text ?? '').join('\n')
const until = (state: string | readonly string[], job = '1') => ({ until: { job, state }, within: '60s' })

describe('the console on the practice world', { timeout: 120_000 }, () => {
  it('drains server23: planned, waiting, queued, running, done; the node is cordoned', async () => {
    const t = start('--practice', '--data', folder())
    t.tell(DRAIN, until('waiting'), { as: 'fran', react: '✅', to: 'job:1' }, until('done'), {
      as: 'nico',
      text: 'list nodes p10',
    })
    expect(await t.end(), t.errors()).toBe(0)
    expect(states(t.said)).toEqual(['received', 'planned', 'waiting', 'queued', 'running', 'done'])
    expect(t.said.filter((s) => s.type === 'until').map((s) => s['met'])).toEqual([true, true])
    expect(text(t.said)).toMatch(/server23\s+Ready,SchedulingDisabled/)
    expect(t.said.filter((s) => s.type === 'message' && s.text?.includes('done in'))).toHaveLength(1)
  })

  it('tells who did what, in the words and the zone of who asks', async () => {
    const t = start('--practice', '--data', folder())
    t.tell(DRAIN, until('waiting'), { as: 'fran', react: '✅', to: 'job:1' }, until('done'))
    t.tell({ as: 'amal', text: 'who did what on p10 since yesterday', event: 'q1' })
    t.tell({ as: 'amal', text: 'was hat fran heute auf p10 gemacht' }, { as: 'fran', text: 'what did amal do today' })
    t.tell({ as: 'amal', text: 'history of p10 since 10 days ago' })
    expect(await t.end(), t.errors()).toBe(0)
    const row = / 1 +nico +drain server23 on p10 +fran +done +#1234/
    const answers = t.said.filter((s) => s.type === 'message' && s.text?.includes('OUTCOME') === true)
    expect(answers.map((s) => row.test(s.text ?? ''))).toEqual([true, true, true])
    expect(text(t.said)).toContain('Nobody changed anything with amal in it since')
    expect(text(t.said)).toContain('there is no audit: it begins then.')
  })

  it('counts no vote of the asker, of a bot or of somebody whom the policy does not name; says why', async () => {
    const t = start('--practice', '--data', folder())
    t.tell(
      DRAIN,
      until('waiting'),
      { as: 'nico', react: '✅', to: 'job:1' },
      { as: 'fran', bot: true, text: 'approve 1' },
      { as: 'amal', text: 'approve 1' },
      { as: 'mallory', text: 'approve 1' },
    )
    await t.heard((s) => s.text?.includes('VOTE-NOT-ELIGIBLE') === true)
    await t.heard((s) => s.type === 'private' && s.text?.includes('PERSON-UNKNOWN') === true)
    expect(text(t.said)).toContain('VOTE-OWN')
    t.tell({ as: 'fran', react: '❌', to: 'job:1' }, until(['refused', 'cancelled']))
    expect(await t.end()).toBe(0)
    expect(states(t.said).at(-1)).toBe('refused')
    expect(states(t.said)).not.toContain('running')
  })

  it('goes on after kill -9 where it stood, and an event that comes twice is one job', async () => {
    const dir = folder()
    const first = start('--practice', '--data', dir)
    first.tell(DRAIN, DRAIN, until('waiting'))
    await first.heard((s) => s.type === 'until')
    first.child.kill('SIGKILL')
    const second = start('--practice', '--data', dir)
    second.tell(DRAIN, { as: 'fran', react: '✅', to: 'job:1' }, until('done'), { as: 'nico', text: 'jobs' })
    expect(await second.end(), second.errors()).toBe(0)
    expect(states(second.said)).toEqual(['waiting', 'queued', 'running', 'done'])
    expect(new Set([...first.said, ...second.said].flatMap((s) => (s.type === 'job' ? [s.job] : [])))).toEqual(
      new Set(['1']),
    )
  })

  it('stops everything for a maintainer, says so everywhere, and goes on once two have agreed to start again', async () => {
    const t = start('--practice', '--data', folder())
    t.tell(DRAIN, until('waiting'), { as: 'amal', text: 'stop all because there is smoke in rack 4' })
    t.tell({ as: 'fran', react: '✅', to: 'job:1' }, until('queued'), { as: 'nico', text: 'drain server24 on p10' })
    t.tell(until('refused', '2'), { as: 'nico', text: 'who holds p10' }, { as: 'nico', text: 'start again' })
    t.tell(
      until('waiting', '3'),
      { as: 'nico', text: 'job 1' },
      { as: 'fran', text: 'approve 3' },
      until('done', '3'),
      until('done'),
    )
    expect(await t.end(), t.errors()).toBe(0)
    expect(t.said.filter((s) => s.type === 'until').map((s) => s['met'])).not.toContain(false)
    const all = text(t.said)
    expect(all).toContain('`start again` lets it go on; it may be asked by nico, fran')
    expect(all).toMatch(/amal stopped everything at .* UTC: there is smoke in rack 4\. Nothing was done\./)
    expect(all).toContain('Nothing begins before `start again`.')
    expect(all).toMatch(/queued \(STOPPED\)/)
    expect(states(t.said).slice(-2)).toEqual(['running', 'done'])
  })

  it('refuses bad lines and bad aims without doing anything', async () => {
    const t = start('--practice', '--data', folder())
    t.child.stdin?.write('{"as":"nico"\n')
    t.tell(
      { as: 'nico', text: 'help', room: 'nowhere' },
      { as: 'fran', react: '✅', to: 'job:9' },
      { as: 'nico', txet: 'help' },
      { as: 'nico', text: 'help', event: 'same' },
      { as: 'nico', text: 'help', event: 'same' },
    )
    expect(await t.end(), t.errors()).toBe(0)
    expect(t.said.filter((s) => s.type === 'error').map((s) => [s['line'], s['code']])).toEqual([
      [1, 'EVENT-BAD'],
      [2, 'ROOM-UNKNOWN'],
      [3, 'JOB-UNKNOWN'],
      [4, 'EVENT-BAD'],
    ])
    expect(t.said.filter((s) => s.type === 'accepted' && s['event'] === 'same')).toHaveLength(2)
    expect(t.said.filter((s) => s.type === 'message')).toHaveLength(1)
  })

  it('ends an until that cannot be met, and one that takes too long with exit 3', async () => {
    const t = start('--practice', '--data', folder())
    t.tell({ as: 'nico', text: 'drain server23 on p10 #2000' }, until(['done']))
    const met = await t.heard((s) => s.type === 'until')
    expect(met).toMatchObject({ state: 'refused', met: false })
    expect(text(t.said)).toContain('TICKET-CLOSED')
    t.tell({ until: { job: '7', state: 'done' }, within: '300ms' })
    expect(await t.end()).toBe(3)
  })

  it('exits 2 on a bad configuration', async () => {
    const t = start('--config', folder())
    expect(await t.end()).toBe(2)
    expect(t.errors()).toContain('CONFIG-BAD')
    expect(t.said).toEqual([])
  })
})

describe('bad input gets a clear refusal, and nothing happens', { timeout: 60_000 }, () => {
  const home = dataFolder()
  let t: Talk
  beforeAll(() => {
    t = talk(['--practice', '--data', home.dir])
  })
  afterAll(async () => {
    expect(await t.end(), t.errors()).toBe(0)
    expect(states(t.said), 'no job was made').toEqual([])
    home.remove()
  })
  it.each([
    ['an unknown command', 'frobnicate server23', 'PARSE-UNKNOWN'],
    ['an unknown node', 'drain server99 on p10', 'PARSE-NODE'],
    ['an unknown cluster', 'drain server23 on p99', 'PARSE-CLUSTER'],
    ['a range with a hole', 'drain server22-30 on p10', 'PARSE-RANGE'],
    ['10 kB of text', `drain ${'x'.repeat(10_000)}`, 'PARSE-TOO-LONG'],
    ['control characters', 'drain server23\u0007 on p10', 'PARSE-CONTROL'],
    ['a negation', "don't drain server23", 'PARSE-NEGATED'],
    ['a later time', 'drain server23 on p10 tomorrow at 6', 'PARSE-SCHEDULED'],
    ['what is not built yet', 'reboot server23 on p10', 'NOT-YET'],
    ['what is never offered', 'delete p10', 'NOT-OFFERED'],
    ['two changes', 'drain server23 on p10 and server47 on c2', 'PARSE-SEVERAL'],
    ['a node of two clusters', 'drain server53', 'PARSE-AMBIGUOUS'],
  ])('%s', async (_what, sentence, code) => {
    const before = t.said.length
    t.tell({ as: 'nico', text: sentence })
    const answer = await t.heard((s) => s.type === 'message' && t.said.indexOf(s) >= before)
    expect(answer.text).toContain(code)
  })
})
