import type { Writable } from 'node:stream'
import stringWidth from 'string-width'

/** A terminal to write to; `columns` and `rows` are missing where nobody knows them. */
export type Tty = Writable & { readonly columns?: number; readonly rows?: number }
export type Size = { readonly columns: number; readonly rows: number }

/** What stands below everything that stays: lines, then the prompt with what is being typed. `cursor` counts UTF-16 units of `typed`. */
export type Below = {
  readonly lines: readonly string[]
  readonly prompt: string
  readonly typed: string
  readonly cursor: number
}

export type Screen = {
  /** Text that stays: it scrolls up with everything before it. */
  readonly print: (text: string) => void
  /** Asks for what stands below to be drawn again; many at once are one. */
  readonly refresh: () => void
  readonly size: () => Size
  /** Writes what is left, takes away what stands below and ends. */
  readonly close: () => void
}

const FALLBACK: Size = { columns: 80, rows: 24 }
const CLEAR_DOWN = '\u001b[J'
const up = (n: number): string => (n > 0 ? `\u001b[${n}A` : '')
const right = (n: number): string => (n > 0 ? `\u001b[${n}C` : '')

/** Widths of the rows above the cursor's: enough to find the way back up, also after the terminal was made narrower. */
type Drawn = readonly number[]

/**
 * Draws by erasing what stands below, writing what stays, and drawing it again, in one write. A terminal that changes its width breaks long rows in two:
 * the way back up is counted with the new width.
 */
export function openScreen(output: Tty, below: (size: Size) => Below): Screen {
  let drawn: Drawn | undefined
  let waiting = ''
  let due: NodeJS.Immediate | undefined
  let over = false
  const size = (): Size => ({ columns: output.columns || FALLBACK.columns, rows: output.rows || FALLBACK.rows })
  const erase = (): string => (drawn === undefined ? '' : `\r${up(rowsAbove(drawn, size().columns))}${CLEAR_DOWN}`)
  const draw = (): void => {
    due = undefined
    const { columns, rows } = size()
    const shown = layOut(below({ columns, rows }), columns, rows)
    const back = up(shown.rows.length - 1 - shown.row) + '\r' + right(shown.column)
    const text = erase() + waiting + shown.rows.join('\n') + back
    waiting = ''
    drawn = shown.rows.slice(0, shown.row).map((row) => stringWidth(row))
    output.write(text)
  }
  const refresh = (): void => {
    if (!over) due ??= setImmediate(draw)
  }
  output.on('resize', refresh)
  return {
    print: (text) => {
      if (over) output.write(`${text}\n`)
      else waiting += `${text}\n`
      refresh()
    },
    refresh,
    size,
    close: () => {
      over = true
      if (due !== undefined) clearImmediate(due)
      output.off('resize', refresh)
      output.write(erase() + waiting)
      waiting = ''
      drawn = undefined
    },
  }
}

// some terminals break the row with the cursor too, some do not: a row of ours that stays is better than a row of others that is lost
const rowsAbove = (above: Drawn, columns: number): number =>
  above.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)

type LaidOut = { readonly rows: readonly string[]; readonly row: number; readonly column: number }

/** Rows of what stands below, none wider than the terminal, and together at most its height: a row that scrolled away could not be erased. */
function layOut({ lines, prompt, typed, cursor }: Below, columns: number, most: number): LaidOut {
  const edited = editedRows(prompt, typed, cursor, columns)
  // of a very long line the part around the cursor is shown
  const from = Math.max(0, edited.row - Math.max(1, most - 2))
  const rows = edited.rows.slice(from, from + Math.max(1, most - 1))
  const kept = lines.slice(0, Math.max(0, most - 1 - rows.length))
  return { rows: [...kept, ...rows], row: kept.length + edited.row - from, column: edited.column }
}

/** The prompt and the typed line cut into rows; the last column stays free, where terminals differ in what the cursor does. */
function editedRows(prompt: string, typed: string, cursor: number, columns: number): LaidOut {
  const rows = [prompt]
  let width = stringWidth(prompt)
  let at = 0
  let place = { row: 0, column: width }
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(typed)) {
    const wide = stringWidth(segment)
    if (width + wide >= columns) {
      rows.push('')
      width = 0
    }
    if (at === cursor) place = { row: rows.length - 1, column: width }
    rows[rows.length - 1] += segment
    width += wide
    at += segment.length
    if (at <= cursor) place = { row: rows.length - 1, column: width }
  }
  return { rows, ...place }
}
