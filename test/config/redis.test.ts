import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { storeAt } from '../../src/cli/redis.ts'
import { loadConfig } from '../../src/config.ts'
import { nameOf } from '../../src/store/connect.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-redis-config-'))
  cpSync(join(import.meta.dirname, '..', '..', 'config'), dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const ENV = { URL: 'redis://:hidden@one:6379', PASSWORD: 'redis-secret', SENTINEL: 'sentinel-secret' }

/** Reads a line `redis: ...` as `sluice run` does. */
function read(line: string) {
  const path = join(dir, 'sluice.yaml')
  writeFileSync(path, `${readFileSync(path, 'utf8')}\nredis: ${line}\n`)
  const loaded = loadConfig(dir)
  return loaded.ok ? storeAt(loaded.config.redis, ENV) : loaded.complaints.map((c) => `${c.field}: ${c.text}`)
}

test('a URL, by reference', () => {
  expect(read('{ url: env:URL, replicas: required }')).toEqual({
    topology: { kind: 'url', url: ENV.URL },
    replicas: 'required',
  })
})

test('Sentinels: addresses with and without a port and of IPv6, two passwords by reference, TLS', () => {
  writeFileSync(join(dir, 'ca.pem'), 'a certificate')
  const line = `{ sentinel: { master: ops, nodes: [s1, "s2:26380", "[2001:db8::3]:26381", "[::1]"], password: env:SENTINEL }, password: env:PASSWORD, tls: { ca: "file:${dir}/ca.pem", serverName: redis } }`
  expect(read(line)).toEqual({
    topology: {
      kind: 'sentinel',
      master: 'ops',
      nodes: [
        { host: 's1', port: 26379 },
        { host: 's2', port: 26380 },
        { host: '2001:db8::3', port: 26381 },
        { host: '::1', port: 26379 },
      ],
      sentinelPassword: 'sentinel-secret',
      password: 'redis-secret',
      tls: { ca: 'a certificate', servername: 'redis' },
    },
  })
})

test('a Cluster, and addresses that are announced otherwise than they are reached', () => {
  const line =
    '{ cluster: { nodes: ["r1:7001", r2] }, username: sluice, tls: true, natMap: { "10.0.0.7:6379": "r7:16379" } }'
  expect(read(line)).toEqual({
    topology: {
      kind: 'cluster',
      nodes: [
        { host: 'r1', port: 7001 },
        { host: 'r2', port: 6379 },
      ],
      username: 'sluice',
      tls: {},
      natMap: { '10.0.0.7:6379': { host: 'r7', port: 16379 } },
    },
  })
})

test('exactly one of the three, addresses that are none, secrets that are no references', () => {
  expect(read('{ url: env:URL, cluster: { nodes: [r1] } }')).toEqual([expect.stringContaining('exactly one of url')])
})

test.each([
  ['{ cluster: { nodes: ["http://r1"] } }', 'an address'],
  ['{ sentinel: { nodes: [] } }', 'sentinel'],
  ['{ cluster: { nodes: [r1] }, password: plain }', 'never the secret itself'],
])('%s is complained about', (line, words) => {
  const complaints = read(line)
  expect(JSON.stringify(complaints)).toContain(words)
  expect(Array.isArray(complaints)).toBe(true)
})

test('without a setting: REDIS_URL, else a server of our own; passwords are in no name', () => {
  expect(storeAt(undefined, { REDIS_URL: 'redis://other' })).toEqual({ url: 'redis://other' })
  expect(storeAt(undefined, { REDIS_URL: '' })).toEqual({})
  expect(nameOf({ kind: 'url', url: ENV.URL })).toBe('redis://one:6379')
  expect(nameOf({ kind: 'cluster', nodes: [{ host: '::1', port: 1 }], password: 'p' })).toBe('the Cluster at [::1]:1')
})
