import pico from 'picocolors'
import stringWidth from 'string-width'
import { type Block, type Message, plain, type StepMark, type Tone } from '../message.ts'
import { showable } from './hostile.ts'

/** How wide the terminal is and whether it has colours. */
export type Look = { readonly columns: number; readonly colours: boolean }

type Paint = (text: string) => string
const same: Paint = (text) => text
const tones = (c: ReturnType<typeof pico.createColors>): Record<Tone, Paint> => ({
  info: same,
  ok: c.green,
  warn: c.yellow,
  error: c.red,
  practice: c.magenta,
})
const marks = (c: ReturnType<typeof pico.createColors>): Record<StepMark, Paint> => ({
  pending: c.dim,
  running: c.cyan,
  done: c.green,
  failed: c.red,
  skipped: c.dim,
})

/** Breaks one line at blanks so that it fits; what continues is indented. A single longer word stays whole: names are copied. */
export function wrap(line: string, columns: number): string[] {
  if (stringWidth(line) <= columns) return [line]
  const [lead = ''] = /^\s*(?:[-·▸✔✘–⚠◇] )?/u.exec(line) ?? []
  const indent = lead.replace(/\S/gu, ' ')
  const out: string[] = []
  let now = ''
  // a word that fits only without what stands in front of it gets a line of its own
  const begin = (start: string, word: string): string => {
    if (stringWidth(`${start}${word}`) <= columns) return `${start}${word}`
    if (start.trim() !== '') out.push(start.trimEnd())
    return word
  }
  for (const word of line.slice(lead.length).split(' ')) {
    if (now === '') now = begin(out.length === 0 ? lead : indent, word)
    else if (stringWidth(`${now} ${word}`) <= columns) now = `${now} ${word}`
    else {
      out.push(now)
      now = begin(indent, word)
    }
  }
  return [...out, now]
}

/** The message for a terminal: wrapped, coloured, buttons as words, nothing in it a command to the terminal. `keep` leaves out lines that were printed before. */
export function paint(message: Message, look: Look, keep: (plainLine: string) => boolean = () => true): string {
  const c = pico.createColors(look.colours)
  const lines = message.blocks.flatMap(parts).flatMap((part) =>
    plain({ blocks: [part] })
      .split('\n')
      .filter(keep)
      .map(showable)
      .flatMap((line) => (part.kind === 'table' || part.kind === 'code' ? [line] : wrap(line, look.columns)))
      .map((line) => painter(part, c)(line)),
  )
  const buttons = (message.buttons ?? []).map((b) => c.cyan(`[${showable(b.label)}]`)).join(' ')
  return [...lines, ...(buttons === '' || lines.length === 0 ? [] : [buttons])].join('\n')
}

/** Steps one by one, because each has a colour of its own. */
const parts = (block: Block): readonly Block[] =>
  block.kind === 'steps' ? block.items.map((item) => ({ kind: 'steps', items: [item] })) : [block]

function painter(block: Block, c: ReturnType<typeof pico.createColors>): Paint {
  if (block.kind === 'heading') return c.bold
  if (block.kind === 'note') return tones(c)[block.tone]
  return block.kind === 'steps' ? marks(c)[block.items[0]?.mark ?? 'pending'] : same
}
