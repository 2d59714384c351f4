import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { makeDecide, safetyRules } from '../../src/policies/index.ts'
import type { Decision, Policy, Request } from '../../src/policies/policy.ts'
import { rulesPolicy } from '../../src/policies/rules.ts'
import { inWindow, parseWindow } from '../../src/policies/window.ts'

const loaded = loadConfig(`${import.meta.dirname}/../../config`)
if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
const { people, rules, clusters } = loaded.config
const errors: string[] = []
const decide = makeDecide([rulesPolicy(rules), ...safetyRules], (policy) => errors.push(policy))
const plain = makeDecide([rulesPolicy(rules)], () => {})

const WEDNESDAY = Date.parse('2026-11-25T10:00:00+01:00')
const SATURDAY = Date.parse('2026-11-28T10:00:00+01:00')
const person = (name: string) =>
  people.find((p) => p.name === name) ?? { name, title: name, groups: [], timeZone: 'UTC' }
const good = {
  identity: { ok: true, value: { uid: 'u', pinned: 'u' } },
  storage: { ok: true, value: { touches: false, health: 'HEALTH_OK', healthy: true, targetDomains: [], draining: [] } },
  'not-ready': { ok: true, value: { nodes: [] } },
} as const

function request(by: string, risk: Request['risk'], on: string | undefined, more: Partial<Request> = {}): Request {
  const cluster = clusters.find((c) => c.name === on)
  return {
    command: 'drain',
    risk,
    args: {},
    person: person(by),
    maintains: cluster?.maintainers.includes(by) ?? false,
    ...(cluster === undefined
      ? {}
      : { cluster: { name: cluster.name, type: cluster.type, maintainers: cluster.maintainers } }),
    nodes: [{ name: 'server23', controlPlane: false }],
    nowMs: WEDNESDAY,
    facts: good,
    people,
    ...more,
  }
}
const code = (d: Decision): string => (d.kind === 'deny' ? d.code : d.kind)

describe('the shipped policies', () => {
  it('everybody configured reads; nobody else does anything', () => {
    expect(code(plain(request('amal', 'read', 'p10')))).toBe('allow')
    expect(code(plain(request('amal', 'change', 'p10')))).toBe('POLICY-NONE')
    expect(code(plain(request('amal', 'disruptive', 'p10')))).toBe('POLICY-NONE')
  })
  it('operators change anything; disruption in production needs another operator', () => {
    expect(code(plain(request('nico', 'change', 'p10')))).toBe('allow')
    const decision = plain(request('nico', 'disruptive', 'p10'))
    expect(decision).toMatchObject({
      kind: 'needs',
      needs: { approvals: 1, from: ['fran'], denyCount: 1, withinMs: 1_800_000 },
    })
  })
  it('maintainers work alone on their own development cluster, and only there', () => {
    expect(code(plain(request('amal', 'disruptive', 'c5')))).toBe('allow')
    expect(code(plain(request('amal', 'disruptive', 'c2')))).toBe('POLICY-NONE')
    expect(code(plain(request('fran', 'destructive', 'c2')))).toBe('allow')
  })
  it('destructive in production: a ticket first, then two approvals, which these people cannot give', () => {
    expect(code(plain(request('nico', 'destructive', 'p10')))).toBe('POLICY-TICKET')
    expect(code(plain(request('nico', 'destructive', 'p10', { ticket: '1234' })))).toBe('POLICY-UNMET')
  })
  it('production rests from Friday 16:00 to Monday 06:00, Zurich time', () => {
    expect(code(plain(request('nico', 'disruptive', 'p10', { nowMs: SATURDAY })))).toBe('POLICY-DENIED')
    expect(code(plain(request('nico', 'disruptive', 'c2', { nowMs: SATURDAY })))).toBe('allow')
  })
  it('operators stop at once and at any time; to start again, or to take locks away, takes a second one, also off production', () => {
    const whole = { command: 'stop all', scope: 'sluice', nodes: [], facts: {}, nowMs: SATURDAY } as const
    expect(code(decide(request('nico', 'stop', undefined, whole)))).toBe('allow')
    const one = { kind: 'needs', needs: { approvals: 1, from: ['fran'] } }
    expect(decide(request('nico', 'disruptive', undefined, { ...whole, command: 'start again' }))).toMatchObject(one)
    expect(code(decide(request('amal', 'disruptive', undefined, { ...whole, command: 'start again' })))).toBe(
      'POLICY-NONE',
    )
    const unlock = { ...whole, command: 'unlock', nowMs: WEDNESDAY }
    for (const cluster of ['p10', 'c2'])
      expect(decide(request('nico', 'disruptive', cluster, unlock))).toMatchObject(one)
  })
  it('what changes Sluice itself does not ask a cluster who it is; anything else does', () => {
    const unlock = { command: 'unlock', nodes: [], facts: {} } as const
    expect(code(decide(request('nico', 'disruptive', 'p10', unlock)))).toBe('POLICY-FACT')
    expect(code(decide(request('nico', 'disruptive', 'p10', { ...unlock, scope: 'sluice' })))).toBe('needs')
  })
})

describe('no by default', () => {
  it('a policy that throws is a deny, and is reported', () => {
    const broken: Policy = {
      name: 'broken',
      decide: () => {
        throw new Error('boom')
      },
    }
    const said: string[] = []
    expect(
      code(makeDecide([rulesPolicy(rules), broken], (name) => said.push(name))(request('nico', 'read', 'p10'))),
    ).toBe('POLICY-ERROR')
    expect(said).toEqual(['broken'])
  })
  it('a fact that is missing or unreadable is a deny', () => {
    expect(code(decide(request('nico', 'disruptive', 'p10', { facts: {} })))).toBe('POLICY-FACT')
    expect(
      code(
        decide(request('nico', 'disruptive', 'p10', { facts: { ...good, storage: { ok: false, why: 'no answer' } } })),
      ),
    ).toBe('POLICY-FACT')
    expect(code(decide(request('nico', 'disruptive', 'p10')))).toBe('needs')
  })
  it('a safety rule can demand, never grant', () => {
    const unpinned = { ...good, identity: { ok: true, value: { uid: 'u' } } } as const
    expect(code(decide(request('amal', 'change', 'p10', { facts: unpinned })))).toBe('POLICY-NONE')
    expect(code(decide(request('fran', 'change', 'p10', { facts: unpinned })))).toBe('needs')
  })
  it('another cluster behind the name is refused', () => {
    const swapped = { ...good, identity: { ok: true, value: { uid: 'other', pinned: 'u' } } } as const
    expect(code(decide(request('nico', 'change', 'p10', { facts: swapped })))).toBe('IDENTITY-CHANGED')
  })
  it('the asker is never among those who may approve, whatever the rules', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('nico', 'fran', 'amal', 'jin-guk'),
        fc.constantFrom('read', 'change', 'disruptive', 'destructive', 'secret'),
        fc.constantFrom(...clusters.map((c) => c.name)),
        fc.integer({ min: 0, max: 10 ** 13 }),
        (by, risk, on, nowMs) => {
          const decision = plain(request(by, risk, on, { nowMs, ticket: '1' }))
          if (decision.kind !== 'needs') return true
          return !decision.needs.from.includes(by) && decision.needs.from.length >= decision.needs.approvals
        },
      ),
    )
  })
})

describe('SR1: etcd keeps its quorum', () => {
  const voters = (...healthy: boolean[]) => ({
    ok: true,
    value: { voters: healthy.map((h, i) => ({ node: `cp${i}`, healthy: h })), targets: ['cp0'] },
  })
  const drainCp = (quorum: unknown, args: Record<string, unknown> = {}, on = 'p10') =>
    // a hand-made reading, as systems/facts would give it
    code(
      decide(
        request('nico', 'disruptive', on, {
          nodes: [{ name: 'cp0', controlPlane: true }],
          args,
          facts: { ...good, quorum } as Request['facts'],
        }),
      ),
    )
  it.each([
    [[true, true, true], 'needs'],
    [[true, true, false], 'QUORUM'],
    [[false, true, true], 'needs'],
    [[true, true, true, true, false], 'needs'],
    [[true, true, true, false, false], 'QUORUM'],
    [[true, true, true, true], 'needs'],
    [[true, true, true, false], 'QUORUM'],
  ])('taking the first of %j', (healthy, expected) => expect(drainCp(voters(...healthy))).toBe(expected))
  it('a single control plane: never in production, elsewhere only without shutdown', () => {
    expect(drainCp(voters(true))).toBe('QUORUM')
    expect(drainCp(voters(true), { withoutShutdown: true })).toBe('QUORUM')
    expect(drainCp(voters(true), {}, 'c2')).toBe('QUORUM')
    expect(drainCp(voters(true), { withoutShutdown: true }, 'c2')).toBe('allow')
  })
  it('unreadable is a no', () => expect(drainCp({ ok: false, why: 'no lease' })).toBe('POLICY-FACT'))
})

describe('SR6 and SR13', () => {
  const storage = (value: object) =>
    code(
      decide(
        request('nico', 'disruptive', 'p10', {
          facts: {
            ...good,
            storage: {
              ok: true,
              value: {
                touches: true,
                health: 'HEALTH_OK',
                healthy: true,
                targetDomains: ['server23'],
                draining: [],
                ...value,
              },
            },
          },
        }),
      ),
    )
  it('a storage node goes only at HEALTH_OK and alone', () => {
    expect(storage({})).toBe('needs')
    expect(storage({ draining: ['server23'] })).toBe('needs')
    expect(storage({ health: 'HEALTH_WARN', healthy: false })).toBe('STORAGE')
    expect(storage({ draining: ['server24'] })).toBe('STORAGE')
    expect(storage({ targetDomains: ['server23', 'server24'] })).toBe('STORAGE-DOMAINS')
    expect(storage({ touches: false, healthy: false })).toBe('needs')
  })
  it('other nodes down: no, unless a reason is given', () => {
    const down = { ...good, 'not-ready': { ok: true, value: { nodes: ['server66'] } } } as Request['facts']
    expect(code(decide(request('nico', 'disruptive', 'p10', { facts: down })))).toBe('NODE-NOT-READY')
    expect(code(decide(request('nico', 'disruptive', 'p10', { facts: down, args: { reason: 'disk swap' } })))).toBe(
      'needs',
    )
  })
})

describe('tickets', () => {
  const withTicket = (reading: unknown, risk: Request['risk'] = 'disruptive') =>
    code(decide(request('fran', risk, 'c2', { ticket: '1', facts: { ...good, ticket: reading } as Request['facts'] })))
  it('must exist and be open; unreadable is a warning unless it is required', () => {
    expect(withTicket({ ok: true, value: { id: '1', exists: true, open: true } })).toBe('allow')
    expect(withTicket({ ok: true, value: { id: '1', exists: false, open: false } })).toBe('TICKET-UNKNOWN')
    expect(withTicket({ ok: true, value: { id: '1', exists: true, open: false } })).toBe('TICKET-CLOSED')
    expect(withTicket({ ok: false, why: 'down' })).toBe('allow')
    expect(withTicket({ ok: false, why: 'down' }, 'destructive')).toBe('POLICY-FACT')
  })
})

describe('weekly windows', () => {
  const weekend = parseWindow('Fri 16:00 - Mon 06:00 Europe/Zurich')
  it.each([
    ['2026-11-27T15:59:00+01:00', false],
    ['2026-11-27T16:00:00+01:00', true],
    ['2026-11-29T23:59:00+01:00', true],
    ['2026-11-30T05:59:00+01:00', true],
    ['2026-11-30T06:00:00+01:00', false],
    ['2026-07-03T16:00:00+02:00', true],
  ])('%s in it: %s', (at, expected) =>
    expect(weekend !== undefined && inWindow(weekend, Date.parse(at))).toBe(expected),
  )
  it('anything else is not a window', () => {
    expect(parseWindow('Fri 16:00 - Mon 06:00 Mars/Olympus')).toBeUndefined()
    expect(parseWindow('weekend')).toBeUndefined()
    expect(parseWindow('Foo 16:00 - Mon 06:00 UTC')).toBeUndefined()
  })
})
