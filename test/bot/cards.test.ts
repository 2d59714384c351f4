import { describe, expect, it } from 'vitest'
import { card, endLine, refusal, stateReaction, type View } from '../../src/bot/cards.ts'
import { noteText } from '../../src/bot/note-text.ts'
import { closedQuestion, questionCard } from '../../src/bot/question-card.ts'
import { refuse } from '../../src/errors.ts'
import { type Plan, type Question, type Revision, STATES } from '../../src/jobs/job.ts'
import { plain } from '../../src/message.ts'

const AT = Date.parse('2026-11-25T10:00:00+01:00')
const view: View = {
  nowMs: AT + 60_000,
  timeZone: 'Europe/Zurich',
  practice: false,
  ticketUrl: (id) => `https://redmine.example.org/issues/${id}`,
}
const plan: Plan = {
  target: {
    cluster: 'p10',
    clusterUid: 'u',
    nodes: [{ name: 'server23', uid: 'n', controlPlane: false }],
    args: {},
    sentence: 'drain server23 on p10',
  },
  risk: 'disruptive',
  findings: [
    { key: 'cordon server23', object: 'server23', verdict: 'do', reason: 'will be cordoned', topic: 'cordon' },
  ],
  facts: {},
  hash: 'h1',
  steps: [{ id: 'cordon server23', title: 'cordon server23' }],
  plannedAtMs: AT,
}
const question: Question = {
  id: '17.1',
  kind: 'approval',
  code: null,
  text: 'needs approval',
  details: [],
  planHash: 'h1',
  needs: { approvals: 1, from: ['fran'], denyCount: 1, withinMs: 1_800_000 },
  choices: [],
  growth: [],
  votes: [],
  askedAtMs: AT,
  expiresAtMs: AT + 1_800_000,
}
const asking = (more: Partial<Question>): string =>
  plain(questionCard(revision({ plan }), { ...question, ...more }, view))
describe('a question', () => {
  it('says what grew once', () => {
    const [now] = plan.findings
    if (now === undefined) throw new Error('the plan has a finding')
    const text = asking({ growth: [{ key: 'k', now }], details: ['server23: new, now do: will be cordoned'] })
    expect(text).toContain('new: server23: will be cordoned')
    expect(text).not.toContain('new, now do')
    expect(asking({ details: ['since 10:00'] })).toContain('- since 10:00')
  })
  it('asks for the typed confirmation as long as it is missing', () => {
    expect(asking({ typed: { word: 'server23' } })).toContain('And nico has to type `job 17 server23`')
    expect(asking({ typed: { word: 'server23', by: 'nico' } })).not.toContain('has to type')
    expect(asking({})).not.toContain('has to type')
  })
})

const revision = (more: Partial<Revision>): Revision => ({
  job: '17',
  revision: 3,
  state: 'waiting',
  code: null,
  atMs: AT,
  asked: {
    command: 'drain',
    args: {},
    by: 'nico',
    room: 'ops',
    text: 'pls drain server23',
    atMs: AT,
    event: 'e',
    ticket: '1234',
  },
  plan,
  approvedBy: [],
  steps: [{ id: 'cordon server23', title: 'cordon server23', mark: 'pending' }],
  locks: [],
  practice: false,
  ...more,
})

describe('the card', () => {
  it('says what, whose, where it stands, and links the ticket', () => {
    const text = plain(card(revision({}), view))
    expect(text).toContain('#17 drain server23 on p10')
    expect(text).toContain('asked by nico at 10:00 CET')
    expect(text).toContain('ticket #1234 (https://redmine.example.org/issues/1234)')
    expect(text).toContain('waiting for people')
    expect(text).toContain('· cordon server23')
  })
  it('says who blocks and since when while it runs, and nothing of it at the end', () => {
    const progress = {
      done: 12,
      of: 17,
      waiting: [{ object: 'rook-ceph-mon-b', why: 'PDB rook-ceph-mon-pdb needs 3 healthy, has 2', sinceMs: AT }],
    }
    const running = plain(card(revision({ state: 'running', progress, startedAtMs: AT }), view))
    expect(running).toContain('running since 10:00 CET')
    expect(running).toContain('`cancel 17` stops it at its next safe point')
    expect(running).toContain('12 of 17 gone')
    expect(running).toContain('rook-ceph-mon-b: PDB rook-ceph-mon-pdb needs 3 healthy, has 2, since 1m')
    expect(plain(card(revision({ state: 'done', progress }), view))).not.toContain('12 of 17')
  })
  it('says that another worker took it up, and how much was done before, as long as it runs', () => {
    const steps = ['cordon', 'evict', 'verify'].map((id) => ({ id, title: id, mark: 'pending' as const }))
    const told = (done: number) =>
      plain(card(revision({ state: 'running', startedAtMs: AT, steps, restarted: { atMs: AT, done } }), view))
    expect(told(0)).toContain('restarted at 10:00 CET; continuing with step 1 of 3')
    expect(told(1)).toContain('step 1 of 3 is already true on the cluster; continuing')
    expect(told(2)).toContain('steps 1 to 2 of 3 are already true on the cluster; continuing')
    const over = card(revision({ state: 'done', steps, restarted: { atMs: AT, done: 1 } }), view)
    expect(plain(over)).not.toContain('restarted')
  })
  it('says who stopped everything and why, also while it waits for people, and that it goes on by itself', () => {
    const stopped = { id: 'e', by: 'fran', atMs: AT, reason: 'smoke' }
    const queued = plain(card(revision({ state: 'queued', code: 'STOPPED', stopped, behind: '16' }), view))
    expect(queued).toContain('queued (STOPPED)')
    expect(queued).toContain('fran stopped everything at 10:00 CET: smoke. It goes on by itself after `start again`')
    expect(queued).not.toContain('behind job 16')
    const waiting = plain(card(revision({ question, stopped }), view))
    expect(waiting).toContain('waiting for people: 1 of fran')
    expect(waiting).toContain('fran stopped everything')
    expect(plain(card(revision({ state: 'cancelled', stopped }), view))).not.toContain('stopped everything')
  })
  it('says who took its locks away, and why', () => {
    const unlocked = { by: 'fran', job: '18', atMs: AT, reason: 'looked by hand' }
    const text = plain(card(revision({ state: 'needs-human', code: 'STEP-UNCLEAR', unlocked }), view))
    expect(text).toContain('fran took its locks away at 10:00 CET (job 18): looked by hand')
  })
  it('shows no steps that will never be begun', () => {
    expect(plain(card(revision({ state: 'refused' }), view))).not.toContain('· cordon server23')
    const steps = [{ id: 'a', title: 'cordon server23', mark: 'done' as const }]
    expect(plain(card(revision({ state: 'cancelled', steps }), view))).toContain('✔ cordon server23 (done)')
  })
  it('offers the cordon back only when the job is over', () => {
    const offer = 'uncordon server23 on p10'
    expect(card(revision({ state: 'failed', offer }), view).buttons).toEqual([{ id: `say:${offer}`, label: offer }])
    expect(card(revision({ state: 'running', offer }), view).buttons).toEqual([])
  })
  it('names for whom it waits, and never the asker, also when policy names them', () => {
    const both = { ...question, needs: { ...question.needs, from: ['fran', 'nico'] } }
    const waiting = revision({ question: both })
    expect(plain(card(waiting, view))).toContain('waiting for people: 1 of fran, until 10:30 CET')
    expect(questionCard(waiting, both, view).mention).toEqual(['fran'])
  })
  it('tells the time of the one who reads where only one does, with the day when it is another', () => {
    const zoned: View = { ...view, zoneOf: (name) => (name === 'nico' ? 'Asia/Seoul' : undefined) }
    const direct = revision({ asked: { ...revision({}).asked, room: 'dm:slack:D1' } })
    expect(plain(card(direct, zoned))).toContain('asked by nico at 18:00 GMT+9')
    expect(plain(card(revision({}), zoned))).toContain('asked by nico at 10:00 CET')
    const later = { ...view, nowMs: AT + 24 * 3_600_000 }
    expect(plain(card(revision({}), later))).toContain('asked by nico at Wed 25 Nov 10:00 CET')
    const seen = card(revision({}), view).blocks.flatMap((b) =>
      'text' in b && typeof b.text !== 'string' ? b.text : [],
    )
    expect(seen).toContainEqual({ time: AT, shown: '10:00 CET' })
  })
  it('is marked where nothing is real', () => {
    expect(plain(card(revision({}), { ...view, practice: true }))).toMatch(/^◇ practice/)
    expect(plain(questionCard(revision({}), question, { ...view, practice: true }))).toMatch(/^◇ practice/)
  })
})

describe('a question', () => {
  it('holds the plan, names who may answer and until when, in words beside the emoji', () => {
    const message = questionCard(revision({}), question, view)
    const text = plain(message)
    expect(text).toContain(
      'Needs 1 of fran, until 10:30 CET (30m). ✅ approves, ❌ says no; or `approve 17`, `deny 17 reason`.',
    )
    expect(text).toContain('server23')
    expect(message.mention).toEqual(['fran'])
    expect(message.reactions).toEqual(['✅', '❌'])
    expect(message.buttons?.map((b) => b.id)).toEqual(['approve:17.1', 'deny:17.1'])
  })
  it('of a gate offers its words, and shows what grew', () => {
    const gate: Question = {
      ...question,
      kind: 'gate',
      id: '17.2',
      choices: [
        { word: 'wait', label: 'Wait 30 min more', risk: 'disruptive' },
        { word: 'force', label: 'Delete', risk: 'destructive' },
      ],
      growth: [
        {
          key: 'k',
          now: { key: 'k', object: 'web/bare', verdict: 'block', reason: 'has no controller', topic: 'unmanaged' },
        },
      ],
    }
    const message = questionCard(revision({}), gate, view)
    expect(plain(message)).toContain('`job 17 wait`, `job 17 force`')
    expect(plain(message)).toContain('new: web/bare: has no controller')
    expect(message.buttons).toEqual([
      { id: 'gate:17.2:wait', label: 'Wait 30 min more' },
      { id: 'gate:17.2:force', label: 'Delete', style: 'danger' },
    ])
    expect(message.reactions).toEqual([])
  })
  it('once answered says by whom and cannot be pressed any more', () => {
    const answered = {
      ...question,
      votes: [{ person: 'fran', choice: 'deny' as const, atMs: AT, event: 'v', reason: 'not now' }],
    }
    const message = closedQuestion(revision({ state: 'refused' }), answered, view)
    expect(plain(message)).toContain('answered: ❌ no from fran (not now)')
    expect(message.buttons).toEqual([])
  })
})

describe('the reaction under the request', () => {
  it('is one emoji for each state, and never a vote', () => {
    const marks = STATES.map((state) => stateReaction({ state }))
    expect(new Set(marks).size).toBe(8)
    for (const mark of marks) expect(['✅', '❌']).not.toContain(mark)
    expect(stateReaction({ state: 'planned' })).toBe('👀')
    expect(stateReaction({ state: 'needs-human' })).toBe('🆘')
  })
})

describe('the end', () => {
  it('is one line that mentions the asker', () => {
    const message = endLine(revision({ state: 'done', startedAtMs: AT, endedAtMs: AT + 252_000 }))
    expect(plain(message)).toBe('✔ @nico #17 drain server23 on p10: done in 4m12s')
    expect(message.mention).toEqual(['nico'])
  })
  it('of a failure names code and cause', () => {
    expect(
      plain(
        endLine(
          revision({
            state: 'failed',
            code: 'DRAIN-EVICT',
            result: { text: 'web-0 could not be evicted', details: [] },
          }),
        ),
      ),
    ).toContain('failed (DRAIN-EVICT): web-0 could not be evicted')
  })
})

describe('ticket notes', () => {
  const flat = (): string => 'the plan'
  const due = (more: Partial<Revision>) =>
    (['plan', 'approval', 'start', 'result'] as const).map((kind) => noteText(kind, revision(more), flat) !== undefined)
  it.each([
    [{ state: 'received' } as const, [false, false, false, false]],
    [{}, [true, false, false, false]],
    [{ approvedBy: ['fran'] }, [true, true, false, false]],
    [{ state: 'running', approvedBy: ['fran'], startedAtMs: AT } as const, [true, true, true, false]],
    [{ state: 'done', approvedBy: ['fran'], startedAtMs: AT } as const, [true, true, true, true]],
    [{ state: 'expired' } as const, [true, false, false, true]],
  ])('of %j are due: %j', (more, expected) => expect(due(more)).toEqual(expected))
})

describe('a refusal', () => {
  it('carries code, cause, the next thing to do, and sentences as buttons', () => {
    const message = refusal(
      refuse('DRAIN-LOCAL', 'cannot delete Pods with local storage: web/cache-0', {
        choices: [{ label: 'Drain aggressively', text: 'drain server23 on p10 aggressively' }],
      }),
    )
    expect(plain(message)).toBe(
      '✘ cannot delete Pods with local storage: web/cache-0 (DRAIN-LOCAL)\nSay `aggressively` to delete their emptyDir data.',
    )
    expect(message.buttons).toEqual([{ id: 'say:drain server23 on p10 aggressively', label: 'Drain aggressively' }])
  })
})
