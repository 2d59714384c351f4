import { readFileSync } from 'node:fs'
import { type Config, readSecret } from '../config.ts'
import { SluiceError } from '../errors.ts'
import type { PracticeFile } from '../practice/file.ts'
import { openHost } from '../systems/ssh/adapter.ts'
import type { Host } from '../systems/ssh/port.ts'

/** Hosts by name; one connection each, kept until `close`. */
export type Hosts = {
  readonly open: (cluster: string, person: string) => (name: string) => Host
  readonly close: () => Promise<void>
}

function kept(make: (cluster: string, name: string) => Host): Hosts {
  const open = new Map<string, Host>()
  return {
    open: (cluster) => (name) => {
      const host = open.get(`${cluster}/${name}`) ?? make(cluster, name)
      open.set(`${cluster}/${name}`, host)
      return host
    },
    close: async () => {
      await Promise.all([...open.values()].map((host) => host.close()))
    },
  }
}

/** The hosts of the practice world. */
export const practiceHosts = ({ ssh }: PracticeFile): Hosts =>
  kept((_cluster, name) => {
    const host = ssh.hosts[name]
    if (host === undefined)
      throw new SluiceError('SSH-UNREACHABLE', `opening ${name}`, { text: 'the practice world has no such host' })
    return openHost({
      name,
      address: host.address,
      port: host.port,
      user: ssh.user,
      privateKey: readFileSync(ssh.privateKeyPath, 'utf8'),
      knownHosts: () => ssh.knownHosts.join('\n'),
    })
  })

/** The configured hosts, by the names of their place; without `ssh` in sluice.yaml none can be opened. */
export const configuredHosts = (config: () => Config, env: NodeJS.ProcessEnv): Hosts =>
  kept((cluster, name) => {
    const { ssh, clusters } = config()
    if (ssh === undefined)
      throw new SluiceError('SSH-UNREACHABLE', `opening ${name}`, { text: 'no `ssh` is configured in sluice.yaml' })
    const address = clusters.find((c) => c.name === cluster)?.nodes.find((n) => n.name === name)?.fqdn ?? name
    return openHost({
      name,
      address,
      user: ssh.user,
      privateKey: readSecret(ssh.privateKey, env),
      knownHosts: () => readFileSync(ssh.knownHosts, 'utf8'),
      stateDir: ssh.stateDir,
    })
  })
