/**
 * Keeper: the process that owns every server of one lab. Its stdin is a pipe held by the test run: when that closes (end,
 * crash, kill -9), it kills what it started, removes the directory and ends. Should the keeper itself be killed, the kernel
 * kills its children (PDEATHSIG). Asked over DIR/keeper.sock: one JSON line in, one out.
 *   node keeper.ts DIR
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Answer, Ask, Start } from './keep.ts'

type Kept = { readonly child: ChildProcess; readonly exited: Promise<void>; readonly victim: 'self' | 'child' }

function victimPid({ child, victim }: Kept): number | undefined {
  if (victim === 'self' || child.pid === undefined) return child.pid
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
    return Number(children[0]) || child.pid
  } catch {
    return child.pid
  }
}

function kill(kept: Kept, signal: NodeJS.Signals): void {
  const pid = victimPid(kept)
  // 0 and undefined would mean this process's own group.
  if (!pid || kept.child.exitCode !== null || kept.child.signalCode !== null) return
  try {
    process.kill(pid, signal)
  } catch {
    kept.child.kill(signal)
  }
}

function start(dir: string, all: Map<string, Kept>, { name, argv, env, victim }: Start): number {
  if (all.has(name)) throw new Error(`${name} runs already`)
  const tied = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--', ...argv] : argv
  const out = openSync(join(dir, 'log', `${name}.log`), 'a')
  const child = spawn(tied[0] ?? '', tied.slice(1), {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['pipe', out, out],
  })
  const { promise: exited, resolve } = Promise.withResolvers<void>()
  const gone = () => {
    if (all.get(name)?.child === child) all.delete(name)
    remember(dir, all)
    resolve()
  }
  child.on('exit', gone)
  child.on('error', gone)
  all.set(name, { child, exited, victim: victim ?? 'self' })
  remember(dir, all)
  if (child.pid === undefined) throw new Error(`${name} could not be started: ${tied[0]}`)
  return child.pid
}

function pids(all: Map<string, Kept>): Record<string, number> {
  return Object.fromEntries(
    [...all].flatMap(([name, { child }]) => (child.pid === undefined ? [] : [[name, child.pid]])),
  )
}

/** For people who look after a crash; the keeper itself never reads it. */
function remember(dir: string, all: Map<string, Kept>): void {
  if (!existsSync(dir)) return
  writeFileSync(join(dir, 'pids.json.part'), JSON.stringify(pids(all)))
  renameSync(join(dir, 'pids.json.part'), join(dir, 'pids.json'))
}

async function stop(all: Map<string, Kept>, name: string, signal: NodeJS.Signals): Promise<void> {
  const kept = all.get(name)
  if (!kept) return
  kill(kept, signal)
  const timer = setTimeout(() => kill(kept, 'SIGKILL'), 10_000)
  await kept.exited
  clearTimeout(timer)
}

async function end(dir: string, all: Map<string, Kept>): Promise<never> {
  await Promise.all([...all.keys()].map((name) => stop(all, name, 'SIGKILL')))
  if (process.env['SLUICE_LAB_KEEP'] === undefined) rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  process.exit(0)
}

/** Offers a Unix socket on the machine's own loopback. */
function relay(port: number, to: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer((outer) => {
    const inner = connect(to)
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy())
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy())
    outer.pipe(inner).pipe(outer)
  })
  server.once('error', reject)
  server.listen(port, '::1', () => {
    const at = server.address()
    resolve(typeof at === 'object' && at !== null ? at.port : port)
  })
  return promise
}

async function answer(dir: string, all: Map<string, Kept>, ask: Ask): Promise<Answer> {
  if (ask.do === 'start') return { pid: start(dir, all, ask.process) }
  if (ask.do === 'relay') return { port: await relay(ask.port, ask.to) }
  if (ask.do === 'stop') await stop(all, ask.name, ask.signal)
  return { pids: { ...pids(all), keeper: process.pid } }
}

function main(dir: string): void {
  const all = new Map<string, Kept>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', async (line) => {
      const ask: Ask = JSON.parse(line)
      // Its answer is the closed connection: then nothing is left.
      if (ask.do === 'end') return end(dir, all)
      const said: Answer = await answer(dir, all, ask).catch((error: Error) => ({ error: error.message }))
      if (!socket.destroyed) socket.write(`${JSON.stringify(said)}\n`)
    })
  })
  server.listen(join(dir, 'keeper.sock'))
  process.stdin
    .resume()
    .on('end', () => end(dir, all))
    .on('error', () => end(dir, all))
  process.on('SIGTERM', () => end(dir, all))
  process.on('SIGINT', () => {})
}

main(process.argv[2] ?? '')
