import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HostOptions, openHost } from '../../src/systems/ssh/adapter.ts'
import type { Host } from '../../src/systems/ssh/port.ts'

export type MadeHost = {
  readonly options: HostOptions
  readonly strangerKey: string
  /** What the network does when a line is cut; commands on the host go on. */
  readonly cut?: () => void
  readonly stop: () => Promise<void>
}

const LIMIT = { timeoutMs: 60_000 }

/** What every host must do, practice or real. */
export function hostContract(name: string, make: () => Promise<MadeHost>): void {
  describe(name, () => {
    let made: MadeHost
    let host: Host
    beforeAll(async () => {
      made = await make()
      host = openHost(made.options)
    })
    afterAll(async () => {
      await host.close()
      await made.stop()
    })
    const job = () => ({ job: randomUUID(), step: 'kubeadm join' })

    it('hands over argv as it stands, and keeps stdout, stderr and exit code apart', async () => {
      const hostile = ["a'b", '$(id)', '`id`', 'x\ny', '', '*', '~', '\\', '"', 'ü']
      const ran = await host.run(['/bin/sh', '-c', 'printf "%s|" "$@"; echo bad >&2; exit 3', 'sh', ...hostile], LIMIT)
      expect(ran).toEqual({ exitCode: 3, stdout: `${hostile.join('|')}|`, stderr: 'bad\n' })
    })

    it('gives the command its input whole', async () => {
      const text = 'line\n'.repeat(50_000)
      const ran = await host.run(['wc', '-c'], { ...LIMIT, stdin: text })
      expect(Number(ran.stdout)).toBe(text.length)
    })

    it('runs more commands at once than the host has sessions for', async () => {
      const all = await Promise.all(Array.from({ length: 30 }, (_, i) => host.run(['echo', String(i)], LIMIT)))
      expect(all.map((r) => r.stdout.trim())).toEqual(Array.from({ length: 30 }, (_, i) => String(i)))
    })

    it('says SSH-TIMEOUT when a command does not end, and stops waiting at an abort', async () => {
      await expect(host.run(['sleep', '30'], { timeoutMs: 200 })).rejects.toMatchObject({ code: 'SSH-TIMEOUT' })
      const stop = new AbortController()
      const running = host.run(['sleep', '30'], { timeoutMs: 20_000, signal: stop.signal })
      stop.abort(new Error('cancelled'))
      await expect(running).rejects.toThrow('cancelled')
    })

    it('writes files whole with their mode, reads them, and knows that there is none', async () => {
      const path = `${made.options.stateDir}/${randomUUID()} it's.yaml`
      expect(await host.readFile(path, LIMIT)).toBeUndefined()
      await host.writeFile(path, 'a: ü\n', { ...LIMIT, mode: 0o600 })
      await host.writeFile(path, 'b: 2\n', { ...LIMIT, mode: 0o640 })
      expect(await host.readFile(path, LIMIT)).toBe('b: 2\n')
      expect((await host.run(['stat', '-c', '%a', path], LIMIT)).stdout.trim()).toBe('640')
    })

    it('runs a detached command once, and says how it ended', async () => {
      const id = job()
      const path = `${made.options.stateDir}/${id.job}.count`
      expect(await host.status(id, LIMIT)).toEqual({ kind: 'unknown' })
      const argv = ['/bin/sh', '-c', 'cat >>"$1"; echo "it\'s out"; echo err >&2; exit 7', 'sh', path]
      const starts = await Promise.all([1, 2, 3].map(() => host.start(id, argv, { ...LIMIT, stdin: 'once\n' })))
      expect(starts.toSorted()).toEqual(['exists', 'exists', 'started'])
      let seen = ''
      const end = await host.attach(id, { ...LIMIT, fromByte: 0, onOutput: (text) => void (seen += text) })
      expect({ end, seen }).toEqual({ end: { kind: 'exited', exitCode: 7 }, seen: "it's out\nerr\n" })
      expect(await host.readFile(path, LIMIT)).toBe('once\n')
      expect(await host.start(id, argv, LIMIT)).toBe('exists')
      let rest = ''
      await host.attach(id, { ...LIMIT, fromByte: 5, onOutput: (text) => void (rest += text) })
      expect(rest).toBe('out\nerr\n')
    })

    it('stops a detached command with all its children, and says that it was killed when its wrapper died', async () => {
      const id = job()
      await host.start(id, ['/bin/sh', '-c', 'sleep 300; true'], LIMIT)
      expect(await host.status(id, LIMIT)).toMatchObject({ kind: 'running' })
      await host.stop(id, LIMIT)
      expect(await host.attach(id, { ...LIMIT, fromByte: 0, onOutput: () => {} })).toEqual({
        kind: 'exited',
        exitCode: 143,
      })
      const other = job()
      await host.start(other, ['sleep', '300'], LIMIT)
      const state = await host.status(other, LIMIT)
      if (state.kind !== 'running') throw new Error('it does not run')
      await host.run(['kill', '-s', 'KILL', '--', `-${state.pid}`], LIMIT)
      expect(await host.attach(other, { ...LIMIT, fromByte: 0, onOutput: () => {} })).toEqual({
        kind: 'lost',
        why: 'killed',
      })
    })

    it('refuses a host without a known key, one with another key, and a key that the host does not take', async () => {
      const [label, type] = made.options.knownHosts().split(' ')
      const other = `${label} ${type} ${Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20'.padEnd(51, 'x')).toString('base64')}`
      const code = async (more: Partial<HostOptions>) => {
        const one = openHost({ ...made.options, ...more })
        try {
          return await one.run(['true'], LIMIT).then(
            () => 'let in',
            (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
          )
        } finally {
          await one.close()
        }
      }
      expect(await code({ knownHosts: () => '' })).toBe('SSH-HOSTKEY')
      expect(await code({ knownHosts: () => other })).toBe('SSH-HOSTKEY')
      expect(
        await code({
          knownHosts: () =>
            `${made.options.knownHosts()}\n@revoked * ${made.options.knownHosts().split(' ').slice(1).join(' ')}`,
        }),
      ).toBe('SSH-HOSTKEY')
      expect(await code({ privateKey: made.strangerKey })).toBe('SSH-AUTH')
      expect(await code({ port: 1 })).toBe('SSH-UNREACHABLE')
    })

    it('follows a command over a line that is cut, and never calls a lost command failed', async ({ skip }) => {
      if (made.cut === undefined) return skip('this host cannot be cut')
      const lost = host.run(['sleep', '300'], LIMIT)
      const id = job()
      const go = `${made.options.stateDir}/${id.job}.go`
      await host.start(
        id,
        ['/bin/sh', '-c', 'echo one; until [ -e "$1" ]; do sleep 0.05; done; echo two', 'sh', go],
        LIMIT,
      )
      let seen = ''
      const following = host.attach(id, {
        timeoutMs: 20_000,
        fromByte: 0,
        onOutput: (text) => {
          if (seen === '') made.cut?.()
          seen += text
        },
      })
      await expect(lost).rejects.toMatchObject({ code: 'SSH-UNKNOWN-OUTCOME' })
      await host.writeFile(go, '', { ...LIMIT, mode: 0o600 })
      expect(await following).toEqual({ kind: 'exited', exitCode: 0 })
      expect(seen).toBe('one\ntwo\n')
    })
  })
}
