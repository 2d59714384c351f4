import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'

const dirs: string[] = []
const children: ChildProcess[] = []
const folder = async (): Promise<string> => {
  const dir = await mkdtemp(path.join(tmpdir(), 'sluice-faults-'))
  dirs.push(dir)
  return dir
}
afterEach(() => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
})
afterAll(async () => {
  for (const dir of dirs) {
    // ends the server that a killed child left behind
    const store = await openStore({ dir, log: silentLog })
    await store.close()
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
})

type Child = {
  readonly process: ChildProcess
  readonly line: (start: string) => Promise<string>
  readonly end: Promise<NodeJS.Signals | number | null>
  readonly lines: readonly string[]
}
function child(dir: string, killAt = 0, role = 'plain'): Child {
  const started = spawn(process.execPath, [path.join(import.meta.dirname, 'toy-child.ts'), dir, String(killAt), role], {
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
    return known === undefined ? new Promise((resolve) => waiting.set(start, resolve)) : Promise.resolve(known)
  }
  return { process: started, line, end, lines }
}

const EFFECTS = ['cordon', 'pod-0', 'pod-1', 'pod-2', 'last']
const STATES = ['received', 'planned', 'queued', 'running', 'done'].map((state) => `state 1 ${state}`)
const world = (dir: string) => readFileSync(path.join(dir, 'world'), 'utf8').trim().split('\n')
/** cordon 2, evict 2 + 3 pods x 2, last 2; told before and after each. */
const WRITES = 24

/** All in `make soak`; else every fifth, so that each kind of write (first, sub-entry, last; before and after) is met. */
const POINTS = Array.from({ length: WRITES }, (_, i) => i + 1).filter(
  (at) => process.env['SOAK'] === '1' || at % 5 === 0 || at === 1,
)

describe('kill -9 at every journal write', () => {
  test.each(POINTS)('at %i of 24: resumes, ends done, every effect once, every transition once', async (killAt) => {
    const dir = await folder()
    expect(await child(dir, killAt).end).toBe('SIGKILL')
    const second = child(dir)
    expect(await second.end).toBe(0)
    expect(world(dir)).toEqual(EFFECTS)
    expect(second.lines.filter((l) => l.startsWith('state'))).toEqual(STATES)
    // the evidence of cordon is the 4th write, that of evict the 20th: what was written before the kill is told
    const known = [4, 20].filter((written) => killAt >= written).length
    expect(second.lines).toContain(`restarted with ${known}`)
  })

  test('there are as many writes as are tested', async () => {
    const dir = await folder()
    const only = child(dir)
    expect(await only.end).toBe(0)
    expect(Number(readFileSync(path.join(dir, 'writes-plain'), 'utf8'))).toBe(WRITES)
    expect(only.lines).toContain('restarted with nothing to restart')
  })
})

describe('two workers', () => {
  test('one that was stopped too long does nothing more when it wakes', async () => {
    const dir = await folder()
    const frozen = child(dir, 0, 'frozen')
    await frozen.line('here')
    frozen.process.kill('SIGSTOP')
    const other = child(dir)
    await other.line('state 1 done')
    writeFileSync(path.join(dir, 'go'), '')
    frozen.process.kill('SIGCONT')
    expect(await frozen.line('late')).toMatch(/JOB-LOST/)
    expect(await frozen.line('point')).toMatch(/JOB-LOST/)
    writeFileSync(path.join(dir, 'leave'), '')
    expect(await frozen.end).toBe(0)
    expect(await other.end).toBe(0)
    expect(world(dir)).toEqual(EFFECTS)
    expect(other.lines.filter((l) => l.startsWith('state'))).toEqual(STATES)
  })

  test('two replicas that are asked by the same event run one job once', async () => {
    const dir = await folder()
    const both = [child(dir), child(dir)]
    expect(await Promise.all(both.map((one) => one.end))).toEqual([0, 0])
    expect(world(dir)).toEqual(EFFECTS)
  })
})
