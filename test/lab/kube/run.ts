import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Ran } from './lab.ts'

export type RunOptions = {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Killed after this; the code is then 124. Default 10 minutes. */
  readonly limitMs?: number
}

/** Runs argv to its end and answers what it said; a program that cannot be started answers 127. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const child = spawn(argv[0] ?? '', argv.slice(1), { env: { ...process.env, ...options.env }, cwd: options.cwd })
  let stdout = ''
  let stderr = ''
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, options.limitMs ?? 600_000)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const end = (code: number) => {
    clearTimeout(timer)
    resolve({ code: late ? 124 : code, stdout, stderr })
  }
  child.on('error', (error) => {
    stderr += error.message
    end(127)
  })
  child.on('close', (code, signal) => end(code ?? (signal === null ? 1 : 137)))
  // A program may end without reading; that is its affair, seen in its code.
  child.stdin.on('error', () => {})
  child.stdin.end(options.stdin ?? '')
  return promise
}

/** As run(), but a code other than 0 throws with the end of what it said. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(argv, options)
  if (ran.code === 0) return ran.stdout
  throw new Error(`${argv.slice(0, 4).join(' ')} ended with ${ran.code}: ${(ran.stderr || ran.stdout).slice(-800)}`)
}

/** Asks `look` until it answers something, at most limitMs; `what` names the wait in the error. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { limitMs = 60_000, everyMs = 50, signal }: { limitMs?: number; everyMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    signal?.throwIfAborted()
    if (Date.now() > end) throw new Error(`waited ${Math.round(limitMs / 1000)} s in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/** Whether a process lives; one that has ended and waits for its parent does not. */
export function lives(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}
