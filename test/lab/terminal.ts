import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import xterm from '@xterm/headless'
import { born, stop, until } from './process.ts'

/** A stretch of one style; `colour` is one of the 256, or -1 for the terminal's own. */
export type Cell = {
  readonly text: string
  readonly colour: number
  readonly bold: boolean
  readonly dim: boolean
}
export type Terminal = {
  /** What stands on the screen now, row by row, without blanks at the end. */
  readonly screen: () => readonly string[]
  /** The same with everything that scrolled away above. */
  readonly all: () => readonly string[]
  /** The screen with colours. */
  readonly cells: () => readonly (readonly Cell[])[]
  readonly type: (keys: string) => void
  /** Waits until the rows, with those that scrolled away, are as wanted; the error shows them as they are. */
  readonly sees: (what: RegExp | ((rows: readonly string[]) => boolean), limitMs?: number) => Promise<void>
  readonly resize: (columns: number, rows: number) => void
  /** The exit code, once it ended. */
  readonly ended: () => Promise<number | null>
  readonly stop: () => Promise<void>
}

/** Runs a shell command line in a pseudo-terminal made by util-linux's `script`, and shows what it writes as a terminal would. */
export async function inTerminal(
  command: string,
  size: { readonly columns: number; readonly rows: number },
  env: NodeJS.ProcessEnv = {},
): Promise<Terminal> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-tty-'))
  const named = join(dir, 'tty')
  const stty = `stty cols ${size.columns} rows ${size.rows}`
  const child = spawn('script', ['-qfec', `tty >${named}; ${stty}; exec ${command}`, '/dev/null'], {
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const term = new xterm.Terminal({ cols: size.columns, rows: size.rows, scrollback: 5_000, allowProposedApi: true })
  child.stdout.on('data', (data: Buffer) => term.write(data))
  const code = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const rowsFrom = (start: number): readonly string[] =>
    Array.from({ length: term.buffer.active.length - start }, (_, i) =>
      (term.buffer.active.getLine(start + i)?.translateToString(true) ?? '').trimEnd(),
    )
  const screen = (): readonly string[] => rowsFrom(term.buffer.active.baseY)
  const tty = await until('the pseudo-terminal', 10_000, () =>
    existsSync(named) ? readFileSync(named, 'utf8').trim() || undefined : undefined,
  )
  return {
    screen,
    all: () => rowsFrom(0),
    cells: () => Array.from({ length: term.rows }, (_, y) => cellsOf(term, y)),
    type: (keys) => void child.stdin.write(keys),
    sees: async (what, limitMs = 60_000) => {
      const holds = (): boolean => (what instanceof RegExp ? what.test(rowsFrom(0).join('\n')) : what(rowsFrom(0)))
      try {
        await until('', limitMs, () => holds() || undefined)
      } catch {
        throw new Error(`never seen: ${String(what)}; the screen shows:\n${rowsFrom(0).join('\n')}`)
      }
    },
    resize: (columns, rows) => {
      term.resize(columns, rows)
      execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)])
    },
    ended: () => code,
    stop: async () => {
      if (child.pid !== undefined && born(child.pid) !== undefined) await stop(child.pid, 'script')
      term.dispose()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Neighbours of the same style are one cell of text. */
function cellsOf(term: InstanceType<typeof xterm.Terminal>, y: number): readonly Cell[] {
  const line = term.buffer.active.getLine(term.buffer.active.baseY + y)
  const cells: Cell[] = []
  for (let x = 0; x < term.cols; x++) {
    const cell = line?.getCell(x)
    if (cell === undefined || cell.getWidth() === 0) continue
    const one: Cell = {
      text: cell.getChars() || ' ',
      colour: cell.isFgDefault() ? -1 : cell.getFgColor(),
      bold: cell.isBold() !== 0,
      dim: cell.isDim() !== 0,
    }
    const last = cells.at(-1)
    if (last !== undefined && last.colour === one.colour && last.bold === one.bold && last.dim === one.dim)
      cells[cells.length - 1] = { ...last, text: last.text + one.text }
    else cells.push(one)
  }
  return cells
}
