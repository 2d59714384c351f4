import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { findOrStartPractice, type FoundPractice } from '../../src/practice/client.ts'
import { isAlive, readPracticeFile } from '../../src/practice/file.ts'
import { startPractice } from '../../src/practice/main.ts'
import { ask, until, watch } from './open-practice.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-practice-'))
})
afterEach(async () => {
  const file = await readPracticeFile(dir)
  if (file && file.pid !== process.pid && isRunning(file.pid)) process.kill(file.pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const gone = (pid: number): Promise<boolean> =>
  until(
    async () => isRunning(pid),
    (running) => !running,
  )
const find = (idleLimitMs?: number): Promise<FoundPractice> =>
  findOrStartPractice({
    dir,
    signal: AbortSignal.timeout(20_000),
    ...(idleLimitMs === undefined ? {} : { idleLimitMs }),
  })

it('is started once, found again, stopped when told, and then started anew', async () => {
  const first = await find()
  const second = await find()
  expect([first.started, second.started, second.pid === first.pid]).toEqual([true, false, true])
  expect(statSync(join(dir, 'practice.json')).mode & 0o777).toBe(0o600)
  await second.stop()
  await gone(first.pid)
  expect(existsSync(join(dir, 'practice.json'))).toBe(false)
  const third = await find()
  expect([third.started, third.pid === first.pid]).toEqual([true, false])
  expect(third.ssh.hosts['server23']?.hostKey).toBe(first.ssh.hosts['server23']?.hostKey)
  await third.stop()
})

it('is one world, however many start it at once', async () => {
  const worlds = await Promise.all([find(), find(), find()])
  expect(new Set(worlds.map((world) => world.pid)).size).toBe(1)
  await worlds[0]?.stop()
})

it('survives kill -9 of who started it, and shares no file descriptor with it', async () => {
  const client = new URL('../../src/practice/client.ts', import.meta.url).href
  const script = `import { findOrStartPractice } from '${client}'
    const world = await findOrStartPractice({ dir: process.argv[1], signal: AbortSignal.timeout(20000) })
    process.stdout.write(String(world.pid))
    setInterval(() => {}, 1000)`
  const bot = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  let said = ''
  bot.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await until(
    async () => said,
    (text) => text !== '',
  )
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  bot.stdout.on('close', resolve)
  // The whole process group, as a terminal that closes does.
  process.kill(-(bot.pid ?? 0), 'SIGKILL')
  // The pipe only closes when nobody else holds its other end.
  await closed
  const world = await find()
  expect([world.started, world.pid]).toEqual([false, Number(said)])
  expect((await ask(world, 'p10', 'GET', '/api/v1/nodes/server23')).status).toBe(200)
  await world.stop()
})

it('is replaced when it was killed: its lock and its file stay behind', async () => {
  const first = await find()
  process.kill(first.pid, 'SIGKILL')
  await gone(first.pid)
  const second = await find()
  expect([second.started, second.pid === first.pid]).toEqual([true, false])
  await second.stop()
})

it('ends by itself when nobody came for its limit, but not while somebody watches', async () => {
  const world = await find(1500)
  const stream = watch(world, 'p10', '/api/v1/nodes?watch=1&allowWatchBookmarks=true')
  await until(
    async () => stream.events,
    (events) => events.some((event) => JSON.stringify(event).includes('BOOKMARK')),
  )
  expect(isRunning(world.pid)).toBe(true)
  stream.stop()
  await gone(world.pid)
  expect(existsSync(join(dir, 'practice.json'))).toBe(false)
  expect(readFileSync(join(dir, 'practice', 'log'), 'utf8')).toContain('"why":"idle"')
})

it('ends by itself when its folder is gone', async () => {
  const world = await find(2000)
  const stream = watch(world, 'p10', '/api/v1/nodes?watch=1')
  await until(
    async () => stream.events.length,
    (count) => count > 0,
  )
  rmSync(dir, { recursive: true })
  await gone(world.pid)
  await stream.ended
})

it('is not started in a folder that is gone', async () => {
  const lost = join(dir, 'lost')
  await expect(startPractice({ dir: lost, log: silentLog, mayMakeFolder: false })).rejects.toThrow('ENOENT')
  expect(existsSync(lost)).toBe(false)
})

it('says so when a second one is started in the same folder by hand', async () => {
  const first = await startPractice({ dir, log: silentLog })
  const second = await startPractice({ dir, log: silentLog })
  expect([first.found, second.found]).toEqual([false, true])
  await second.stop()
  expect(await isAlive(first.file, { limitMs: 5000 })).toBe(true)
  await first.stop()
  await first.ended
  expect(await isAlive(first.file, { limitMs: 5000 })).toBe(false)
})

it('starts anew over a file that is none, and over one of a world that is not there', async () => {
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(dir, 'practice.json'), '{"pid":1,"controlUrl":"http://[::1]:1","controlToken":"x"}')
  const world = await find()
  expect(world.started).toBe(true)
  await world.stop()
  writeFileSync(join(dir, 'practice.json'), 'not json')
  const again = await find()
  expect(again.started).toBe(true)
  await again.stop()
})
