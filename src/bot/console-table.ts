import stringWidth from 'string-width'
import { flow, type Paint, type Piece, type Word } from './console-flow.ts'

export type Table = { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
export type TableLook = {
  /** Infinity: the table is never folded. */
  readonly columns: number
  readonly head: Paint
  readonly cell: Paint
  readonly name: Paint
}

const GAPS = [3, 2]
const oneLine = (text: string): string => text.replaceAll('\n', ' ')

/** kubectl's way of tables, in columns that are as wide as they look; a table that does not fit is folded: each row becomes a small block. */
export function tableLines({ columns, rows }: Table, look: TableLook): readonly string[] {
  const head = columns.map(oneLine)
  const cells = rows.map((row) => row.map(oneLine))
  const count = Math.max(head.length, ...cells.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, i) =>
    Math.max(...[head, ...cells].map((row) => stringWidth(row[i] ?? ''))),
  )
  const sum = widths.reduce((a, b) => a + b, 0)
  const gap = GAPS.find((g) => sum + g * (count - 1) <= look.columns)
  if (gap === undefined && Number.isFinite(look.columns)) return cells.flatMap((row) => folded(head, row, look))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => padded(cell, i === row.length - 1 ? 0 : (widths[i] ?? 0))).join(' '.repeat(gap ?? 3))
  return [look.head(line(head).trimEnd()), ...cells.map((row) => look.cell(line(row).trimEnd()))]
}

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - stringWidth(text)))

/** The first cell as a title, the others below it with their columns' names; an empty cell says nothing. */
function folded(head: readonly string[], row: readonly string[], look: TableLook): readonly string[] {
  const [title = '', ...rest] = row
  const pairs = rest.flatMap((text, i): Word[] => {
    if (text.trim() === '') return []
    const name: Piece = { text: `${head[i + 1] ?? ''} `, paint: look.name }
    return [[name, { text, paint: look.cell }]]
  })
  const layout = { columns: look.columns, hang: 2 }
  const named = flow([[{ text: title, paint: look.head }]], { ...layout, lead: [] })
  const blank: Piece = { text: '  ', paint: look.cell }
  return pairs.length === 0 ? named : [...named, ...flow(spaced(pairs), { ...layout, lead: [blank] })]
}

/** Two blanks between pairs, because one stands inside each. */
const spaced = (pairs: readonly Word[]): readonly Word[] => pairs.flatMap((pair, i) => (i === 0 ? [pair] : [[], pair]))
