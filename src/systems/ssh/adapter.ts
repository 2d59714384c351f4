import { StringDecoder } from 'node:string_decoder'
import { setTimeout as pause } from 'node:timers/promises'
import { SluiceError } from '../../errors.ts'
import { redact } from '../../redact.ts'
import { connection, type HostOptions } from './connection.ts'
import { READ, READ_FILE, START, STATUS, STOP, WRITE_FILE } from './detached.ts'
import { type Execute, type Executed, executor } from './execute.ts'
import type { DetachedId, DetachedState, Host, RunOptions } from './port.ts'

export type { HostOptions } from './connection.ts'

const DEFAULT_STATE_DIR = '/var/lib/sluice'
const PIECE_BYTES = 65_536
const POLL_MS = 250
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const FAILED: Readonly<Record<number, string>> = {
  65: 'the input came short',
  70: 'the state folder cannot be made',
  71: 'the folder of the job cannot be made',
  73: 'the file cannot be written there',
}

const script = (text: string, ...words: readonly string[]): readonly string[] => ['/bin/sh', '-c', text, 'sh', ...words]
const lengthOf = (data: string | Uint8Array | undefined): string =>
  String(data === undefined ? 0 : Buffer.byteLength(data))

function must({ exitCode, stderr }: Executed, doing: string): void {
  if (exitCode === 0) return
  const text = FAILED[exitCode] ?? redact(stderr.toString('utf8').trim()).slice(0, 300)
  throw new SluiceError('STEP-FAILED', doing, { text: text === '' ? `exit code ${exitCode}` : text })
}

function parseState(line: string, doing: string): DetachedState {
  const [kind, what] = line.trim().split(' ')
  const number = Number(what)
  if (kind === 'unknown') return { kind }
  if (kind === 'running' && Number.isInteger(number)) return { kind, pid: number }
  if (kind === 'exited' && Number.isInteger(number)) return { kind, exitCode: number }
  if (kind === 'lost' && (what === 'reboot' || what === 'killed')) return { kind, why: what }
  throw new SluiceError('SSH-UNKNOWN-OUTCOME', doing, { text: 'the host answers something else' })
}

const isLoss = (error: unknown): boolean =>
  error instanceof SluiceError &&
  (error.code === 'SSH-UNREACHABLE' || error.code === 'SSH-UNKNOWN-OUTCOME' || error.code === 'SSH-TIMEOUT')

type Attach = Parameters<Host['attach']>[1]

/** Polls in pieces instead of holding a channel, so that a broken connection costs one poll and BusyBox's tail is enough. */
async function attach(execute: Execute, folder: string, doing: string, options: Attach): Promise<DetachedState> {
  const decoder = new StringDecoder('utf8')
  const endsAtMs = performance.now() + options.timeoutMs
  let byte = options.fromByte
  for (;;) {
    options.signal?.throwIfAborted()
    const leftMs = endsAtMs - performance.now()
    if (leftMs <= 0) throw new SluiceError('SSH-TIMEOUT', doing, { text: `it did not end in ${options.timeoutMs} ms` })
    const call = {
      timeoutMs: Math.min(leftMs, 30_000),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }
    try {
      const { stdout, stderr } = await execute(script(READ, folder, String(byte + 1), String(PIECE_BYTES)), call)
      byte += stdout.length
      const text = decoder.write(stdout)
      if (text !== '') options.onOutput(text)
      const state = parseState(stderr.toString('utf8'), doing)
      if (stdout.length === PIECE_BYTES) continue
      if (state.kind !== 'running') return state
    } catch (error) {
      if (!isLoss(error)) throw error
    }
    await pause(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}

/**
 * A host through ssh2: one kept connection, host key checked against known_hosts, commands in a queue per host. Nothing is connected
 * before the first call. STEP-FAILED when a file or a detached command cannot be set up there.
 */
export function openHost(options: HostOptions): Host {
  const link = connection(options)
  const execute = executor(options.name, link, options.maxSessions ?? 8)
  const root = (options.stateDir ?? DEFAULT_STATE_DIR).replace(/\/+$/, '')
  const folderOf = ({ job, step }: DetachedId): string => {
    const name = step.replace(/[^A-Za-z0-9._-]+/g, '-')
    if (!SAFE.test(job) || !SAFE.test(name))
      throw new SluiceError('INTERNAL', 'naming a folder on a host', { text: 'a job or step name is not usable' })
    return `${root}/${job}/${name}`
  }
  const at = (what: string): string => `${what} on ${options.name}`
  return {
    name: options.name,
    async run(argv, call) {
      const { stdout, stderr, ...ended } = await execute(argv, call)
      return { ...ended, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') }
    },
    async start(id, argv, call: RunOptions) {
      const done = await execute(script(START, folderOf(id), lengthOf(call.stdin), ...argv), call)
      must(done, at('starting a command'))
      return done.stdout.toString('utf8').trim() === 'exists' ? 'exists' : 'started'
    },
    async status(id, call) {
      const done = await execute(script(STATUS, folderOf(id)), call)
      return parseState(done.stdout.toString('utf8'), at('asking for the state of a command'))
    },
    attach: (id, call) => attach(execute, folderOf(id), at('following a command'), call),
    async stop(id, call) {
      must(await execute(script(STOP, folderOf(id)), call), at('stopping a command'))
    },
    async readFile(path, call) {
      const done = await execute(script(READ_FILE, path), call)
      if (done.exitCode === 66) return undefined
      must(done, at('reading a file'))
      return done.stdout.toString('utf8')
    },
    async writeFile(path, text, { mode, ...call }) {
      const argv = script(WRITE_FILE, path, mode.toString(8), lengthOf(text))
      must(await execute(argv, { ...call, stdin: text }), at('writing a file'))
    },
    close: link.close,
  }
}
