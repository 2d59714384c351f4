import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv6 } from 'node:net'

/** Just enough DER (ITU-T X.690) and X.509 (RFC 5280) for a CA and a server certificate with P-256 keys. */
const tlv = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const size = body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts)
const octets = (content: Uint8Array): Buffer => tlv(0x04, content)
const bits = (content: Uint8Array): Buffer => tlv(0x03, Buffer.from([0]), content)
const context = (tag: number, ...parts: readonly Uint8Array[]): Buffer => tlv(0xa0 | tag, ...parts)
const TRUE = Buffer.from([0x01, 0x01, 0xff])

/** A positive INTEGER: a leading zero keeps the sign. */
export const integer = (content: Uint8Array): Buffer =>
  tlv(0x02, (content[0] ?? 0) < 0x80 ? content : Buffer.concat([Buffer.from([0]), content]))

/** OBJECT IDENTIFIER of its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const encoded = [first * 40 + second, ...rest].flatMap((value) => {
    const septets = [value & 0x7f]
    for (let left = value >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80)
    return septets
  })
  return tlv(0x06, Buffer.from(encoded))
}

const utcTime = (ms: number): Buffer =>
  tlv(0x17, Buffer.from(new Date(ms).toISOString().replace(/^..|[-:T]|\.\d+/g, ''), 'ascii'))

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const nameOf = (commonName: string): Buffer =>
  sequence(tlv(0x31, sequence(objectId('2.5.4.3'), tlv(0x0c, Buffer.from(commonName, 'utf8')))))

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  sequence(objectId(id), ...(critical ? [TRUE] : []), octets(value))

/** The 16 bytes of an IPv6 address in text. */
export function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) throw new Error(`not an IPv6 address: ${address}`)
  const [head = '', tail] = address.split('::')
  const groups = (text: string | undefined): number[] =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []
  const front = groups(head)
  const back = groups(tail)
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0)
  return Buffer.from(
    [...front, ...(tail === undefined ? [] : zeros), ...back].flatMap((group) => [group >> 8, group & 0xff]),
  )
}

const altNames = (names: readonly string[]): Buffer =>
  sequence(
    ...names.map((name) => (isIPv6(name) ? tlv(0x87, addressBytes(name)) : tlv(0x82, Buffer.from(name, 'ascii')))),
  )

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`

type Wanted = {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signWith: KeyObject
  readonly extensions: readonly Buffer[]
  readonly days: number
}

function certificate({ subject, issuer, publicKey, signWith, extensions, days }: Wanted): string {
  const nowMs = Date.now()
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(utcTime(nowMs - 3_600_000), utcTime(nowMs + days * 86_400_000)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(body, ECDSA_SHA256, bits(sign('sha256', body, signWith))))
}

export type ServerIdentity = { readonly caPem: string; readonly certPem: string; readonly keyPem: string }

/** A new CA and a server certificate under it for these DNS names and IPv6 addresses, valid for 30 days. */
export function makeServerIdentity(commonName: string, names: readonly string[]): ServerIdentity {
  const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = `${commonName} CA`
  const keyId = createHash('sha1')
    .update(ca.publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
  const caPem = certificate({
    subject: issuer,
    issuer,
    publicKey: ca.publicKey,
    signWith: ca.privateKey,
    days: 30,
    extensions: [
      extension('2.5.29.19', true, sequence(TRUE)),
      extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x02, 0x04])),
      extension('2.5.29.14', false, octets(keyId)),
    ],
  })
  const certPem = certificate({
    subject: commonName,
    issuer,
    publicKey: server.publicKey,
    signWith: ca.privateKey,
    days: 30,
    extensions: [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x07, 0x80])),
      extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))),
      extension('2.5.29.35', false, sequence(tlv(0x80, keyId))),
      extension('2.5.29.17', false, altNames(names)),
    ],
  })
  const keyPem = server.privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { caPem, certPem, keyPem: keyPem.toString() }
}
