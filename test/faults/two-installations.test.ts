import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { openTestWorld, type TestWorld } from '../practice/open-practice.ts'
import type { Given } from './guard-child.ts'

/** Two installations of Sluice, each with a Redis of its own, on one cluster: the Lease in its kube-system is all they share. */
type Child = {
  readonly process: ChildProcess
  readonly line: (start: string) => Promise<string>
  readonly end: Promise<NodeJS.Signals | number | null>
}
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/sluice'
let practice: TestWorld
const children: ChildProcess[] = []
const dirs: string[] = []

const folder = async (): Promise<string> => {
  const dir = await mkdtemp(path.join(tmpdir(), 'sluice-guard-'))
  dirs.push(dir)
  return dir
}
beforeAll(async () => {
  practice = await openTestWorld()
})
afterEach(() => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
})
afterAll(async () => {
  await practice.stop()
  for (const dir of dirs) {
    // ends the server that a killed child left behind
    await openStore({ dir, log: silentLog }).then((store) => store.close())
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
})

function child(name: string, data: string, world: string, durationMs: number): Child {
  const target = practice.file.clusters.p10
  if (target === undefined) throw new Error('the practice world has no p10')
  const credentials = { server: target.server, ca: target.caPem, token: target.token }
  const given: Given = { name, data, world, credentials, durationMs }
  const started = spawn(process.execPath, [path.join(import.meta.dirname, 'guard-child.ts'), JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(started)
  const lines: string[] = []
  const waiting = new Map<string, (line: string) => void>()
  createInterface({ input: started.stdout }).on('line', (line) => {
    lines.push(line)
    for (const [start, resolve] of waiting) if (line.startsWith(start)) resolve(line)
  })
  const end = new Promise<NodeJS.Signals | number | null>((resolve) =>
    started.once('close', (code, signal) => resolve(signal ?? code)),
  )
  const line = (start: string): Promise<string> => {
    const known = lines.find((l) => l.startsWith(start))
    if (known !== undefined) return Promise.resolve(known)
    const over = end.then((code) => Promise.reject(new Error(`${name} ended with ${code} and did not say ${start}`)))
    return Promise.race([new Promise<string>((resolve) => waiting.set(start, resolve)), over])
  }
  return { process: started, line, end }
}

const told = (world: string): readonly string[] => readFileSync(path.join(world, 'world'), 'utf8').trim().split('\n')
const go = (world: string, name: string): void => writeFileSync(path.join(world, `${name}.go`), '')

test('the second waits while a job of the first runs, says for whom, and goes on when that one has ended', async () => {
  const [world, one, two] = await Promise.all([folder(), folder(), folder()])
  const first = child('first', one, world, 2_000)
  await first.line('here')
  const second = child('second', two, world, 2_000)
  const why = await second.line('waits')
  expect(why).toMatch(
    /^waits CLUSTER-HELD the Lease kube-system\/sluice of p10 is held by sluice-[0-9a-f-]+, job 1, host /,
  )
  const { body } = await practice.api('p10', 'GET', LEASE)
  const { holderIdentity } = (body as unknown as { readonly spec: { readonly holderIdentity: string } }).spec // a Lease
  expect(why).toContain(holderIdentity)
  go(world, 'first')
  expect(await first.line('ended')).toBe('ended done')
  go(world, 'second')
  expect(await second.line('ended')).toBe('ended done')
  expect(await Promise.all([first.end, second.end])).toEqual([0, 0])
  expect(told(world)).toEqual(['first begins', 'first acts', 'second begins', 'second acts'])
})

test('one that was stopped beyond its Lease asks before it acts, and waits for the other', async () => {
  const [world, one, two] = await Promise.all([folder(), folder(), folder()])
  const frozen = child('frozen', one, world, 2_000)
  await frozen.line('here')
  frozen.process.kill('SIGSTOP')
  const other = child('other', two, world, 2_000)
  await other.line('here')
  go(world, 'frozen')
  frozen.process.kill('SIGCONT')
  expect(await frozen.line('waits CLUSTER-HELD')).toMatch(/held by sluice-/)
  expect(told(world)).toEqual(['frozen begins', 'other begins'])
  go(world, 'other')
  expect(await other.line('ended')).toBe('ended done')
  expect(await frozen.line('ended')).toBe('ended done')
  expect(await Promise.all([frozen.end, other.end])).toEqual([0, 0])
  expect(told(world)).toEqual(['frozen begins', 'other begins', 'other acts', 'frozen begins', 'frozen acts'])
})

test('the Lease of one that was killed is taken over when its time has run out', async () => {
  const [world, one, two] = await Promise.all([folder(), folder(), folder()])
  const killed = child('killed', one, world, 2_000)
  await killed.line('here')
  const other = child('other', two, world, 2_000)
  go(world, 'other')
  expect(await other.line('waits')).toContain('CLUSTER-HELD')
  killed.process.kill('SIGKILL')
  await killed.end
  expect(await other.line('ended')).toBe('ended done')
  expect(told(world)).toEqual(['killed begins', 'other begins', 'other acts'])
})
