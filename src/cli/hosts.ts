import { readFileSync } from 'node:fs'
import { type Config, readSecret } from '../config.ts'
import { SluiceError } from '../errors.ts'
import type { PracticeFile } from '../practice/file.ts'
import type { HostOptions } from '../systems/ssh/adapter.ts'
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

/** A host whose connection, and ssh2 itself, are loaded at the first call: a start does not wait for them. */
function lazyHost(name: string, options: () => HostOptions): Host {
  let opened: Promise<Host> | undefined
  const host = (): Promise<Host> => {
    opened ??= import('../systems/ssh/adapter.ts').then(({ openHost }) => openHost(options()))
    return opened
  }
  return {
    name,
    run: async (...args) => (await host()).run(...args),
    start: async (...args) => (await host()).start(...args),
    status: async (...args) => (await host()).status(...args),
    attach: async (...args) => (await host()).attach(...args),
    stop: async (...args) => (await host()).stop(...args),
    readFile: async (...args) => (await host()).readFile(...args),
    writeFile: async (...args) => (await host()).writeFile(...args),
    close: async () => (await opened)?.close(),
  }
}

/** The hosts of the practice world. */
export const practiceHosts = ({ ssh }: PracticeFile): Hosts =>
  kept((_cluster, name) => {
    const host = ssh.hosts[name]
    if (host === undefined)
      throw new SluiceError('SSH-UNREACHABLE', `opening ${name}`, { text: 'the practice world has no such host' })
    return lazyHost(name, () => ({
      name,
      address: host.address,
      port: host.port,
      user: ssh.user,
      privateKey: readFileSync(ssh.privateKeyPath, 'utf8'),
      knownHosts: () => ssh.knownHosts.join('\n'),
    }))
  })

/** The configured hosts, by the names of their place; without `ssh` in sluice.yaml none can be opened. */
export const configuredHosts = (config: () => Config, env: NodeJS.ProcessEnv): Hosts =>
  kept((cluster, name) => {
    const { ssh, clusters } = config()
    if (ssh === undefined)
      throw new SluiceError('SSH-UNREACHABLE', `opening ${name}`, { text: 'no `ssh` is configured in sluice.yaml' })
    const address = clusters.find((c) => c.name === cluster)?.nodes.find((n) => n.name === name)?.fqdn ?? name
    return lazyHost(name, () => ({
      name,
      address,
      user: ssh.user,
      privateKey: readSecret(ssh.privateKey, env),
      knownHosts: () => readFileSync(ssh.knownHosts, 'utf8'),
      stateDir: ssh.stateDir,
    }))
  })
