import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inside } from '../../src/practice/hosts.ts'
import { makeSshKey } from '../../src/practice/sshkeys.ts'
import { openTestWorld, type TestWorld } from './open-practice.ts'

let world: TestWorld
beforeAll(async () => {
  world = await openTestWorld()
})
afterAll(() => world.stop())

type Result = {
  readonly code: number | null
  readonly signal: string | undefined
  readonly out: string
  readonly err: string
  readonly hostKey: string
}

/** Runs a command on a host of the world as the ssh adapter does. */
function run(
  host: string,
  command: string,
  { stdin = '', key = readFileSync(world.file.ssh.privateKeyPath, 'utf8') } = {},
): Promise<Result> {
  const target = world.file.ssh.hosts[host]
  if (!target) throw new Error(`no host ${host}`)
  const client = new ssh2.Client()
  let hostKey = ''
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  client.on('error', reject)
  client.on('close', () => reject(new Error('closed')))
  client.on('ready', () => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error)
      const seen = { out: '', err: '' }
      let end: { code: number | null; signal: string | undefined } = { code: null, signal: undefined }
      channel.on('data', (chunk: Buffer) => {
        seen.out += chunk.toString()
      })
      channel.stderr.on('data', (chunk: Buffer) => {
        seen.err += chunk.toString()
      })
      channel.on('exit', (code: number | null, signal?: string) => {
        end = { code, signal }
      })
      channel.on('close', () => resolve({ ...end, ...seen, hostKey }))
      return channel.end(stdin)
    })
  })
  client.connect({
    host: target.address,
    port: target.port,
    username: world.file.ssh.user,
    privateKey: key,
    hostVerifier: (blob: Buffer) => {
      hostKey = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
      return true
    },
  })
  return promise.finally(() => client.destroy())
}

describe('a host of the practice world', () => {
  it('is itself: its name, its system, its host key, no other’s', async () => {
    const one = await run('server23', 'hostname; . /etc/os-release; echo "$PRETTY_NAME"')
    expect([one.code, one.out]).toEqual([0, 'server23\nAlpine Linux v3.14\n'])
    expect(one.hostKey).toBe(world.file.ssh.hosts['server23']?.fingerprint)
    const other = await run('server60', 'hostname')
    expect([other.out, other.hostKey === one.hostKey]).toEqual(['server60\n', false])
    expect(world.file.ssh.knownHosts).toHaveLength(22)
  })

  it('gives back exit status, both streams, and what came by stdin', async () => {
    const { code, out, err } = await run('server23', 'cat; echo bad >&2; exit 7', { stdin: 'hello' })
    expect([code, out, err]).toEqual([7, 'hello', 'bad\n'])
  })

  it('tells a signal from an exit status', async () => {
    const { code, signal } = await run('server23', 'kill -TERM $$')
    expect([code, signal]).toEqual([null, 'SIGTERM'])
  })

  it('lets nobody in with another key', async () => {
    await expect(run('server23', 'hostname', { key: makeSshKey('stranger').privateKey })).rejects.toThrow(
      /authentication/i,
    )
  })

  it('keeps what Sluice writes in its own folder, apart from other hosts', async () => {
    await run('server23', 'mkdir -p /var/lib/sluice/17 && echo done > /var/lib/sluice/17/rc')
    expect((await run('server23', 'cat /var/lib/sluice/17/rc')).out).toBe('done\n')
    expect((await run('server24', 'cat /var/lib/sluice/17/rc')).code).not.toBe(0)
    expect(existsSync(join(world.dir, 'hosts', 'server23', 'var', 'lib', 'sluice', '17', 'rc'))).toBe(true)
  })

  it('does so for a script that comes by stdin, too, and for nothing else that comes so', async () => {
    const stdin = 'mkdir -p /var/lib/sluice/18\necho script > /var/lib/sluice/18/rc'
    expect((await run('server23', 'sh -s', { stdin })).code).toBe(0)
    expect((await run('server23', 'cat /var/lib/sluice/18/rc -', { stdin })).out).toBe(`script\n${stdin}`)
  })

  it('cannot be reached without power, and can again', async () => {
    await world.tell({ event: 'ssh', host: 'server85', down: true })
    await expect(run('server85', 'hostname')).rejects.toThrow()
    await world.tell({ event: 'ssh', host: 'server85', down: false })
    expect((await run('server85', 'hostname')).out).toBe('server85\n')
  })

  it('does not reboot this machine', async () => {
    writeFileSync(join(world.dir, 'mark'), '')
    expect((await run('server23', 'command -v reboot')).out).toContain(join(world.dir, 'hosts', 'server23', 'bin'))
  })
})

it('moves only the paths of Sluice into a host’s folder', () => {
  expect(inside('/h', 'cat /etc/os-release /var/lib/sluice/1 x/var/lib/sluice /etc/passwd /run/sluiced')).toBe(
    'cat /h/etc/os-release /h/var/lib/sluice/1 x/var/lib/sluice /etc/passwd /run/sluiced',
  )
})
