import pico from 'picocolors'
import {
  type Block,
  flat,
  type Message,
  plain,
  type Span,
  spansOf,
  type StepMark,
  stepWords,
  type Text,
  type Tone,
} from '../message.ts'
import { flow, type Paint, type Piece, type Word, wordsOf } from './console-flow.ts'
import { tableLines } from './console-table.ts'
import { showable } from './hostile.ts'

/** How wide the terminal is and whether it has colours. `fold`: tables and code are folded too; in a pipe they stay whole, for the programs that read them. */
export type Look = { readonly columns: number; readonly colours: boolean; readonly fold?: boolean }

type Colours = ReturnType<typeof pico.createColors>
const same: Paint = (text) => text
const TONES: Record<Tone, readonly [string, (c: Colours) => Paint]> = {
  info: ['', () => same],
  ok: ['✔ ', (c) => c.green],
  warn: ['⚠ ', (c) => c.yellow],
  error: ['✘ ', (c) => c.red],
  practice: ['◇ ', (c) => c.magenta],
}
const MARKS: Record<StepMark, readonly [string, (c: Colours) => Paint]> = {
  pending: ['· ', (c) => c.dim],
  running: ['▸ ', (c) => c.cyan],
  done: ['✔ ', (c) => c.green],
  failed: ['✘ ', (c) => c.red],
  skipped: ['– ', (c) => c.dim],
}

/** What a terminal shows as it is: no commands to it, no tabs, whose width nobody knows. */
export const tame = (text: string): string => showable(text).replaceAll('\t', '    ')

/** One line of the message before it is laid out. `plain` is the same line in `plain(message)`. */
type Line = { readonly plain: string; readonly lead: Word; readonly words: readonly Word[]; readonly hang: number }

/** A text as lines of styled pieces: code, bold and links have their own style, the rest has `base`. */
function textLines(text: Text, c: Colours, base: Paint): readonly (readonly Piece[])[] {
  const lines: Piece[][] = [[]]
  for (const span of spansOf(text)) {
    const paint = spanPaint(span, c, base)
    for (const [i, part] of tame(flat([span]))
      .split('\n')
      .entries()) {
      if (i > 0) lines.push([])
      if (part !== '') lines.at(-1)?.push({ text: part, paint })
    }
  }
  return lines
}

function spanPaint(span: Span, c: Colours, base: Paint): Paint {
  if (typeof span === 'string' || 'time' in span) return base
  if ('code' in span) return c.cyan
  return 'link' in span ? c.underline : (text) => c.bold(base(text))
}

const plainOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join('')

/** Lines of a text behind a mark; without one, what continues stands under what looks like a mark in the text itself. */
function marked(text: Text, mark: string, c: Colours, base: Paint): readonly Line[] {
  return textLines(text, c, base).map((pieces, i) => {
    const lead = i === 0 ? mark : ' '.repeat(mark.length)
    const own = /^\s*(?:[-·▸✔✘–⚠◇] )?/u.exec(plainOf(pieces))?.[0].length ?? 0
    return {
      plain: `${i === 0 ? mark : ''}${plainOf(pieces)}`,
      lead: lead === '' ? [] : [{ text: lead, paint: base }],
      words: wordsOf(pieces),
      hang: lead.length + own,
    }
  })
}

function linesOf(block: Exclude<Block, { kind: 'table' }>, c: Colours): readonly Line[] {
  switch (block.kind) {
    case 'heading':
      return marked(block.text, '', c, c.bold)
    case 'text':
      return marked(block.text, '', c, same)
    case 'note':
      return marked(block.text, TONES[block.tone][0], c, TONES[block.tone][1](c))
    case 'list':
      return block.items.flatMap((item) => marked(item, '- ', c, same))
    case 'fields':
      return block.rows.flatMap(([name, value]) => fieldLines(name, value, c))
    case 'steps':
      return block.items.flatMap((s) => {
        const [mark, paint] = MARKS[s.mark]
        return marked(stepWords(s), mark, c, paint(c))
      })
    case 'code':
      return tame(block.text)
        .split('\n')
        .map((text) => {
          const indent = /^ */.exec(text)?.[0].length ?? 0
          return { plain: text, lead: [], words: wordsOf([{ text, paint: c.cyan }]), hang: indent + 2 }
        })
  }
}

/** The name of a field is quiet, and what continues is indented. */
const fieldLines = (name: string, value: Text, c: Colours): readonly Line[] =>
  textLines(value, c, same).map((pieces, i) => {
    const all = i === 0 ? [{ text: `${tame(name).replaceAll('\n', ' ')}: `, paint: c.dim }, ...pieces] : pieces
    return { plain: plainOf(all), lead: [], words: wordsOf(all), hang: 2 }
  })

function blockText(block: Block, look: Look, c: Colours, keep: (plainLine: string) => boolean): readonly string[] {
  const wide = look.fold === true ? look.columns : Number.POSITIVE_INFINITY
  if (block.kind === 'table') {
    if (
      !plain({ blocks: [block] })
        .split('\n')
        .some(keep)
    )
      return []
    const table = { columns: block.columns.map(tame), rows: block.rows.map((row) => row.map(tame)) }
    return tableLines(table, { columns: wide, head: c.bold, cell: same, name: c.dim })
  }
  if (block.kind === 'code' && look.fold !== true)
    return block.text
      .split('\n')
      .filter(keep)
      .map((line) => c.cyan(showable(line)))
  return linesOf(block, c)
    .filter((line) => keep(line.plain))
    .flatMap(({ lead, words, hang }) => flow(words, { columns: look.columns, lead, hang }))
}

/** A button says what to type where that is not its label: nothing can be pressed here. What is numbered above is answered by its number. */
function buttonLines({ buttons = [], reactions = [] }: Message, look: Look, c: Colours): readonly string[] {
  const said = buttons.map(({ id, label }) => ({ label: `[${tame(label)}]`, say: sentence(id, label) }))
  const lines = said.flatMap(({ label, say }): (readonly Word[])[] =>
    say === '' || reactions.length > 0
      ? []
      : [[[{ text: label, paint: c.cyan }], ...wordsOf([{ text: tame(say), paint: same }])]],
  )
  const short = said.filter(({ say }) => say === '').map(({ label }): Word => [{ text: label, paint: c.cyan }])
  return [...lines, ...(short.length === 0 ? [] : [short])].flatMap((words) =>
    flow(words, { columns: look.columns, lead: [], hang: 2 }),
  )
}
const sentence = (id: string, label: string): string =>
  id.startsWith('say:') && id.slice(4) !== label ? `say: ${id.slice(4)}` : ''

/** The message for a terminal: laid out to its width, coloured, buttons as words, nothing in it a command to the terminal. `keep` leaves out lines that were printed before. */
export function paint(message: Message, look: Look, keep: (plainLine: string) => boolean = () => true): string {
  const c = pico.createColors(look.colours)
  const lines = message.blocks.flatMap((block) => blockText(block, look, c, keep))
  return [...lines, ...(lines.length === 0 ? [] : buttonLines(message, look, c))].join('\n')
}
