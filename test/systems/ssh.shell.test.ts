import { execFileSync, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithmsFor, judge, parseKnownHosts } from '../../src/systems/ssh/known-hosts.ts'
import { shellLine } from '../../src/systems/ssh/shell.ts'

const word = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom("'", '"', '$', '`', '\\', '\n', ' ', ';', '&', '|', '*', '~', '!', '{', 'a', '='),
  }),
)
const safe = word.filter((w) => !w.includes('\0') && w.isWellFormed())

describe('argv as a shell line', () => {
  it('arrives unchanged, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(safe, { minLength: 1, maxLength: 6 }), (args) => {
        const out = execFileSync('sh', ['-c', shellLine(['printf', '%s\\0', ...args])], { encoding: 'utf8' })
        expect(out).toBe(args.map((a) => `${a}\0`).join(''))
      }),
      { numRuns: 200 },
    )
  })

  it('is a program and never an assignment, a keyword or an option of the shell', () => {
    for (const program of ['A=b', 'if', '!', 'a b', '-c'])
      expect(spawnSync('sh', ['-c', shellLine([program])], { encoding: 'utf8' }).status).toBe(127)
  })

  it('refuses an empty command and a NUL', () => {
    for (const argv of [[], [''], ['echo', 'a\0b'], ['a\0']]) expect(() => shellLine(argv)).toThrow('INTERNAL')
  })
})

describe('known_hosts', () => {
  const blob = (type: string, rest: string): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(type.length)
    return Buffer.concat([length, Buffer.from(type + rest)])
  }
  const [key, other] = [blob('ssh-ed25519', 'one'), blob('ssh-rsa', 'two')]
  const line = (hosts: string, k = key): string => `${hosts} ${k.toString('utf8', 4, 15)} ${k.toString('base64')}`
  const salt = Buffer.from('0123456789abcdefghij')
  const hash = (name: string): string =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`

  it.each([
    ['plain', line('server23'), 'server23', 22, 'known'],
    ['another name', line('server23'), 'server24', 22, 'unknown'],
    ['a dot is a dot', line('a.b'), 'axb', 22, 'unknown'],
    ['several', line('x,server23'), 'server23', 22, 'known'],
    ['a port', line('[::1]:2222'), '::1', 2222, 'known'],
    ['a port is part of the name', line('::1'), '::1', 2222, 'unknown'],
    ['wildcard', line('*.place6.ungleich.ch'), 'server23.place6.ungleich.ch', 22, 'known'],
    ['one letter', line('server2?'), 'server23', 22, 'known'],
    ['except', line('*,!server23'), 'server23', 22, 'unknown'],
    ['hashed', line(hash('server23')), 'server23', 22, 'known'],
    ['hashed, another', line(hash('server23')), 'server24', 22, 'unknown'],
    ['changed', line('server23', other), 'server23', 22, 'changed'],
    ['revoked wins', `${line('server23')}\n@revoked ${line('*')}`, 'server23', 22, 'revoked'],
    ['authorities are not keys', `@cert-authority ${line('*')}`, 'server23', 22, 'unknown'],
    ['comments and rubbish', `# ${line('server23')}\n\nserver23 x`, 'server23', 22, 'unknown'],
  ] as const)('%s', (_what, text, host, port, verdict) => {
    expect(judge(parseKnownHosts(text), host, port, key)).toBe(verdict)
  })

  it('asks for the known kinds of key only', () => {
    const entries = parseKnownHosts(`${line('server23', other)}\n${line('server24')}`)
    expect(algorithmsFor(entries, 'server23', 22)).toEqual(['rsa-sha2-512', 'rsa-sha2-256'])
    expect(algorithmsFor(entries, 'server24', 22)).toEqual(['ssh-ed25519'])
    expect(algorithmsFor(entries, 'server25', 22)).toBeUndefined()
  })
})
