import { spawn } from 'node:child_process'
import { mkdirSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { until } from './run.ts'

export type Start = {
  readonly name: string
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What a kill hits: the process itself, or its first child (`unshare --fork`: the child is PID 1 of the host). */
  readonly victim?: 'self' | 'child'
}

export type Ask =
  | { readonly do: 'start'; readonly process: Start }
  | { readonly do: 'stop'; readonly name: string; readonly signal: NodeJS.Signals }
  | { readonly do: 'relay'; readonly port: number; readonly to: string }
  | { readonly do: 'pids' }
  | { readonly do: 'end' }

export type Answer = {
  readonly pid?: number
  readonly port?: number
  readonly pids?: Readonly<Record<string, number>>
  readonly error?: string
}

export type Keeper = {
  /** Starts a server under the keeper; its output goes to DIR/log/NAME.log. Answers the pid. */
  readonly start: (process: Start) => Promise<number>
  /** Ends when the server has ended. SIGKILL follows after 10 s. */
  readonly stop: (name: string, signal: NodeJS.Signals) => Promise<void>
  /** Offers the Unix socket `to` on [::1]:port; 0 chooses a port. Answers the port. */
  readonly relay: (port: number, to: string) => Promise<number>
  /** Every server, and the keeper itself. */
  readonly pids: () => Promise<Readonly<Record<string, number>>>
  /** Kills everything, removes the directory. */
  readonly end: () => Promise<void>
}

function asked(path: string, ask: Ask): Promise<Answer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>()
  const socket = connect(path)
  let text = ''
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (ask.do === 'end') resolve(undefined)
    else reject(new Error(`the lab's keeper does not answer (${error.code}); was the lab stopped?`))
  })
  socket.on('connect', () => socket.write(`${JSON.stringify(ask)}\n`))
  socket.on('data', (part) => {
    text += part.toString()
    if (!text.endsWith('\n')) return
    resolve(JSON.parse(text))
    socket.destroy()
  })
  socket.on('close', () => resolve(undefined))
  return promise
}

/** The keeper of a lab that this or another process brought. */
export function attachKeeper(dir: string): Keeper {
  const path = join(dir, 'keeper.sock')
  const ask = async (what: Ask): Promise<Answer> => {
    const said = await asked(path, what)
    if (said?.error !== undefined) throw new Error(said.error)
    return said ?? {}
  }
  return {
    start: async (process) => (await ask({ do: 'start', process })).pid ?? 0,
    stop: async (name, signal) => void (await ask({ do: 'stop', name, signal })),
    relay: async (port, to) => (await ask({ do: 'relay', port, to })).port ?? 0,
    pids: async () => (await ask({ do: 'pids' })).pids ?? {},
    end: async () => void (await ask({ do: 'end' })),
  }
}

/** Starts a keeper for `dir`. It ends with this process, however this process ends. */
export async function startKeeper(dir: string): Promise<Keeper> {
  if (join(dir, 'keeper.sock').length > 100)
    throw new Error(`${dir} is too long a path for a Unix socket; choose a shorter one`)
  mkdirSync(join(dir, 'log'), { recursive: true })
  const out = openSync(join(dir, 'log', 'keeper.log'), 'a')
  const argv = [join(import.meta.dirname, 'keeper.ts'), dir]
  const child = spawn(process.execPath, argv, { detached: true, stdio: ['pipe', out, out] })
  child.unref()
  // A pipe of spawn is a Socket; unref lets this process end although the pipe is open.
  ;(child.stdin as unknown as Socket).unref()
  const keeper = attachKeeper(dir)
  await until(
    "the lab's keeper",
    () =>
      keeper.pids().then(
        () => true,
        () => undefined,
      ),
    { limitMs: 30_000 },
  )
  return keeper
}
