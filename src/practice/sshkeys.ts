import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'

/** An ed25519 key in the forms OpenSSH uses. */
export type SshKey = {
  /** `-----BEGIN OPENSSH PRIVATE KEY-----` ... */
  readonly privateKey: string
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey: string
  /** `SHA256:...` as ssh-keygen -l prints it. */
  readonly fingerprint: string
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const field = (content: string | Buffer): Buffer => Buffer.concat([uint32(content.length), Buffer.from(content)])

/** A new key; the private part in the format of OpenSSH's PROTOCOL.key, unencrypted. */
export function makeSshKey(comment: string): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  // The last 32 bytes of these two encodings are the raw key and the seed (RFC 8410).
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)
  const type = field('ssh-ed25519')
  const blob = Buffer.concat([type, field(raw)])
  const check = randomBytes(4)
  const secret = Buffer.concat([check, check, type, field(raw), field(Buffer.concat([seed, raw])), field(comment)])
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1))
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    uint32(1),
    field(blob),
    field(Buffer.concat([secret, padding])),
  ])
  const body = whole.toString('base64').replace(/.{70}/g, '$&\n').trimEnd()
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `ssh-ed25519 ${blob.toString('base64')}`,
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
  }
}
