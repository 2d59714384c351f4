import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { addressBytes, integer, makeServerIdentity, objectId } from '../../src/practice/x509.ts'

describe('the certificate of a practice server', () => {
  const { caPem, certPem, keyPem } = makeServerIdentity('practice p10', ['::1', 'localhost', 'p10-api.k8s.ooo'])
  const [ca, cert] = [new X509Certificate(caPem), new X509Certificate(certPem)]

  it('is signed by its CA, and the CA by itself', () => {
    expect([ca.ca, cert.ca]).toEqual([true, false])
    expect(cert.checkIssued(ca)).toBe(true)
    expect([cert.verify(ca.publicKey), ca.verify(ca.publicKey), cert.verify(cert.publicKey)]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('is for its names only, and for now', () => {
    expect(cert.checkIP('::1')).toBe('::1')
    expect(cert.checkHost('p10-api.k8s.ooo')).toBe('p10-api.k8s.ooo')
    expect(cert.checkHost('p6-api.k8s.ooo')).toBeUndefined()
    expect(cert.validFromDate.getTime()).toBeLessThan(Date.now())
    expect(cert.validToDate.getTime()).toBeGreaterThan(Date.now() + 20 * 86_400_000)
  })

  it('has its key, and a serial number of its own', () => {
    const other = new X509Certificate(makeServerIdentity('practice p10', ['::1']).certPem)
    expect(other.serialNumber).not.toBe(cert.serialNumber)
    expect(cert.checkPrivateKey(createPrivateKey(keyPem))).toBe(true)
  })
})

describe('DER', () => {
  it('writes object ids, integers and lengths as X.690 does', () => {
    expect(objectId('1.2.840.10045.4.3.2').toString('hex')).toBe('06082a8648ce3d040302')
    expect(integer(Buffer.from([0x80])).toString('hex')).toBe('02020080')
    expect(integer(Buffer.alloc(200, 1)).subarray(0, 3).toString('hex')).toBe('0281c8')
    expect(integer(Buffer.alloc(300, 1)).subarray(0, 4).toString('hex')).toBe('0282012c')
  })

  it('writes the 16 bytes of an IPv6 address, and refuses others', () => {
    expect(addressBytes('2a0a:e5c0:10:1::50').toString('hex')).toBe('2a0ae5c0001000010000000000000050')
    expect(addressBytes('::').toString('hex')).toBe('0'.repeat(32))
    expect(() => addressBytes('10.0.0.1')).toThrow('not an IPv6 address')
  })
})
