import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../log.ts'

const MOST = 500
const MODE = 0o600

/** Lines typed at earlier starts with the same folder, the newest first, and how to keep one more. Without a folder they last as long as the console. */
export function openHistory(
  dir: string | undefined,
  log: Log,
): { readonly history: readonly string[]; readonly keep: (line: string) => void } {
  if (dir === undefined) return { history: [], keep: () => {} }
  const file = join(dir, 'console-history')
  const lines = readLines(file)
  if (lines.length > 2 * MOST) writeFileSync(file, `${lines.slice(-MOST).join('\n')}\n`, { mode: MODE })
  return {
    history: lines.slice(-MOST).toReversed(),
    keep: (line) => {
      try {
        appendFileSync(file, `${line.replaceAll('\n', ' ')}\n`, { mode: MODE })
      } catch (error) {
        log.warn(`history not kept: ${error instanceof Error ? error.message : String(error)}`)
      }
    },
  }
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}
