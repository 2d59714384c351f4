import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSshKey } from '../../src/practice/sshkeys.ts'
import { openTestWorld } from '../practice/open-practice.ts'
import { hostContract } from './ssh.contract.ts'

hostContract('a practice host', async () => {
  const world = await openTestWorld()
  const { user, privateKeyPath, hosts, knownHosts } = world.file.ssh
  const target = hosts.server23
  if (target === undefined) throw new Error('the practice world has no server23')
  const stateDir = join(world.dir, 'state')
  mkdirSync(stateDir)
  return {
    options: {
      name: 'server23',
      address: target.address,
      port: target.port,
      user,
      privateKey: readFileSync(privateKeyPath, 'utf8'),
      knownHosts: () => knownHosts.find((line) => line.includes(`]:${target.port} `)) ?? '',
      stateDir,
    },
    strangerKey: makeSshKey('stranger').privateKey,
    stop: world.stop,
  }
})
