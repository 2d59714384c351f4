import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import stringWidth from 'string-width'
import { type Cell, inTerminal, type Terminal } from '../test/lab/terminal.ts'

// Draws docs/demo.svg and docs/pictures/console-40.svg: what a terminal shows of the real console on the practice world.
const root = join(import.meta.dirname, '..')
const [LINE_PX, CHAR_PX, PAD_PX] = [18, 8.4, 16]
const TEXT = '#e6edf3'
/** Of the 16 colours those that the console uses, as a dark terminal has them. */
const COLOURS: Readonly<Record<number, string>> = {
  1: '#ff7b72',
  2: '#7ee787',
  3: '#f2cc60',
  5: '#d2a8ff',
  6: '#79c0ff',
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function run({ text, colour, bold, dim }: Cell, row: number, at: number): string {
  if (text.trim() === '') return ''
  const style = `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.65"' : ''}`
  const blanks = text.length - text.trimStart().length
  return `<text x="${(PAD_PX + (at + blanks) * CHAR_PX).toFixed(1)}" y="${PAD_PX + (row + 1) * LINE_PX}" fill="${COLOURS[colour] ?? TEXT}"${style}>${escape(text.trim())}</text>`
}

/** Each stretch where the ones before it end: the emulator's table of widths is older than most emoji. */
function runs(cells: readonly Cell[], row: number): readonly string[] {
  let at = 0
  return cells.map((cell) => {
    const drawn = run(cell, row, at)
    at += stringWidth(cell.text)
    return drawn
  })
}

function picture(rows: readonly (readonly Cell[])[], columns: number): string {
  const size = `width="${Math.ceil(columns * CHAR_PX + 2 * PAD_PX)}" height="${rows.length * LINE_PX + 3 * PAD_PX}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" xml:space="preserve">`,
    '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
    ...rows.flatMap((cells, row) => runs(cells, row)).filter((text) => text !== ''),
    '</svg>',
    '',
  ].join('\n')
}

/** The screen without the empty rows at its end. */
function shown(terminal: Terminal): readonly (readonly Cell[])[] {
  const rows = terminal.cells()
  return rows.slice(0, rows.findLastIndex((cells) => cells.some(({ text }) => text.trim() !== '')) + 1)
}

async function opened(columns: number, rows: number): Promise<Terminal> {
  const terminal = await inTerminal(`${join(root, 'bin', 'sluice')} console --practice`, { columns, rows })
  await terminal.sees(/^sluice>$/m)
  return terminal
}

/** By the key, so that it takes its practice world with it. */
async function ended(terminal: Terminal): Promise<void> {
  terminal.type('\u0004')
  await terminal.ended()
}

async function drain(): Promise<void> {
  const terminal = await opened(100, 70)
  try {
    terminal.type('drain server23 on p10 #1234\r')
    await terminal.sees(/\[Approve\] \[Deny\](.*\n)*⚠ waiting for people/)
    terminal.type('approve 1\r')
    await terminal.sees(/VOTE-OWN/)
    terminal.type('as fran: ✅ 1\r')
    await terminal.sees(/▸ evict the pods[^\n]*\n[^\n]*\n[1-9]\d* of|▸ evict(.*\n)+[1-9]\d*\/\d+ gone\n- /)
    writeFileSync(join(root, 'docs', 'demo.svg'), picture(shown(terminal), 100))
    await terminal.sees(/done in/)
    await ended(terminal)
  } finally {
    await terminal.stop()
  }
}

async function narrow(): Promise<void> {
  const terminal = await opened(40, 60)
  try {
    terminal.type('list nodes p10 wide\r')
    await terminal.sees(/^server27$/m)
    terminal.type('drain p10\r')
    await terminal.sees(/PARSE-MISSING/)
    terminal.type('plan drain server23 on p10\r')
    await terminal.sees(/Capacity:(.*\n)+sluice>$/m)
    writeFileSync(join(root, 'docs', 'pictures', 'console-40.svg'), picture(shown(terminal), 40))
    await ended(terminal)
  } finally {
    await terminal.stop()
  }
}

mkdirSync(join(root, 'docs', 'pictures'), { recursive: true })
await drain()
await narrow()
