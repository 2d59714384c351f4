import { constants } from 'node:os'
import type { ClientChannel } from 'ssh2'
import { SluiceError } from '../../errors.ts'
import type { Connection } from './connection.ts'
import type { RunOptions } from './port.ts'
import { shellLine } from './shell.ts'

export type Executed = {
  readonly exitCode: number
  readonly signal?: string
  readonly stdout: Buffer
  readonly stderr: Buffer
}
export type Execute = (argv: readonly string[], options: RunOptions) => Promise<Executed>

const MOST_BYTES = 16 * 1024 * 1024
/** A child in the background keeps the channel open after the command itself has ended. */
const LINGER_MS = 1_000

/** At most `width` at a time, first come, first served. */
export function queue(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let busy = 0
  return async (work) => {
    if (busy >= width) await new Promise<void>((resolve) => waiting.push(resolve))
    else busy++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) busy--
      else next()
    }
  }
}

const numberOf = (signal: string): number => {
  const entry = Object.entries(constants.signals).find(([name]) => name === signal || name === `SIG${signal}`)
  return 128 + (entry?.[1] ?? 0)
}

/** Collects a channel's output; no exit event means that nobody knows how it ended. */
function collect(stream: ClientChannel, doing: string): Promise<Executed> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  let bytes = 0
  let ended: { exitCode: number; signal?: string } | undefined
  return new Promise((resolve, reject) => {
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MOST_BYTES) return void into.push(chunk)
      stream.close()
      reject(new SluiceError('SSH-UNKNOWN-OUTCOME', doing, { text: `more than ${MOST_BYTES} bytes of output` }))
    }
    const finish = (): void =>
      ended === undefined
        ? reject(new SluiceError('SSH-UNKNOWN-OUTCOME', doing))
        : resolve({ ...ended, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) })
    stream.on('data', keep(stdout))
    stream.stderr.on('data', keep(stderr))
    stream.on('exit', (code: number | null, signal?: string) => {
      ended = code === null && signal !== undefined ? { exitCode: numberOf(signal), signal } : { exitCode: code ?? 255 }
      setTimeout(() => {
        finish()
        stream.close()
      }, LINGER_MS).unref()
    })
    stream.on('close', finish)
    stream.on('error', finish)
  })
}

function open(client: Awaited<ReturnType<Connection['client']>>, line: string, doing: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    try {
      client.exec(line, (error, stream) => {
        if (error === undefined) return resolve(stream)
        const sent = /no response/i.test(error.message)
        reject(new SluiceError(sent ? 'SSH-UNKNOWN-OUTCOME' : 'SSH-UNREACHABLE', doing, { text: error.message }))
      })
    } catch (error) {
      reject(
        new SluiceError('SSH-UNREACHABLE', doing, { text: error instanceof Error ? error.message : String(error) }),
      )
    }
  })
}

/** Runs argv on the host. Closing the channel does not end a silent command there: after a time-out it may still run. */
export function executor(name: string, { client }: Connection, maxSessions: number): Execute {
  const inLine = queue(maxSessions)
  return (argv, { stdin, timeoutMs, signal }) => {
    const doing = `running ${argv[0] ?? ''} on ${name}`
    const line = shellLine(argv)
    const work = inLine(async () => {
      signal?.throwIfAborted()
      const stream = await open(await client(), line, doing)
      const stop = (): void => stream.close()
      signal?.addEventListener('abort', stop, { once: true })
      const timer = setTimeout(stop, timeoutMs)
      try {
        const outcome = collect(stream, doing)
        stream.end(stdin)
        return await outcome
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
      }
    })
    return within(work, timeoutMs, signal, doing)
  }
}

/** The caller hears of a time-out or an abort at once, also while the command waits for its turn. */
function within<T>(work: Promise<T>, ms: number, signal: AbortSignal | undefined, doing: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SluiceError('SSH-TIMEOUT', doing, { text: `it did not end in ${ms} ms` })),
      ms,
    )
    const onAbort = (): void => reject(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    })
  })
}
