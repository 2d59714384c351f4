import ssh2, { type Client as ClientType, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2'
import { SluiceError } from '../../errors.ts'
import { algorithmsFor, fingerprint, judge, parseKnownHosts } from './known-hosts.ts'

export type HostOptions = {
  readonly name: string
  readonly address: string
  readonly port?: number
  readonly user: string
  /** OpenSSH or PKCS#1 form. */
  readonly privateKey: string
  readonly passphrase?: string
  /** Text of a known_hosts file; asked at each connection, so that a key trusted meanwhile counts. */
  readonly knownHosts: () => string
  /** Folder on the host for detached commands. Default /var/lib/sluice. */
  readonly stateDir?: string
  /** Default 10 s. */
  readonly connectTimeoutMs?: number
  /** Silence after which the host is asked for a sign of life; three unanswered ones end the connection. Default 5 s. */
  readonly keepaliveMs?: number
  /** Channels at a time; sshd's MaxSessions is 10. Default 8. */
  readonly maxSessions?: number
}

export type Connection = { readonly client: () => Promise<ClientType>; readonly close: () => Promise<void> }

// Named imports of ssh2 type-check and then are not there: it is CommonJS.
const { Client } = ssh2

type Refused = { code: 'SSH-HOSTKEY'; text: string; next: string } | undefined

function refusal({ name, address, port = 22, knownHosts }: HostOptions, key: Buffer): Refused {
  const verdict = judge(parseKnownHosts(knownHosts()), address, port, key)
  if (verdict === 'known') return undefined
  const texts = {
    unknown: `no host key is known; it presents ${fingerprint(key)}`,
    changed: `the host key has changed; it presents ${fingerprint(key)}`,
    revoked: `the host key is revoked: ${fingerprint(key)}`,
  }
  const next =
    verdict === 'unknown' ? `Compare the fingerprint with the host, then say \`trust host key of ${name}\`.` : undefined
  return { code: 'SSH-HOSTKEY', text: texts[verdict], next: next ?? 'Find out why before anything is sent to it.' }
}

function explain(error: Error & { level?: string }, refused: Refused, doing: string): SluiceError {
  if (refused !== undefined) return new SluiceError(refused.code, doing, { text: refused.text, next: refused.next })
  const { level = '', message } = error
  if (level === 'client-authentication') return new SluiceError('SSH-AUTH', doing, { text: message })
  if (level === 'handshake' && /host key/i.test(message))
    return new SluiceError('SSH-HOSTKEY', doing, { text: message })
  if (/private ?key|passphrase|key format/i.test(message)) return new SluiceError('SSH-AUTH', doing, { text: message })
  return new SluiceError('SSH-UNREACHABLE', doing, { text: message, cause: error })
}

function connect(options: HostOptions, onClose: () => void): Promise<ClientType> {
  const { name, address, port = 22, user, privateKey, passphrase, knownHosts } = options
  const doing = `connecting to ${name}`
  const known = algorithmsFor(parseKnownHosts(knownHosts()), address, port)
  return new Promise((resolve, reject) => {
    const client = new Client()
    let refused: Refused
    const fail = (error: Error): void => reject(explain(error, refused, doing))
    client.on('ready', () => resolve(client))
    client.on('error', fail)
    client.on('close', () => {
      onClose()
      fail(new Error('the connection was closed'))
    })
    const config: ConnectConfig = {
      host: address,
      port,
      username: user,
      privateKey,
      ...(passphrase === undefined ? {} : { passphrase }),
      readyTimeout: options.connectTimeoutMs ?? 10_000,
      keepaliveInterval: options.keepaliveMs ?? 5_000,
      keepaliveCountMax: 3,
      agentForward: false,
      hostVerifier: (key: Buffer) => {
        refused = refusal(options, key)
        return refused === undefined
      },
      // Names of the key types found in known_hosts; ssh2 refuses what it does not know, and so do we then.
      ...(known === undefined ? {} : { algorithms: { serverHostKey: [...known] as ServerHostKeyAlgorithm[] } }),
    }
    try {
      client.connect(config)
      // Delayed acknowledgements cost 40 ms a message otherwise.
      client.setNoDelay(true)
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** One connection per host, made at first need and again after it broke. Throws SSH-UNREACHABLE | SSH-HOSTKEY | SSH-AUTH. */
export function connection(options: HostOptions): Connection {
  let open: Promise<ClientType> | undefined
  return {
    client() {
      if (open === undefined) {
        const mine: Promise<ClientType> = connect(options, () => {
          if (open === mine) open = undefined
        })
        open = mine
        mine.catch(() => {
          if (open === mine) open = undefined
        })
      }
      return open
    },
    async close() {
      const client = await open?.catch(() => undefined)
      open = undefined
      if (client === undefined) return
      await new Promise<void>((resolve) => {
        client.once('close', () => resolve())
        client.end()
        client.destroy()
      })
    },
  }
}
