import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Draws docs/demo.svg, the terminal picture of the README, from what `sluice demo` really prints.
const root = join(import.meta.dirname, '..')
const LINE_PX = 18
const CHAR_PX = 8.4
const PAD_PX = 16
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^> /, '#ffffff'],
  [/^(✔|.*: done in)/u, '#7ee787'],
  [/^✘/u, '#ff7b72'],
  [/^⚠/u, '#f2cc60'],
  [/^◇/u, '#d2a8ff'],
  [/^▸/u, '#79c0ff'],
]
const PLAIN = '#c9d1d9'

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** One line of text as SVG; what a terminal would colour is coloured. */
function row(line: string, index: number): string {
  const colour = COLOURS.find(([form]) => form.test(line))?.[1] ?? PLAIN
  return `<text x="${PAD_PX}" y="${PAD_PX + (index + 1) * LINE_PX}" fill="${colour}">${escape(line)}</text>`
}

function picture(lines: readonly string[]): string {
  const widthPx = Math.max(...lines.map((line) => line.length)) * CHAR_PX + 2 * PAD_PX
  const heightPx = lines.length * LINE_PX + 3 * PAD_PX
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(widthPx)}" height="${heightPx}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    ...lines.map(row),
    '</svg>',
    '',
  ].join('\n')
}

const said = execFileSync(join(root, 'bin', 'sluice'), ['demo'], { input: '', encoding: 'utf8', timeout: 180_000 })
const from = said.indexOf('> drain server23')
writeFileSync(join(root, 'docs', 'demo.svg'), picture(said.slice(from).trimEnd().split('\n').slice(0, 70)))
