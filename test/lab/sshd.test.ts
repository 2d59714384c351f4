import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { lab, real } from './need.ts'

const run = promisify(execFile)

await real(['sshd'], 'the shared sshd', (sshd) => {
  test('runs a command for the key, over IPv6, under its own host key', async () => {
    const known = join(lab().dir, 'known')
    writeFileSync(known, `${sshd.knownHosts}\n`)
    const options = [
      '-F',
      '/dev/null',
      '-i',
      sshd.privateKeyFile,
      '-o',
      `UserKnownHostsFile=${known}`,
      '-o',
      'StrictHostKeyChecking=yes',
    ]
    const { stdout } = await run('ssh', [...options, '-p', String(sshd.port), `${sshd.user}@${sshd.host}`, 'echo here'])
    expect(stdout).toBe('here\n')
  })
})
