import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
type Entry = { readonly hosts: string; readonly type: string; readonly key: Buffer; readonly revoked: boolean }

export type Verdict = 'known' | 'unknown' | 'changed' | 'revoked'

/** Lines that are no entries, and certificate authorities (ssh2 has no certificates), are left out. */
export function parseKnownHosts(text: string): readonly Entry[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const words = line.trim().split(/\s+/)
    const marker = words[0]?.startsWith('@') === true ? words.shift() : undefined
    const [hosts, type, key] = words
    if (hosts === undefined || hosts.startsWith('#') || type === undefined || key === undefined) return []
    if (marker !== undefined && marker !== '@revoked') return []
    return [{ hosts, type, key: Buffer.from(key, 'base64'), revoked: marker === '@revoked' }]
  })
}

const asPattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  )

function hashed(pattern: string, name: string): boolean {
  const [, , salt, digest] = pattern.split('|')
  if (salt === undefined || digest === undefined) return false
  const [mine, theirs] = [
    createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest(),
    Buffer.from(digest, 'base64'),
  ]
  return mine.length === theirs.length && timingSafeEqual(mine, theirs)
}

/** The name under which a host stands there: bare on port 22, `[host]:port` otherwise. */
export const hostLabel = (host: string, port: number): string => (port === 22 ? host : `[${host}]:${port}`)

function concerns(entry: Entry, name: string): boolean {
  if (entry.hosts.startsWith('|1|')) return hashed(entry.hosts, name)
  const patterns = entry.hosts.split(',')
  const matches = (pattern: string): boolean => asPattern(pattern).test(name)
  if (patterns.some((p) => p.startsWith('!') && matches(p.slice(1)))) return false
  return patterns.some((p) => !p.startsWith('!') && matches(p))
}

const keyType = (key: Buffer): string =>
  key.length < 4 ? '' : key.toString('utf8', 4, 4 + Math.min(key.readUInt32BE(0), 64))

/** Whether the host may present this key. `unknown` = nothing is known of the host at all. */
export function judge(entries: readonly Entry[], host: string, port: number, key: Buffer): Verdict {
  const name = hostLabel(host, port)
  const mine = entries.filter((entry) => concerns(entry, name))
  if (mine.some((entry) => entry.revoked && entry.key.equals(key))) return 'revoked'
  const trusted = mine.filter((entry) => !entry.revoked)
  if (trusted.some((entry) => entry.key.equals(key))) return 'known'
  return trusted.length > 0 ? 'changed' : 'unknown'
}

/** Signature algorithms for the key types known of a host, so that it does not present another of its keys; undefined = all. */
export function algorithmsFor(entries: readonly Entry[], host: string, port: number): readonly string[] | undefined {
  const mine = entries.filter((entry) => !entry.revoked && concerns(entry, hostLabel(host, port)))
  if (mine.length === 0) return undefined
  const types = mine.map((entry) => keyType(entry.key))
  return [...new Set(types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type])))]
}

/** As ssh-keygen -l prints it. */
export const fingerprint = (key: Buffer): string =>
  `${keyType(key)} SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
