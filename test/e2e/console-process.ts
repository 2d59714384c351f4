import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A line of the console protocol, as it came. */
export type Said = Readonly<Record<string, unknown>> & {
  readonly type: string
  readonly text?: string
  readonly state?: string
  readonly job?: string
  readonly id?: string
}

const root = join(import.meta.dirname, '..', '..')

/** `sluice console --json` as a process of its own, talked to like a script would. */
export type Talk = {
  readonly said: readonly Said[]
  readonly child: ChildProcess
  readonly tell: (...lines: readonly object[]) => void
  /** Resolves with the first object (also an earlier one) for which the test holds. Rejects when the process ends before. */
  readonly heard: (what: (said: Said) => boolean) => Promise<Said>
  /** Closes stdin and waits for the exit code. */
  readonly end: () => Promise<number | null>
  readonly errors: () => string
}

export function talk(args: readonly string[]): Talk {
  const child = spawn(process.execPath, [join(root, 'src', 'cli', 'main.ts'), 'console', '--json', ...args], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said: Said[] = []
  const waiting = new Set<() => void>()
  let stderr = ''
  let code: number | null | undefined
  const changed = (): void => {
    for (const look of waiting) look()
  }
  // each line is one object of the protocol, or the test fails right here
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as Said)
    changed()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.on('close', (c) => {
    code = c
    changed()
  })
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look()
        if (found !== undefined) resolve(found)
        else if (code !== undefined)
          reject(
            new Error(`the console ended with ${code}; it said ${JSON.stringify(said.slice(-5))}; stderr: ${stderr}`),
          )
        else return
        waiting.delete(check)
      }
      waiting.add(check)
      check()
    })
  return {
    said,
    child,
    tell: (...lines) => {
      for (const line of lines) child.stdin.write(`${JSON.stringify(line)}\n`)
    },
    heard: (what) => until(() => said.find(what)),
    end: async () => {
      child.stdin.end()
      if (code !== undefined) return code
      return new Promise((resolve) => child.once('close', resolve))
    },
    errors: () => stderr,
  }
}

/** A data folder that is gone after the test. */
export function dataFolder(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export const states = (said: readonly Said[], job = '1'): readonly string[] =>
  said.flatMap((s) => (s.type === 'job' && s.job === job && typeof s.state === 'string' ? [s.state] : []))
