import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig, readSecret } from '../../src/config.ts'

const shipped = join(import.meta.dirname, '..', '..', 'config')
let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  cpSync(shipped, dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const edit = (file: string, from: string | RegExp, to: string): void => {
  const path = join(dir, file)
  const before = readFileSync(path, 'utf8')
  const after = before.replace(from, to)
  expect(after, `${file} holds ${from}`).not.toBe(before)
  writeFileSync(path, after)
}
const complaints = (): readonly string[] => {
  const loaded = loadConfig(dir)
  return loaded.ok ? [] : loaded.complaints.map((c) => `${c.file}:${c.line > 0} ${c.field}: ${c.text}`)
}

describe('the shipped example', () => {
  it('is the registry of the seeds', () => {
    const loaded = loadConfig(dir)
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
    const { clusters, people, rooms } = loaded.config
    expect(clusters.map((c) => c.name)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'p5', 'p6', 'p10'])
    expect(people.map((p) => p.name)).toEqual(['nico', 'fran', 'amal', 'jin-guk'])
    expect(rooms.map((r) => [r.name, r.cluster])).toEqual([
      ['ops', undefined],
      ['p6', 'p6'],
      ['p10', 'p10'],
    ])
    const p10 = clusters.find((c) => c.name === 'p10')
    expect(p10?.nodes.length).toBe(14)
    expect(p10?.nodes.filter((n) => n.controlPlane).map((n) => n.name)).toEqual(['server63', 'server65', 'server83'])
    expect(p10?.nodes[0]?.fqdn).toBe('server22.place10.ungleich.ch')
    expect([p10?.v4Proxy, p10?.rook, p10?.type, p10?.fqdn]).toEqual([
      '147.78.194.12',
      true,
      'production',
      'p10.k8s.ooo',
    ])
  })

  it('reports server53 and server54, which both c2 and c4 list', () => {
    const loaded = loadConfig(dir)
    expect(loaded.ok && loaded.config.warnings.map((w) => w.text.split(';')[0])).toEqual([
      'server53 is listed in both c2 and c4',
      'server54 is listed in both c2 and c4',
    ])
  })
})

describe('bad configuration is a list of precise complaints', () => {
  it('bad YAML, with its line', () => {
    edit('clusters.yaml', 'clusters:', 'clusters: [')
    expect(complaints()[0]).toMatch(/^clusters\.yaml:true : not YAML:/)
  })
  it('an unknown key, with a suggestion', () => {
    edit('clusters.yaml', 'rook: true', 'rok: true')
    expect(complaints()).toEqual(['clusters.yaml:true clusters.2.rok: unknown key `rok`; did you mean `rook`?'])
  })
  it('an IPv4 network in an IPv6-only cluster', () => {
    edit('clusters.yaml', '2a0a:e5c0:10:3::/108', '10.96.0.0/12')
    expect(complaints()).toEqual([
      'clusters.yaml:true p10.networks.services: 10.96.0.0/12 is IPv4, but p10 is IPv6 only',
    ])
  })
  it('two people with one chat identity', () => {
    edit('people.yaml', 'title: Nico,', 'title: Nico, slack: U1,')
    edit('people.yaml', 'title: Fran,', 'title: Fran, slack: U1,')
    expect(complaints()).toEqual(['people.yaml:true people.fran.slack: nico has the same slack identity U1'])
  })
  it('a policy that names no group, and one that names nobody', () => {
    edit('policies.yaml', 'in: [operators]', 'in: []')
    expect(complaints()[0]).toContain('names no group')
    edit('policies.yaml', 'in: []', 'in: [wizards]')
    expect(complaints()).toEqual(['policies.yaml:true operators change anything: nobody is in the group wizards'])
  })
  it('a rule with two answers, a room of an unknown cluster, a missing file, a secret in clear', () => {
    edit('policies.yaml', 'allow: true', 'allow: true\n    deny: no')
    expect(complaints()[0]).toContain('exactly one of allow, deny, needs')
    edit('policies.yaml', '\n    deny: no', '')
    edit('sluice.yaml', 'cluster: p6', 'cluster: p7')
    expect(complaints()).toEqual(['sluice.yaml:true rooms.p6.cluster: p7 is not in clusters.yaml'])
    edit('sluice.yaml', 'cluster: p7', 'cluster: p6')
    edit('sluice.yaml', '# reportTo: ops', 'reportTo: oops')
    expect(complaints()).toEqual(['sluice.yaml:true reportTo: oops is not one of the rooms'])
    rmSync(join(dir, 'people.yaml'))
    expect(complaints()).toContain('people.yaml:false : the file does not exist')
    writeFileSync(
      join(dir, 'sluice.yaml'),
      'rooms: {}\nredmine: { url: "https://redmine.example.org", apiKey: abcdef }\n',
    )
    expect(complaints().join()).toContain('a reference: env:NAME or file:PATH')
  })
})

describe('what a homeserver takes', () => {
  const rate = (given: string): unknown => {
    const matrix = `{ homeserver: "https://matrix.example.org", accessToken: env:X${given} }`
    writeFileSync(join(dir, 'sluice.yaml'), `rooms: { ops: {}, p6: { cluster: p6 } }\nmatrix: ${matrix}\n`)
    const loaded = loadConfig(dir)
    return loaded.ok ? loaded.config.matrix?.rate : 'bad'
  }
  it('is learned, not kept to, or given with its units in its names', () => {
    expect([rate(''), rate(', rate: none'), rate(', rate: { perMinute: 60, burst: 20 }')]).toEqual([
      'auto',
      'none',
      { perMinute: 60, burst: 20 },
    ])
    expect([rate(', rate: fast'), rate(', rate: { perMinute: 0, burst: 1 }'), rate(', rate: 5')]).toEqual([
      'bad',
      'bad',
      'bad',
    ])
  })
})

describe('secrets', () => {
  it('come by reference, and a missing one is named without its value', () => {
    writeFileSync(join(dir, 'key'), 'abc\n')
    expect(readSecret(`file:${join(dir, 'key')}`, {})).toBe('abc')
    expect(readSecret('env:KEY', { KEY: 'x' })).toBe('x')
    expect(() => readSecret('env:NONE', {})).toThrow(/SECRET-MISSING.*env:NONE/)
  })
})
