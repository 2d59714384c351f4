import { type Logger, pino } from 'pino'
import { redact } from './redact.ts'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/** JSON lines to stderr, or wherever `write` takes them; every line goes through the redaction gate. */
export function makeLog(level: string, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  return pino({ level, base: null }, { write: (line: string) => write(redact(line)) })
}

/** For tests and pure parts: says nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} }
